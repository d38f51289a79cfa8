"""The sizes of benchmark runs: full, quick, or just enough to test the benchmarks themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The sizes of all measurements."""

    rounds: int
    jobs: int
    """Number of trivial jobs in a run; fast engines run a multiple, and slow ones a fraction."""
    scatter: tuple[int, int]
    """Numbers of jobs in the two large runs."""
    calls: int
    """Number of calls of each tool in one job."""
    waits: int
    mebibytes: int
    """Size of the input that is downloaded and uploaded."""
    large_rounds: int
    """Number of rounds with that input, and of those that resume a run."""
    small_calls: int
    """Number of calls of one command in a run."""
    resumed_jobs: int
    """Number of jobs in the run that is resumed."""

    def jobs_at(self, scale: float) -> int:
        """Return the number of jobs for an engine with a scale; the usual scale is 1."""
        return max(2, round(self.jobs * scale))


FULL = Plan(
    rounds=5,
    jobs=300,
    scatter=(1_000, 10_000),
    calls=20,
    waits=5,
    mebibytes=1024,
    large_rounds=3,
    small_calls=100,
    resumed_jobs=1_000,
)
QUICK = Plan(
    rounds=2,
    jobs=100,
    scatter=(100, 1_000),
    calls=8,
    waits=3,
    mebibytes=256,
    large_rounds=1,
    small_calls=20,
    resumed_jobs=100,
)
TINY = Plan(
    rounds=1,
    jobs=4,
    scatter=(2, 4),
    calls=1,
    waits=1,
    mebibytes=1,
    large_rounds=1,
    small_calls=2,
    resumed_jobs=2,
)
"""Just enough to test that everything runs."""
