"""Lost nodes, managers and workers on a real Slurm: jobs run again, no piece ends twice, nothing stays."""

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
    from collections.abc import Callable
    from pathlib import Path

    from tests.cluster.conftest import ServeOnSlurm
    from tests.cluster.slurm import Slurm

    Damage = Callable[[Slurm, ClusterServer], None]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

N = 12


def _cancel_a_block(cluster: Slurm, server: ClusterServer) -> None:
    cluster.cancel(*[job for job in cluster.jobs("RUNNING") if cluster.node_of(job) == server.first_node()])


def _kill_a_manager(cluster: Slurm, server: ClusterServer) -> None:
    kill(worker_pools(server.mark, server.first_node())[0])


def _kill_workers(cluster: Slurm, server: ClusterServer) -> None:
    for worker in workers_of(worker_pools(server.mark, server.first_node())[0]):
        kill(worker)


@pytest.mark.parametrize("damage", [_cancel_a_block, _kill_a_manager, _kill_workers])
def test_the_jobs_of_a_lost_node_run_again(
    cluster: Slurm, serve_on_slurm: ServeOnSlurm, damage: Damage
) -> None:
    with serve_on_slurm() as server:
        job = server.run_pieces(server.new_pieces(), N, 3)
        server.await_starts(4)
        damage(cluster, server)
        ended = server.await_end(job)
        assert ended["state"] == "done", server.errors
        assert ended["output"] == {"total": sum(range(N))}
        started, finished = server.recorded("start"), server.recorded("end")
        assert set(started) == set(finished) == set(range(N))
        assert max(finished.values()) == 1, finished
        assert max(started.values()) == 2, started
        assert "(UnresponsiveWorker)" in server.errors


def test_a_lost_node_is_replaced(cluster: Slurm, serve_on_slurm: ServeOnSlurm) -> None:
    with serve_on_slurm() as server:
        job = server.run_pieces(server.new_pieces(), 60, 2)
        server.await_starts(4)
        wait_for(lambda: len(cluster.jobs("RUNNING")) == 2, "two nodes", server)
        before = set(cluster.jobs())
        cluster.cancel(min(before))
        wait_for(lambda: set(cluster.jobs()) - before, "a replacement", server)
        server.post(f"/{job}/terminate")


def test_a_node_whose_time_is_up_is_lost_and_replaced(
    cluster: Slurm, serve_on_slurm: ServeOnSlurm, tmp_path: Path
) -> None:
    config = tmp_path / "cluster.toml"
    config.write_text('[executor]\nwalltime = "00:01:00"\n')
    with serve_on_slurm("--nodes", "1", "--executor-config", str(config)) as server:
        applet = server.new_pieces()
        server.run_pieces(applet, 1, 600)
        server.await_starts(1)
        first = set(cluster.jobs())
        wait_for(lambda: server.recorded("start").total() == 2, "the piece starts again", server)
        assert "node n1 is lost" in server.errors
        assert not first & set(cluster.jobs())


def test_a_drained_node_finishes_its_jobs(cluster: Slurm, serve_on_slurm: ServeOnSlurm) -> None:
    with serve_on_slurm() as server:
        job = server.run_pieces(server.new_pieces(), N, 1)
        server.await_starts(4)
        cluster.run("scontrol", "update", "nodename=n1", "state=drain", "reason=test")
        try:
            ended = server.await_end(job)
        finally:
            cluster.run("scontrol", "update", "nodename=n1", "state=resume")
        assert (ended["state"], ended["output"]) == ("done", {"total": sum(range(N))})
        assert max(server.recorded("start").values()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_after_the_end_of_the_submitter(
    cluster: Slurm, serve_on_slurm: ServeOnSlurm, number: signal.Signals
) -> None:
    with serve_on_slurm() as server:
        server.run_pieces(server.new_pieces(), 4, 600)
        server.await_starts(4)
        server.end(number)
        wait_for(lambda: not cluster.jobs(), f"Slurm's queue is empty: {cluster.jobs()}", server)
        wait_for(
            lambda: not marked_processes(server.mark), f"no process: {marked_processes(server.mark)}", server
        )
        assert not list(server.home.glob("xdg-state/dx-local/parsl/*")) or number == signal.SIGKILL
