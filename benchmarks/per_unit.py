"""The cost of one more unit of work in a run: a run with many of them less a run with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.process import EndedCommand


def figures(folder: Path, most: int, run: Callable[[Path, int], EndedCommand]) -> Mapping[str, float]:
    """Run one unit, then many; return the time and processor time (s) of a further one, and other figures.

    "each" is the time, "cpu" the processor time, "start" the time of the run with one unit, and "memory" the
    largest peak memory of a process in MiB.
    """
    runs = {}
    for units in (1, most):
        own_folder = folder / str(units)
        own_folder.mkdir()
        runs[units] = run(own_folder, units)
    one, many = runs[1], runs[most]
    return {
        "units": most,
        "each": (many.seconds - one.seconds) / (most - 1),
        "cpu": (many.cpu_seconds - one.cpu_seconds) / (most - 1),
        "start": one.seconds,
        "memory": many.largest_mib,
    }
