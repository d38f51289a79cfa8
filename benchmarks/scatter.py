"""Two large runs, one with ten times the jobs of the other: their cost and the files they leave behind."""

from __future__ import annotations

import os
import statistics
from typing import TYPE_CHECKING

from benchmarks.probes import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.ours import Installation
    from benchmarks.plan import Plan
    from benchmarks.process import EndedCommand

NAME = "large scatter"


def probe(plan: Plan, ours: Installation) -> Probe:
    """Return the probe that measures both runs of an installation."""
    return Probe(ours.named(NAME), lambda folder: _figures(ours, folder, *plan.scatter), most_rounds=1)


def _figures(ours: Installation, folder: Path, small: int, large: int) -> Mapping[str, float]:
    """Run few jobs, many, and few again, so that other load on the machine affects both."""
    before, _ = _run(ours, folder / "before", small)
    ended, files = _run(ours, folder / "large", large)
    after, _ = _run(ours, folder / "after", small)
    small_seconds = statistics.mean([before.seconds, after.seconds])
    early, late = ended.descriptors
    return {
        "small": small_seconds,
        "large": ended.seconds,
        "cpu": ended.cpu_seconds,
        "ratio": ended.seconds / small_seconds,
        "cpu_ratio": ended.cpu_seconds / statistics.mean([before.cpu_seconds, after.cpu_seconds]),
        "small_control": max(before.control_mib, after.control_mib),
        "control": ended.control_mib,
        "processes": ended.left_over,
        "descriptors": max(0, late - early),
        "files": files,
    }


def _run(ours: Installation, folder: Path, jobs: int) -> tuple[EndedCommand, int]:
    """Run a number of jobs, and return the measurements and the number of temporary files left behind."""
    folder.mkdir()
    ended, _ = ours.run_app("scatter_python", folder, {"n": jobs})
    left = sum(len(folders) + len(files) for _, folders, files in os.walk(folder / "tmp"))
    return ended, left
