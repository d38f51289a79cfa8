"""Resume of a finished run: nothing runs again, so that its time is that of taking all jobs over."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.ours import APPS, output_of
from benchmarks.probes import Probe, times_of
from benchmarks.process import CommandError, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.ours import Installation
    from benchmarks.plan import Plan

NAME = "resume of a finished run"


def probe(plan: Plan, ours: Installation) -> Probe:
    """Return the probe of an installation's resume."""
    return Probe(
        ours.named(NAME),
        lambda folder: _figures(folder, plan.resumed_jobs, ours),
        most_rounds=plan.large_rounds,
    )


def _figures(folder: Path, jobs: int, ours: Installation) -> Mapping[str, float]:
    app = folder / "scatter_python"
    shutil.copytree(APPS / app.name, app)
    run(ours.run_command(app, folder, {"n": jobs}))
    resumed = run(ours.run_command(app, folder, {"n": jobs}, ["--resume"]))
    total = output_of(resumed)["total"]
    if total != sum(range(jobs)):
        raise CommandError(f"returns {total} instead of {sum(range(jobs))}")
    return times_of(resumed)
