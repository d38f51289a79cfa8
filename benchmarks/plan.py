"""How much is measured: in full, quickly, or just to see that the benchmarks themselves work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The sizes of all works."""

    rounds: int
    jobs: int
    """How many trivial jobs a run has; for engines that are quick or slow, a multiple of this."""
    scatter: tuple[int, int]
    """How many jobs the two large runs have."""
    calls: int
    """How often a tool is called in one job."""
    waits: int
    mebibytes: int
    """The size of the input that is downloaded and uploaded."""
    large_rounds: int
    """How often that happens."""

    def jobs_at(self, scale: float) -> int:
        """Return how many jobs an engine runs, where the usual one has scale 1."""
        return max(2, round(self.jobs * scale))


FULL = Plan(
    rounds=5,
    jobs=300,
    scatter=(1_000, 10_000),
    calls=20,
    waits=5,
    mebibytes=1024,
    large_rounds=3,
)
QUICK = Plan(
    rounds=2,
    jobs=100,
    scatter=(100, 1_000),
    calls=8,
    waits=3,
    mebibytes=256,
    large_rounds=1,
)
TINY = Plan(
    rounds=1,
    jobs=4,
    scatter=(2, 4),
    calls=1,
    waits=1,
    mebibytes=1,
    large_rounds=1,
)
"""Enough to see that everything runs."""
