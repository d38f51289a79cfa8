"""The targets for the figures, and the check of the figures against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import comparison, generated, inside, jobs, scatter, starts

if TYPE_CHECKING:
    from benchmarks.probes import Key, Results


@dataclass(frozen=True)
class Target:
    """A bound for a figure, or for the ratio of one figure to another."""

    words: str
    figure: Key
    below: Key | None = None
    """The figure by which it is divided, if any."""
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "x"
    scale: float = 1
    """The factor from the figure to the unit."""

    def measured(self, results: Results) -> float | None:
        """Return the figure in this target's unit, or None if it was not measured."""
        if self.below:
            ratio = results.ratio(self.figure, self.below)
            return ratio.median if ratio else None
        spread = results.spread(self.figure)
        return spread.median * self.scale if spread else None

    def is_met(self, measured: float) -> bool:
        """Return whether a figure is within the bounds."""
        is_enough = self.at_least is None or measured >= self.at_least
        return is_enough and (self.at_most is None or measured <= self.at_most)

    @property
    def wanted(self) -> str:
        """The bound in words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}{self._suffix}"
        return f"≤ {self.at_most:g}{self._suffix}"

    def format(self, measured: float) -> str:
        """Return a figure with its unit."""
        return f"{measured:.3g}{self._suffix}" if abs(measured) < 1000 else f"{measured:.0f}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return self.unit if self.unit in ("", "x") else f" {self.unit}"


def verdict(results: Results) -> str:
    """Return a line with the numbers of targets that are met and not measured."""
    measured = [(target, value) for target in TARGETS if (value := target.measured(results)) is not None]
    met = sum(target.is_met(value) for target, value in measured)
    return f"{met} of {len(measured)} targets met, {len(TARGETS) - len(measured)} not measured"


_PYTHON, _BASH = (jobs.PYTHON, "each"), (jobs.BASH, "each")
_BASIC_APP = (generated.name_of("python", "basic"), "seconds")
_OFFICIAL_GENERATE = (starts.OFFICIAL_GENERATE, "seconds")
_MS = 1000

UNCHANGED = 1.1
"""Bound of a figure relative to that of the earlier commit, if it has no target: no slower, but for noise."""

AGAINST_BEFORE = [
    Target("bash subjobs: CPU relative to before", *comparison.pair(jobs.BASH, "cpu"), at_most=0.33),
    Target("Python subjobs: CPU relative to before", *comparison.pair(jobs.PYTHON, "cpu"), at_most=0.8),
    Target(
        "`dx-local --help`: CPU relative to before",
        *comparison.pair(starts.RUNTIME_HELP, "cpu"),
        at_most=1.05,
    ),
    Target(
        "`dx-app-wizard --help`: CPU relative to before",
        *comparison.pair(starts.OUR_HELP, "cpu"),
        at_most=1.05,
    ),
]
"""Targets for figures relative to those of the earlier commit, measured with `--against`."""

TARGETS = [
    *AGAINST_BEFORE,
    Target("bash subjobs: rate relative to cwltool with `sh` jobs", ("cwltool", "each"), _BASH, at_least=0.9),
    Target("Python subjobs: rate relative to Snakemake", ("Snakemake", "each"), _PYTHON, at_least=1.4),
    Target(
        "Python subjobs: rate relative to cwltool with Python jobs",
        ("cwltool, Python jobs", "each"),
        _PYTHON,
        at_least=2,
    ),
    Target(
        "Python subjobs: rate relative to cwltool with `sh` jobs (stretch goal)",
        ("cwltool", "each"),
        _PYTHON,
        at_least=1.5,
    ),
    Target("Python subjobs: rate relative to Parsl (stretch goal)", ("Parsl", "each"), _PYTHON, at_least=1),
    Target(
        "run of the basic app: time relative to importing dxpy",
        _BASIC_APP,
        (starts.DXPY, "seconds"),
        at_most=1.9,
    ),
    Target("generation of the basic app", (starts.GENERATE, "seconds"), at_most=0.25, unit="s"),
    Target(
        "generation: time relative to the official wizard",
        (starts.GENERATE, "seconds"),
        _OFFICIAL_GENERATE,
        at_most=1.1,
    ),
    Target(
        "generation by the same answers of a pipe: time relative to the official wizard",
        (starts.GENERATE_PIPED, "seconds"),
        _OFFICIAL_GENERATE,
        at_most=1.1,
    ),
    Target(
        "`dx-jobutil-add-output`: speed-up over a plain process",
        (inside.PLAIN, "add_output"),
        (inside.WARM, "add_output"),
        at_least=8,
    ),
    Target(
        "`dx describe`: speed-up over a plain process",
        (inside.PLAIN, "describe"),
        (inside.WARM, "describe"),
        at_least=8,
    ),
    Target("time of ten times as many jobs", (scatter.NAME, "ratio"), at_most=10.5),
    Target(
        "peak memory of the control process in the larger run",
        (scatter.NAME, "control"),
        at_most=100,
        unit="MiB",
    ),
    Target("processes left by it", (scatter.NAME, "processes"), at_most=0, unit=""),
    Target("growth of open descriptors during it", (scatter.NAME, "descriptors"), at_most=2, unit=""),
    Target("temporary files left by it", (scatter.NAME, "files"), at_most=0, unit=""),
    Target(
        "`wait_on_done` returns after the job's end",
        (inside.WAITING, "woken"),
        at_most=50,
        unit="ms",
        scale=_MS,
    ),
    Target(
        "`dx wait` returns after the job's end", (inside.WAITING, "waited"), at_most=50, unit="ms", scale=_MS
    ),
    Target(
        "the code of a dependent job runs after the job's end",
        (inside.WAITING, "started"),
        at_most=50,
        unit="ms",
        scale=_MS,
    ),
    Target(
        "delay of a large linked input, compared with one byte",
        (inside.TRANSFER, "linked"),
        at_most=0.2,
        unit="s",
    ),
    Target(
        "upload of a large file: rate relative to `cp`",
        (inside.TRANSFER, "copy"),
        (inside.TRANSFER, "upload"),
        at_least=0.5,
    ),
]
