"""Measure jobs on a Slurm of two virtual nodes, which this script brings up.

    python -m benchmarks.cluster [--quick] [NAME…]

Measures everything, or some of: rates many first_job transfers loss end. Needs root on Debian. Figures are
printed as they come, and at the end as a table with their bounds; the exit code is 1 if a bound is not kept.
With --quick, each takes a fraction of the work, to see that it runs: nothing is judged then. All nodes share
the cores of this machine with dx-local, so rates are lower bounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.node_transfers import MEBIBYTES, print_seconds, rate_over_curl, seconds_of_rounds
from tests.cluster.cluster_server import (
    ClusterServer,
    marked_processes,
    wait_for,
    worker_pools,
    workers_of,
)
from tests.cluster.slurm import Slurm, slurm, unusable_reason

from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable

NODES, CORES = 2, 2


@dataclass(frozen=True)
class Work:
    """The amount of work to measure with."""

    rounds: int = 3
    jobs: int = 200
    seconds_jobs: int = 60
    first_jobs: int = 400
    many_jobs: int = 2000
    mebibytes: int = MEBIBYTES
    loss_jobs: int = 40


QUICK = Work(1, 20, 8, 20, 60, 32, 16)


@dataclass
class Figures:
    """Figures with their bounds, printed as they come, and as a table."""

    work: Work
    rows: list[tuple[str, ...]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str, bound: float, *, is_least: bool = False) -> None:
        """Print a figure, and remember it and whether it keeps its bound."""
        is_kept = value >= bound if is_least else value <= bound
        wanted, measured = (
            f"{'≥' if is_least else '≤'} {bound:g} {unit}".rstrip(),
            f"{value:.4g} {unit}".rstrip(),
        )
        verdict = "not judged" if self.work == QUICK else "met" if is_kept else "**not met**"
        print(f"{name}: {measured} ({wanted}; {verdict})", flush=True)
        self.rows.append((name, wanted, measured, verdict))
        if not is_kept and self.work != QUICK:
            self.failed.append(name)

    def table(self) -> str:
        """Return all figures as a table in Markdown."""
        lines = [("figure", "bound", "measured", ""), ("---",) * 4, *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Measure everything, and return the exit code."""
    arguments = _arguments()
    if reason := unusable_reason():
        print(reason, file=sys.stderr)
        return 2
    figures = Figures(QUICK if arguments.quick else Work())
    place = Path(tempfile.mkdtemp(prefix="dx-local-cluster-"))
    print(f"{machine.describe()}; load {machine.load()}", flush=True)
    try:
        with slurm(NODES, CORES) as cluster:
            print(
                f"{cluster.run('sinfo', '--version').strip()}, {NODES} nodes with {CORES} cores each",
                flush=True,
            )
            for name in arguments.names or MEASUREMENTS:
                print(f"-- {name}", flush=True)
                home = place / name
                home.mkdir()
                MEASUREMENTS[name](cluster, home, figures)
                cluster.end_all_jobs()
    finally:
        remove_tree(place, ignore_errors=True)
        print(f"\n{figures.table()}")
    return 1 if figures.failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster")
    parser.add_argument("--quick", action="store_true", help="measure with little work, and judge nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in MEASUREMENTS]:
        parser.error(f"there is no measurement {unknown[0]!r}; choose from {', '.join(MEASUREMENTS)}")
    return arguments


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
    work = figures.work
    with _local(home / "local") as server:
        applet = server.new_pieces()
        here = min(_seconds(server, applet, work.jobs) for _ in range(work.rounds))
    with _server(cluster, home / "slurm") as server:
        applet = server.new_pieces()
        _seconds(server, applet, 20, 1)  # until both nodes are here and have their environments
        there = [_seconds(server, applet, work.jobs) for _ in range(work.rounds)]
        sleeping = min(_seconds(server, applet, work.seconds_jobs, 1) for _ in range(2))
    count, sleepers = work.jobs + 2, work.seconds_jobs + 2
    print(f"  {count} jobs on this machine: {here:.2f} s; on nodes: {[round(each, 2) for each in there]} s")
    ideal = work.seconds_jobs / (NODES * CORES)
    figures.add(f"{count} trivial jobs on two nodes, warm", statistics.median(there), "s", 4)
    figures.add(
        "a trivial job on nodes, over local", (statistics.median(there) - here) / count * 1000, "ms", 5
    )
    figures.add(
        f"{sleepers} jobs of 1 s on {NODES * CORES} workers, of the ideal",
        ideal / sleeping * 100,
        "%",
        90,
        is_least=True,
    )


def _many(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        applet = server.new_pieces()
        work = figures.work
        _seconds(server, applet, work.first_jobs)
        before, before_there = _memory(server.ready["pid"]), _memory_of_workers(server)
        _seconds(server, applet, work.many_jobs)
        grown, grown_there = _memory(server.ready["pid"]) - before, _memory_of_workers(server) - before_there
    after = f"after {work.many_jobs:,} jobs, over {work.first_jobs}"
    print(
        f"  before, dx-local has {before:.0f} MiB, and the largest process of a node {before_there:.0f} MiB"
    )
    figures.add(f"memory of dx-local {after}", grown, "MiB", 40)
    figures.add(f"memory of the largest process of a node {after}", grown_there, "MiB", 10)


def _memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _memory_of_workers(server: ClusterServer) -> float:
    """Return the memory of the largest worker process of Parsl in MiB."""
    return max(_memory(worker) for pool in worker_pools(server.mark) for worker in workers_of(pool))


def _first_job(cluster: Slurm, home: Path, figures: Figures) -> None:
    cache = home / "cache"
    config = home / "cluster.toml"
    config.write_text(f'[executor]\nsetup = "export XDG_CACHE_HOME={cache}"\n')
    for name, limit in (("without", 22), ("with", 15)):
        start = time.monotonic()
        with _server(cluster, home / name, "--executor-config", str(config)) as server:
            ended = server.await_end(server.run_pieces(server.new_pieces(), 1, 0))
            took = (ended["stoppedRunning"] - ended["created"]) / 1000  # of `main`, without its subjobs
        print(f"  a server, its first run of 3 jobs and its end: {time.monotonic() - start:.1f} s")
        figures.add(f"first job from cold, {name} the environment in the node's cache", took, "s", limit)


def _transfers(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        size = figures.work.mebibytes
        seconds = seconds_of_rounds(server, size)
    print_seconds(seconds)
    for direction in ("download", "upload"):
        rate = rate_over_curl(seconds, "dx", direction)
        figures.add(f"dx {direction} of {size} MiB on a node, of curl's rate", rate, "%", 50, is_least=True)


def _loss(cluster: Slurm, home: Path, figures: Figures) -> None:
    with _server(cluster, home) as server:
        job = server.run_pieces(server.new_pieces(), figures.work.loss_jobs, 5)
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
            watch("failed", lambda: "(UnresponsiveWorker)" in server.errors)
            watch("replaced", lambda: set(cluster.jobs()) - before)
            return len(seen) == 2

        wait_for(both, "loss and replacement", server)
        figures.add("from the loss of a node to the failure of its jobs", seen["failed"], "s", 40)
        figures.add("from the loss of a node to the request of another", seen["replaced"], "s", 50)
        server.await_end(job)
        figures.add("most ends of one job", max(server.recorded("end").values()), "", 1)


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
