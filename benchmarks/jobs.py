"""Trivial jobs: the cost of one more job, and of a run with one job, for dx-local and the peers."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from benchmarks.ours import run_app
from benchmarks.peers.engines import PEERS
from benchmarks.probes import Probe
from benchmarks.process import CommandError, EndedCommand, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.peers.engines import Peer
    from benchmarks.plan import Plan

PYTHON, BASH, BASH_BY_HELPERS = "Python subjobs", "bash subjobs", "bash subjobs, started by helpers"
_APPS = {
    PYTHON: ("scatter_python", 1),
    BASH: ("scatter_bash", 1),
    BASH_BY_HELPERS: ("scatter_bash_helpers", 0.25),
}
"""By probe: the name of the app, and the factor on the number of its jobs."""

DESCRIPTIONS = {
    PYTHON: "`dx-local run` of [scatter_python](../../benchmarks/apps/scatter_python/src/scatter.py): "
    "each job is a separate process that has imported dxpy and returns an int",
    BASH: "`dx-local run` of [scatter_bash](../../benchmarks/apps/scatter_bash/src/scatter.sh): "
    "each job is a bash process that calls `dx-jobutil-add-output` once; one Python process starts them all",
    BASH_BY_HELPERS: "the same, but each job is started with `dx-jobutil-new-job`",
}


def of_ours(plan: Plan) -> list[Probe]:
    """Return the probes of dx-local's jobs."""

    def probe(name: str, app: str, scale: float) -> Probe:
        def run_jobs(folder: Path, jobs: int) -> EndedCommand:
            is_summed = name == PYTHON
            ended, output = run_app(app, folder, {"n": jobs})
            _check(output["total"], sum(range(jobs)) if is_summed else 0)
            return ended

        return Probe(name, lambda folder: _figures(folder, plan.jobs_at(scale), run_jobs))

    return [probe(name, app, scale) for name, (app, scale) in _APPS.items()]


def of_peers(plan: Plan) -> list[Probe]:
    """Return the probes of the peers' jobs."""

    def probe(peer: Peer) -> Probe:
        def run_jobs(folder: Path, jobs: int) -> EndedCommand:
            ended = run(peer.command(folder, jobs))
            numbers = re.findall(r"\d+", ended.output)
            _check(int(numbers[-1]) if numbers else None, sum(range(jobs)))
            return ended

        most = plan.jobs_at(peer.scale)
        return Probe(peer.name, lambda folder: _figures(folder, most, run_jobs), is_ours=False)

    return [probe(peer) for peer in PEERS]


def _figures(folder: Path, most: int, run_jobs: Callable[[Path, int], EndedCommand]) -> Mapping[str, float]:
    """Run one job, then many; return the time and processor time (s) per further job, and other figures."""
    runs = {}
    for jobs in (1, most):
        job_folder = folder / str(jobs)
        job_folder.mkdir()
        runs[jobs] = run_jobs(job_folder, jobs)
        shutil.rmtree(job_folder)
    one, many = runs[1], runs[most]
    return {
        "jobs": most,
        "job": (many.seconds - one.seconds) / (most - 1),
        "cpu": (many.cpu_seconds - one.cpu_seconds) / (most - 1),
        "start": one.seconds,
        "memory": many.largest_mib,
    }


def _check(total: object, expected: int) -> None:
    if total != expected:
        raise CommandError(f"returns {total} instead of {expected}")
