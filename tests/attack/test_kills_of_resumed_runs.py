"""Kill `dx-local run` at any moment, and resume it: finished jobs are taken over, outputs are the same.

Slow: `pytest tests/attack -s` prints how many jobs were taken over. The environment variable DX_LOCAL_KILLS
sets the number of kills.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.history.kept_jobs import kept_jobs
from dx_local.engine.history.kept_runs import UnreadableRunError, kept_runs

if TYPE_CHECKING:
    from dx_local.engine.history.kept_runs import KeptRun

KILLS = int(os.environ.get("DX_LOCAL_KILLS", "200"))
BATCHES = 4
BIN = Path(sys.executable).parent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated app of 14 jobs without runs."""
    folder = tmp_path_factory.mktemp("kills")
    answers = ["--language", "python", "--template", "scatter-process-gather", "--no-input"]
    subprocess.run(
        [BIN / "dx-app-wizard", "count", *answers, "--input", "reads:file", "--output", "report:file"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / "count"


def run(app: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [BIN / "dx-local", "run", app, "-q", "--json", *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def report_in(result: dict[str, Any]) -> bytes:
    return Path(result["output"]["report"]).read_bytes()


def kill_after(app: Path, seconds: float) -> None:
    """Start a run, and kill it so long after its folder appeared."""
    started = subprocess.Popen(
        [BIN / "dx-local", "run", app, "-q"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not kept_runs(app):
        time.sleep(0.005)
    time.sleep(seconds)
    started.kill()
    started.wait()


def finished_jobs(run: KeptRun) -> set[str]:
    """Return the paths of the jobs of a run that were done when it was killed; none if it had not begun."""
    try:
        with run.opened() as platform:
            return {job.path for job in kept_jobs(platform) if job.state == "done"}
    except UnreadableRunError:
        return set()


def jobs_that_ran(run: KeptRun) -> set[str]:
    with run.opened() as platform:
        jobs = kept_jobs(platform)
        started = set(platform.store.column("SELECT id FROM job WHERE started IS NOT NULL"))
    return {job.path for job in jobs if job.id in started}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_no_finished_job_starts_again(app: Path, batch: int, tmp_path: Path) -> None:
    app = shutil.copytree(app, tmp_path / "count", symlinks=True)
    moments = random.Random(batch)
    undisturbed = run(app)
    expected, longest = report_in(undisturbed), undisturbed["seconds"]
    taken_over = unfinished = 0
    for _ in range(KILLS // BATCHES):
        shutil.rmtree(app / "test-job-workspaces")
        moment = moments.uniform(0, longest)
        kill_after(app, moment)
        killed = kept_runs(app)
        finished = finished_jobs(killed[0]) if killed else set()
        resumed = run(app, "--resume")
        assert report_in(resumed) == expected, f"killed after {moment:.3f} s"
        ran = jobs_that_ran(kept_runs(app)[-1])
        assert not ran & finished, (moment, resumed["resumed"])
        taken_over += len(finished)
        unfinished += bool(finished and ran)
    print(f"{KILLS // BATCHES} kills, {unfinished} of them during the run: {taken_over} jobs taken over")
    assert taken_over
    assert unfinished
