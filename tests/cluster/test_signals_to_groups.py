"""Signals to the whole process group of dx-local, as CI systems and `timeout` send them: no node is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster_server import MARK, ClusterServer, kill, marked_processes, wait_for, worker_pools

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeApp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

_CODE = "main() { sleep 600; }"


@contextmanager
def a_run(app: Path, mark: str, temporary: Path) -> Iterator[subprocess.Popen[str]]:
    """Run an app on a node of this machine, in a process group of its own."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dx-local"), "run", app, "--on", "local"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, MARK: mark, "TMPDIR": str(temporary)},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in marked_processes(mark):
            with suppress(ProcessLookupError):
                kill(pid)
        process.wait()


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The folder for temporary files; its path must be short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.parametrize("moment", ["interchange_start", "pool_start", "process_worker_pool.py", "a job"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_group_leaves_nothing(
    make_app: MakeApp, tmp_path: Path, temporary: Path, number: signal.Signals, moment: str
) -> None:
    mark = f"{tmp_path.name}-{os.getpid()}"
    with a_run(make_app(_CODE, interpreter="bash"), mark, temporary) as run:
        if moment == "a job":
            assert run.stderr
            assert any(" is here " in line for line in run.stderr)
        else:
            wait_for(lambda: any(moment in command for command in marked_processes(mark).values()), moment)
        os.killpg(run.pid, number)
        run.communicate()
        assert run.returncode == 128 + number
        wait_for(lambda: not marked_processes(mark), "no process")
    assert list(temporary.iterdir()) == []


def test_a_pool_whose_parent_is_killed_leaves_nothing(tmp_path: Path) -> None:
    with ClusterServer.on_this_machine(tmp_path, "--nodes", "1") as server:
        applet = server.new_pieces()
        assert server.await_end(server.run_pieces(applet, 1, 0))["state"] == "done"
        (pool,) = worker_pools(server.mark)
        group = os.getpgid(pool)
        parent = int(Path(f"/proc/{pool}/stat").read_text().rpartition(")")[2].split()[1])
        kill(parent)
        wait_for(lambda: group not in _groups(server.mark), "the end of the pool", server)
        wait_for(lambda: not list(server.temporary.glob("dx-pool-*")), "no folder of the pool", server)


def _groups(mark: str) -> set[int]:
    found = set()
    for pid in marked_processes(mark):
        with suppress(ProcessLookupError):
            found.add(os.getpgid(pid))
    return found
