"""Systems with less than usual: no /proc, and few open files, as on macOS."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.platforms.surroundings import Surroundings
from tests.worker.conftest import Sleep

if TYPE_CHECKING:
    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.platforms]

SCATTER = """
@dxpy.entry_point("process")
def process(n):
    return {"n": n}

@dxpy.entry_point("main")
def main():
    jobs = [dxpy.new_dxjob({"n": n}, "process") for n in range(100)]
    return {"all": [job.get_output_ref("n") for job in jobs]}
"""
WITHOUT_PROC = 'mount -t tmpfs none /proc; exec "$@"'


@pytest.fixture
def without_proc() -> Surroundings:
    if subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("user namespaces are not allowed here")
    return Surroundings(prefix=["unshare", "-Urm", "sh", "-c", WITHOUT_PROC, "sh"])


def test_a_daemon_does_not_keep_a_run_without_proc_from_ending(
    without_proc: Surroundings, make_app: MakeApp
) -> None:
    sleep = Sleep()
    app = make_app(f"main() {{ setsid {sleep.command} >/dev/null 2>&1 & }}", interpreter="bash")
    done = without_proc.run("run", app, "--json", "--isolation", "none")
    for pid in sleep.pids():
        subprocess.run(["kill", str(pid)], check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_a_hundred_jobs_run_with_256_open_files(make_app: MakeApp, isolation: str) -> None:
    few = Surroundings(prefix=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])
    app = make_app(SCATTER, outputs={"all": "array:int"})
    done = few.run("run", app, "--json", "--isolation", isolation, "--max-parallel", "20")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["output"] == {"all": list(range(100))}
