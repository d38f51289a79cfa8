"""Nodes that are processes of this machine: nothing of them is left, however dx-local ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from tests.cluster.cluster_server import (
    ClusterServer,
    kill,
    marked_processes,
    wait_for,
    worker_pools,
    workers_of,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_after_the_end(tmp_path: Path, number: signal.Signals) -> None:
    with ClusterServer.on_this_machine(tmp_path) as server:
        server.run_pieces(server.new_pieces(), 2, 600)
        server.await_starts(2)
        server.end(number)
        wait_for(
            lambda: not marked_processes(server.mark), f"no process: {marked_processes(server.mark)}", server
        )
        assert not [
            *server.temporary.glob("dx-node-*"),
            *server.temporary.glob("dx-pool-*"),
            *server.temporary.glob("pymp-*"),
        ]
    folders = list((tmp_path / ".local" / "state" / "dx-local" / "parsl").iterdir())
    assert len(folders) == (number == signal.SIGKILL)
    # The first job of the next server starts Parsl, and removes the folder that a killed one has left.
    with ClusterServer.on_this_machine(tmp_path, "--fresh") as server:
        assert server.await_end(server.run_pieces(server.new_pieces(), 1, 0))["state"] == "done"
    assert not any(folder.exists() for folder in folders)


def test_a_pool_without_idle_workers_is_replaced(tmp_path: Path) -> None:
    """A worker that is killed while it waits for work can block all others of its pool."""
    with ClusterServer.on_this_machine(tmp_path, "--nodes", "1") as server:
        applet = server.new_pieces()
        assert server.await_end(server.run_pieces(applet, 1, 0))["state"] == "done"
        (pool,) = worker_pools(server.mark)
        for worker in workers_of(pool):
            kill(worker)
        assert server.await_end(server.run_pieces(applet, 2, 0))["state"] == "done"
        assert worker_pools(server.mark) != [pool]
