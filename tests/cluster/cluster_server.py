"""A served platform whose jobs run on nodes, and an app whose pieces record starts and ends in a file."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cluster.slurm import Slurm

MARK = "DX_LOCAL_CLUSTER_TEST"
"""Environment variable by which all processes of a test are found, on whatever node."""

PIECES = """
import dxpy, os, time

RECORD = {record!r}

def note(what, piece):
    line = "%s %d %.2f\\n" % (what, piece, time.time())
    descriptor = os.open(RECORD, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)

@dxpy.entry_point("main")
def main(n, seconds):
    jobs = [dxpy.new_dxjob({{"piece": piece, "seconds": seconds}}, "process") for piece in range(n)]
    gather = dxpy.new_dxjob({{"values": [job.get_output_ref("value") for job in jobs]}}, "gather")
    return {{"total": gather.get_output_ref("total")}}

@dxpy.entry_point("process")
def process(piece, seconds):
    note("start", piece)
    time.sleep(seconds)
    note("end", piece)
    return {{"value": piece}}

@dxpy.entry_point("gather")
def gather(values):
    return {{"total": sum(values)}}

dxpy.run()
"""


@dataclass
class ClusterServer(LocalServer):
    """A server in a process of its own, with a mark in the environment of everything that it starts."""

    mark: str = ""

    @classmethod
    def on_slurm(cls, home: Path, cluster: Slurm, options: tuple[str, ...]) -> ClusterServer:
        """Return the server for a home; its nodes come from a test Slurm on this machine."""
        mark = f"{home.name}-{os.getpid()}"
        extra = {name: cluster.environment[name] for name in ("SLURM_CONF", "PATH")}
        chosen = (*options, "--listen", "127.0.0.1", "--isolation", "none")
        # A prefix keeps the server out of a fork of the tests.
        return cls(home, chosen, extra={**extra, MARK: mark}, prefix=("env",), mark=mark)

    @classmethod
    def on_this_machine(cls, home: Path, *options: str) -> ClusterServer:
        """Return the server for a home; its two nodes are processes of this machine."""
        mark = f"{home.name}-{os.getpid()}"
        chosen = ("--on", "local", "--nodes", "2", "--isolation", "none", *options)
        return cls(home, chosen, extra={MARK: mark}, prefix=("env",), mark=mark)

    @property
    def record(self) -> Path:
        return self.home / "record.txt"

    def new_pieces(self, **fields: Any) -> str:
        """Make the app of pieces; fields are those of its runSpec."""
        run_spec = {
            "interpreter": "python3",
            "code": PIECES.format(record=str(self.record)),
            "distribution": "Ubuntu",
            "release": "24.04",
            "executionPolicy": {"restartOn": {"UnresponsiveWorker": 2}},
            "restartableEntryPoints": "all",
            **fields,
        }
        inputs = [{"name": "n", "class": "int"}, {"name": "seconds", "class": "float"}]
        outputs = [{"name": "total", "class": "int"}]
        return self.new_applet("pieces", "", runSpec=run_spec, inputSpec=inputs, outputSpec=outputs)

    def run_pieces(self, applet: str, n: int, seconds: float) -> str:
        """Start a job of the app."""
        return self.run(applet, input={"n": n, "seconds": seconds})

    def recorded(self, what: str) -> Counter[int]:
        """Return how often each piece has started, or ended."""
        if not self.record.exists():
            return Counter()
        lines = (line.split() for line in self.record.read_text().splitlines())
        return Counter(int(words[1]) for words in lines if words[0] == what)

    def await_starts(self, count: int) -> None:
        """Wait until so many pieces run or have run; fail if a job fails before."""

        def have_started() -> bool:
            failed = self.post("/system/findJobs", {"state": "failed", "describe": True})["results"]
            assert not failed, [job["describe"].get("failureMessage") for job in failed]
            return self.recorded("start").total() >= count

        wait_for(have_started, f"{count} pieces start", self)

    def first_node(self) -> str:
        """Return the name of the node that was here first."""
        return self.errors.partition("\nnode ")[2].split()[0]

    def await_end(self, job: str) -> dict[str, Any]:
        """Wait until a job is in a final state, and return its description."""
        wait_for(
            lambda: self.describe(job)["state"] in {"done", "failed", "terminated"}, f"the end of {job}", self
        )
        return self.describe(job)


def wait_for(condition: Callable[[], object], what: str, server: LocalServer | None = None) -> None:
    """Wait until a condition holds; the deadline only keeps a broken test from hanging."""
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, f"{what}: {server.errors[-4000:] if server else ''}"
        time.sleep(0.1)


def marked_processes(mark: str) -> dict[int, str]:
    """Return the command lines of the processes that a server has started, anywhere on this machine."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:  # a zombie has none
                    found[int(folder.name)] = command
    return found


def worker_pools(mark: str, node: str = "") -> list[int]:
    """Return the worker pools of Parsl, one for each node, or that of one node."""
    found = marked_processes(mark)
    return [
        pid
        for pid, command in found.items()
        if "process_worker_pool.py" in command and f"--uid {node}" in command
    ]


def workers_of(pool: int) -> list[int]:
    """Return the worker processes of a pool; its first child is a helper of theirs."""
    children = map(int, Path(f"/proc/{pool}/task/{pool}/children").read_text().split())
    spawned = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return sorted(spawned)[1:]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
