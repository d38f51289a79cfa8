"""How much is measured: in full, quickly, or just to see that the benchmarks themselves work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The sizes of all works."""

    rounds: int
    jobs: int
    """How many trivial jobs a run has; the cost of one is that of this many, less that of one, by job."""
    slow_jobs: int
    """The same for engines that take a second for each."""
    scatter: tuple[int, int]
    """How many jobs the two large runs have."""
    calls: int
    """How often a tool is called in one job."""
    waits: int
    mebibytes: int
    """The size of the input that is downloaded and uploaded."""
    large_rounds: int
    """How often that happens."""


FULL = Plan(
    rounds=5,
    jobs=300,
    slow_jobs=12,
    scatter=(1_000, 10_000),
    calls=20,
    waits=5,
    mebibytes=1024,
    large_rounds=3,
)
QUICK = Plan(
    rounds=2,
    jobs=100,
    slow_jobs=4,
    scatter=(100, 1_000),
    calls=8,
    waits=3,
    mebibytes=256,
    large_rounds=1,
)
TINY = Plan(
    rounds=1,
    jobs=4,
    slow_jobs=2,
    scatter=(2, 4),
    calls=1,
    waits=1,
    mebibytes=1,
    large_rounds=1,
)
"""Enough to see that everything runs."""
