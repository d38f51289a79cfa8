"""Measure jobs on a Slurm of two virtual nodes, which this script brings up.

    python -m benchmarks.cluster [NAME…]     everything, or some of: rates many first_job transfers loss end

Needs root on Debian. Each line has a figure and the limit that it must keep; the exit code is 1 if one does
not. All nodes share the cores of this machine with dx-local, so rates are lower bounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.node_transfers import print_seconds, rate_over_curl, seconds_of_rounds
from tests.cluster.cluster_server import ClusterServer, marked_processes, wait_for
from tests.cluster.slurm import Slurm, slurm, unusable_reason

from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
NODES, CORES = 2, 2


@dataclass
class Figures:
    """Figures with their limits, printed as they come."""

    failed: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, limit: float, *, is_least: bool = False) -> None:
        """Print a figure, and remember it if it exceeds its limit (or does not reach it)."""
        is_kept = value >= limit if is_least else value <= limit
        sign = ">=" if is_least else "<="
        print(f"{'ok  ' if is_kept else 'FAIL'} {name}: {value:.4g} {unit} ({sign} {limit:g})", flush=True)
        if not is_kept:
            self.failed.append(name)


def main() -> int:
    """Measure everything, and return the exit code."""
    if reason := unusable_reason():
        print(reason, file=sys.stderr)
        return 2
    figures = Figures()
    place = Path(tempfile.mkdtemp(prefix="dx-local-cluster-"))
    try:
        with slurm(NODES, CORES) as cluster:
            for name in sys.argv[1:] or MEASUREMENTS:
                home = place / name
                home.mkdir()
                MEASUREMENTS[name](cluster, home, figures)
                cluster.end_all_jobs()
    finally:
        remove_tree(place, ignore_errors=True)
    return 1 if figures.failed else 0


def _server(cluster: Slurm, home: Path, *options: str) -> ClusterServer:
    home.mkdir(exist_ok=True)
    return ClusterServer.on_slurm(home, cluster, ("--on", "slurm", "--nodes", str(NODES), *options))


def _local(home: Path) -> ClusterServer:
    home.mkdir()
    return ClusterServer(home, ("--max-parallel", str(CORES), "--isolation", "none"), prefix=("env",))


def _seconds(server: ClusterServer, applet: str, n: int, seconds: float = 0) -> float:
    """Run the pieces and return the time from the creation of the first job to its end."""
    ended = server.await_end(server.run_pieces(applet, n, seconds))
    if ended["state"] != "done":
        raise RuntimeError(f"{ended.get('failureMessage')}\n{server.errors[-2000:]}")
    # Its own process ends long before its subjobs do.
    done = ended["stateTransitions"][-1]["setAt"]
    return float(done - ended["created"]) / 1000


def _rates(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _local(home / "local") as server:
        applet = server.new_pieces()
        here = min(_seconds(server, applet, 200) for _ in range(ROUNDS))
    with _server(cluster, home / "slurm") as server:
        applet = server.new_pieces()
        _seconds(server, applet, 20, 1)  # until both nodes are here and have their environments
        there = [_seconds(server, applet, 200) for _ in range(ROUNDS)]
        sleeping = min(_seconds(server, applet, 60, 1) for _ in range(2))
    print(f"     202 jobs on this machine: {here:.2f} s; on nodes: {[round(each, 2) for each in there]} s")
    figures.add("202 jobs on two nodes, warm", statistics.median(there), "s", 4)
    figures.add("a job, over local", (statistics.median(there) - here) / 202 * 1000, "ms", 5)
    figures.add("62 jobs of 1 s, of the ideal", 60 / (NODES * CORES) / sleeping * 100, "%", 90, is_least=True)


def _many(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        applet = server.new_pieces()
        _seconds(server, applet, 400)
        before = _memory(server)
        _seconds(server, applet, 2000)
        figures.add("memory of dx-local after 2,000 jobs, over 400", _memory(server) - before, "MiB", 40)


def _memory(server: ClusterServer) -> float:
    pid = server.ready["pid"]
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _first_job(cluster: Slurm, home: Path, figures: Figures) -> None:
    cache = home / "cache"
    config = home / "cluster.toml"
    config.write_text(f'[executor]\nsetup = "export XDG_CACHE_HOME={cache}"\n')
    for name, limit in (("without", 22), ("with", 15)):
        start = time.monotonic()
        with _server(cluster, home / name, "--executor-config", str(config)) as server:
            ended = server.await_end(server.run_pieces(server.new_pieces(), 1, 0))
            took = (ended["stoppedRunning"] - ended["created"]) / 1000  # of `main`, without its subjobs
        print(f"     a server, its first run of 3 jobs and its end: {time.monotonic() - start:.1f} s")
        figures.add(f"first job from cold, {name} the environment in the node's cache", took, "s", limit)


def _transfers(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        seconds = seconds_of_rounds(server)
    print_seconds(seconds)
    for direction in ("download", "upload"):
        rate = rate_over_curl(seconds, "dx", direction)
        figures.add(f"dx {direction} of 1 GiB on a node, of curl's rate", rate, "%", 50, is_least=True)


def _loss(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        job = server.run_pieces(server.new_pieces(), 40, 5)
        server.await_starts(4)
        wait_for(lambda: len(cluster.jobs("RUNNING")) == NODES, "two nodes", server)
        before = set(cluster.jobs())
        cluster.cancel(min(before))
        lost = time.monotonic()
        seen: dict[str, float] = {}

        def watch(name: str, condition: Callable[[], Any]) -> None:
            if name not in seen and condition():
                seen[name] = time.monotonic() - lost

        def both() -> bool:
            watch("failed", lambda: "UnresponsiveWorker" in server.errors or "is lost" in server.errors)
            watch("replaced", lambda: set(cluster.jobs()) - before)
            return len(seen) == 2

        wait_for(both, "loss and replacement", server)
        figures.add("from the loss of a node to the failure of its jobs", seen["failed"], "s", 40)
        figures.add("from the loss of a node to the request of another", seen["replaced"], "s", 50)
        server.await_end(job)
        figures.add("most ends of a piece", max(server.recorded("end").values()), "", 1)


def _submitter_killed(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        server.run_pieces(server.new_pieces(), 4, 600)
        server.await_starts(4)
        server.end(9)
        killed = time.monotonic()
        wait_for(lambda: not cluster.jobs() and not marked_processes(server.mark), "the end of everything")
        figures.add(
            "from the end of dx-local by kill -9 to that of all nodes", time.monotonic() - killed, "s", 40
        )


MEASUREMENTS = {
    "rates": _rates,
    "many": _many,
    "first_job": _first_job,
    "transfers": _transfers,
    "loss": _loss,
    "end": _submitter_killed,
}

if __name__ == "__main__":
    os.environ.pop("DX_LOCAL_EXECUTOR", None)
    sys.exit(main())
