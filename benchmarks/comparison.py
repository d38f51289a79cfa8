"""The figures of this checkout beside those of an earlier commit: one row for each kind of work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import calls, generated, inside, jobs, resume, scatter, starts
from benchmarks.ours import before

if TYPE_CHECKING:
    from benchmarks.probes import Key, Results, Spread


@dataclass(frozen=True)
class Row:
    """A kind of work: its probe, and the names of its time and its processor time, if they are measured."""

    words: str
    probe: str
    time: str
    cpu: str | None = None

    def ratio(self, results: Results, figure: str | None) -> Spread | None:
        """Return the ratio of a figure to that of the earlier commit, or None if one was not measured."""
        return results.ratio(*pair(self.probe, figure)) if figure else None

    def judged(self, results: Results) -> Spread | None:
        """Return the ratio to which the bound applies: that of the processor time if it is measured."""
        return self.ratio(results, self.cpu) or self.ratio(results, self.time)


def pair(probe: str, figure: str) -> tuple[Key, Key]:
    """Return a figure of this checkout, and the same one of the earlier commit."""
    return (probe, figure), (before(probe), figure)


_PER_UNIT = [*jobs.DESCRIPTIONS, *calls.CALLS]
_COMMANDS = [*starts.OURS, *generated.NAMES, resume.NAME]

ROWS = [
    *(Row(name, name, "each", "cpu") for name in _PER_UNIT),
    Row("`dx-jobutil-add-output`", inside.WARM, "add_output"),
    Row("`dx describe FILE`", inside.WARM, "describe"),
    Row("`wait_on_done` returns", inside.WAITING, "woken"),
    Row("`dx wait` returns", inside.WAITING, "waited"),
    Row("the code of a dependent job runs", inside.WAITING, "started"),
    Row("`dx download` of a large file", inside.TRANSFER, "download"),
    Row("`dx upload` of a large file", inside.TRANSFER, "upload"),
    *(Row(name, name, "seconds", "cpu") for name in _COMMANDS),
    Row("the larger scatter", scatter.NAME, "large", "cpu"),
    Row("peak memory of its control process", scatter.NAME, "control"),
]
