"""`dx-local run` and `dx run` on a real Slurm: two submitters at once, Ctrl-C, and clients of a server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.cluster.cluster_server import MARK, marked_processes, wait_for
from tests.local_server import DX_LOCAL, user_variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.conftest import ServeOnSlurm
    from tests.cluster.slurm import Slurm
    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ADDS_UP = """
import dxpy, time

@dxpy.entry_point("main")
def main(n, seconds):
    jobs = [dxpy.new_dxjob({"i": i, "seconds": seconds}, "process") for i in range(n)]
    return {"values": [job.get_output_ref("value") for job in jobs]}

@dxpy.entry_point("process")
def process(i, seconds):
    print("piece", i, flush=True)
    time.sleep(seconds)
    return {"value": i}

dxpy.run()
"""
INPUTS = {"n": "int", "seconds": "float"}
OUTPUTS = {"values": "array:int"}


class Submitters:
    """Runs of one user, who has one home and thus one `run_dir`."""

    def __init__(self, home: Path, cluster: Slurm) -> None:
        self.home = home
        self.mark = f"{home.name}-{os.getpid()}"
        names = {name: cluster.environment[name] for name in ("SLURM_CONF", "PATH")}
        self.variables = {**user_variables(home), **names, MARK: self.mark}

    def start(self, app: Path, folder: str, *inputs: str) -> subprocess.Popen[str]:
        """Start a run that may have one node."""
        place: list[str | Path] = [
            "--workspace-path",
            self.home / folder,
            "--listen",
            "127.0.0.1",
            "--isolation",
            "none",
        ]
        return subprocess.Popen(
            [DX_LOCAL, "run", app, "--on", "slurm", "--nodes", "1", "--json", *place, *inputs],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def left_in_run_dir(self) -> list[Path]:
        return list(self.home.glob(".local/state/dx-local/parsl/*"))


@pytest.fixture
def submitters(cluster: Slurm, tmp_path: Path) -> Iterator[Submitters]:
    """Return runs that are submitted by one user; afterwards, Slurm's queue is emptied."""
    yield Submitters(tmp_path, cluster)
    cluster.end_all_jobs()


@pytest.fixture
def app(make_app: MakeApp) -> Path:
    return make_app(ADDS_UP, inputs=INPUTS, outputs=OUTPUTS)


def result_of(run: subprocess.Popen[str]) -> dict[str, Any]:
    printed, errors = run.communicate(timeout=240)
    assert run.returncode == 0, errors
    result: dict[str, Any] = json.loads(printed)
    return result


def test_two_submitters_at_once_do_not_disturb_each_other(
    submitters: Submitters, cluster: Slurm, app: Path
) -> None:
    runs = [submitters.start(app, f"run-{n}", f"-in={n}", "-iseconds=1") for n in (4, 6)]
    results = [result_of(run) for run in runs]
    assert [result["output"]["values"] for result in results] == [[0, 1, 2, 3], [0, 1, 2, 3, 4, 5]]
    # Each has a node with all of its jobs.
    assert [[len(node["jobs"]) for node in result["nodes"]] for result in results] == [[5], [7]]
    wait_for(lambda: not cluster.jobs(), "Slurm's queue is empty")
    assert submitters.left_in_run_dir() == []


def test_the_end_of_one_submitter_takes_no_node_of_another(
    submitters: Submitters, cluster: Slurm, app: Path
) -> None:
    short = submitters.start(app, "short", "-in=1", "-iseconds=0")
    long = submitters.start(app, "long", "-in=3", "-iseconds=6")
    assert result_of(short)["output"]["values"] == [0]
    assert long.poll() is None
    assert result_of(long)["output"]["values"] == [0, 1, 2]


def test_exec_runs_the_jobs_of_its_command_on_nodes(
    submitters: Submitters, cluster: Slurm, app: Path
) -> None:
    script = submitters.home / "script.sh"
    script.write_text(
        "set -e\n"
        "applet=$(dx build --brief \"$1\" | sed 's/.*\\(applet-[A-Za-z0-9]*\\).*/\\1/')\n"
        'job=$(dx run "$applet" -in=2 -iseconds=0 --yes --brief)\n'
        'dx wait "$job" >&2\n'
        'dx describe --json "$job"\n'
    )
    command = ["--on", "slurm", "--nodes", "1", "--listen", "127.0.0.1", "--isolation", "none", "--"]
    done = subprocess.run(
        [DX_LOCAL, "exec", *command, "bash", script, app],
        env=submitters.variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["output"] == {"values": [0, 1]}
    assert "node n" in done.stderr
    assert "is here" in done.stderr
    wait_for(lambda: not cluster.jobs(), "Slurm's queue is empty")


def test_ctrl_c_gives_all_nodes_back(submitters: Submitters, cluster: Slurm, app: Path) -> None:
    run = submitters.start(app, "run", "-in=4", "-iseconds=600")
    assert run.stderr
    assert any("| piece" in line for line in run.stderr)
    assert cluster.jobs("RUNNING")
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    run.communicate(timeout=60)
    assert run.returncode == 130
    wait_for(lambda: not cluster.jobs(), f"Slurm's queue is empty: {cluster.jobs()}")
    wait_for(lambda: not marked_processes(submitters.mark), "no process is left")
    assert submitters.left_in_run_dir() == []


def test_dx_runs_jobs_on_the_nodes_of_a_server(serve_on_slurm: ServeOnSlurm, app: Path) -> None:
    with serve_on_slurm() as server:
        applet = json.loads(server.dx("build", app))["id"]
        job = server.dx("run", applet, "-in=3", "-iseconds=0", "--wait", "--yes", "--brief").splitlines()[0]
        assert server.describe(job)["output"] == {"values": [0, 1, 2]}
        assert "piece 2" in server.dx("watch", f"{job}", "--tree", "--no-timestamps")
        assert server.dx("ls") == "app"
        assert "is here" in server.errors
