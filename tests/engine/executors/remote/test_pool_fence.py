"""The end of a worker pool whose dx-local is gone, and of one whose parent is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq

from dx_local.engine.executors.remote.parsl.pool_start import fence
from dx_local.engine.executors.remote.parsl.pool_start.ending import end_group
from dx_local.engine.executors.remote.parsl.pool_start.fence import Fence

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITH_HEIR = """
import os, subprocess, sys, time
from pathlib import Path
from dx_local.engine.executors.remote.parsl.pool_start.ending import Heir
pool = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600"], start_new_session=True)
heir = Heir(pool.pid, Path(sys.argv[1]))
print(pool.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def interchange() -> Iterator[int]:
    """Return the port of a socket of ZeroMQ."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        yield router.bind_to_random_port("tcp://127.0.0.1")


@contextmanager
def silent_listener() -> Iterator[int]:
    """Return a port that accepts connections and closes them, as a tunnel to a closed port does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            try:
                while True:
                    listener.accept()[0].close()
            except OSError:
                return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "_SECONDS_BETWEEN_CALLS", 0)
    monkeypatch.setattr(fence, "SILENCE_SECONDS", 0)


def test_an_interchange_that_greets_keeps_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "SILENCE_SECONDS", 60)
    with interchange() as port:
        watched = Fence(["127.0.0.1"], port, os.getpid())
        started = watched._answered
        assert watched.problem() is None
        assert watched._answered > started


def test_a_port_that_does_not_greet_ends_the_pool() -> None:
    with silent_listener() as port:
        problem = Fence(["127.0.0.1"], port, os.getpid()).problem()
    assert problem == "Parsl's interchange has not answered for 0 seconds."


def test_the_end_of_dx_local_ends_the_pool() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    with interchange() as port:
        assert Fence(["127.0.0.1"], port, ended.pid).problem() == "dx-local has ended."


def test_a_group_that_ignores_sigterm_is_killed() -> None:
    command = "trap '' TERM; echo ready; sleep 600"
    process = subprocess.Popen(["sh", "-c", command], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    end_group(process.pid, process.poll)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()


@pytest.mark.slow
def test_the_heir_of_a_killed_process_ends_the_group_and_removes_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    command = [sys.executable, "-c", _WITH_HEIR, str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    assert process.stdout
    pool = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert process.stdout.read() == ""  # as nothing has it open any more
    process.stdout.close()
    assert not folder.exists()
    assert not Path(f"/proc/{pool}/root").exists()
