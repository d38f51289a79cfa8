"""Trivial jobs: the cost of one more job, and of a run with one job, for dx-local and the peers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks import per_unit
from benchmarks.peers.engines import PEERS
from benchmarks.probes import Probe
from benchmarks.process import CommandError, EndedCommand, run

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.ours import Installation
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


def of_ours(plan: Plan, ours: Installation) -> list[Probe]:
    """Return the probes of an installation's jobs."""

    def probe(name: str, app: str, scale: float) -> Probe:
        def run_jobs(folder: Path, jobs: int) -> EndedCommand:
            is_summed = name == PYTHON
            ended, output = ours.run_app(app, folder, {"n": jobs})
            _check(output["total"], sum(range(jobs)) if is_summed else 0)
            return ended

        most = plan.jobs_at(scale)
        return Probe(ours.named(name), lambda folder: per_unit.figures(folder, most, run_jobs))

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
        return Probe(peer.name, lambda folder: per_unit.figures(folder, most, run_jobs), is_ours=False)

    return [probe(peer) for peer in PEERS]


def _check(total: object, expected: int) -> None:
    if total != expected:
        raise CommandError(f"returns {total} instead of {expected}")
