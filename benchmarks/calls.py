"""Calls of the commands that bash apps use most, on files of 1 kB, by the cost of one more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import per_unit
from benchmarks.probes import Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.ours import Installation
    from benchmarks.plan import Plan
    from benchmarks.process import EndedCommand

CALLS = {
    "`dx upload` of 1 kB": "upload",
    "`dx download` of 1 kB": "download",
    "`dx describe --name`": "describe",
    "`dx-jobutil-new-job`, and its empty bash job": "new_job",
}
"""By probe: the input of the app."""


def probes(plan: Plan, ours: Installation) -> list[Probe]:
    """Return the probes of an installation's calls."""

    def probe(name: str, call: str) -> Probe:
        def run_calls(folder: Path, calls: int) -> EndedCommand:
            return ours.run_app("calls", folder, {"n": calls, "call": call})[0]

        return Probe(ours.named(name), _figures(plan.small_calls, run_calls))

    return [probe(name, call) for name, call in CALLS.items()]


def _figures(
    most: int, run_calls: Callable[[Path, int], EndedCommand]
) -> Callable[[Path], Mapping[str, float]]:
    return lambda folder: per_unit.figures(folder, most, run_calls)
