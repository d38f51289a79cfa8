"""Run a real Slurm of virtual nodes on this machine, for tests and benchmarks. Needs root on Debian.

    python -m tests.cluster.slurm [COMMAND…]     brings it up, runs COMMAND (default: a shell), stops it

All nodes are this machine, under different names. There is no accounting, and no control groups: processes
are found by their parents, so Slurm does not kill orphans as it does on most clusters.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker.process.linux import die_with_parent
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
_POLICY = Path("/usr/sbin/policy-rc.d")


def unusable_reason() -> str | None:
    """Return why Slurm cannot run here, or None."""
    if os.geteuid() != 0:
        return "A test Slurm needs root."
    if not _has_programs() and shutil.which("apt-get") is None:
        return f"Slurm is not installed, and there is no apt-get for the packages {' '.join(PACKAGES)}."
    return None


def _has_programs() -> bool:
    return all(shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") for program in PROGRAMS)


def install() -> None:
    """Install the packages if they are missing, and keep them from starting services."""
    if _has_programs():
        return
    with ExitStack() as stack:
        if not _POLICY.exists():
            stack.callback(_POLICY.unlink)
            _POLICY.write_text("#!/bin/sh\nexit 101\n")
            _POLICY.chmod(0o755)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"Slurm could not be installed:\n{done.stdout}{done.stderr}")


@dataclass
class Slurm:
    """A Slurm that is up: `environment` is that of its clients."""

    folder: Path
    nodes: Sequence[str]
    environment: dict[str, str]
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, *command: str) -> str:
        """Run one of Slurm's programs and return what it prints."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def jobs(self, *states: str) -> list[str]:
        """Return the IDs of the batch jobs in these states, by default in any."""
        chosen = ["--states", ",".join(states)] if states else []
        return self.run("squeue", "--noheader", "--format", "%i", *chosen).split()

    def node_of(self, job: str) -> str:
        """Return the name of the node on which a batch job runs."""
        return self.run("squeue", "--noheader", "--jobs", job, "--format", "%N").strip()

    def cancel(self, *jobs: str) -> None:
        """Cancel batch jobs."""
        self.run("scancel", *jobs)

    def end_all_jobs(self) -> None:
        """Cancel all batch jobs and wait until they are gone."""
        if jobs := self.jobs():
            self.cancel(*jobs)
        _wait(lambda: not self.jobs(), 60, "Batch jobs do not end")


@contextmanager
def slurm(
    nodes: int = 2, cores: int = 2, hidden: Path | None = None, *, memory_mib: int = 4096, last_cores: int = 0
) -> Iterator[Slurm]:
    """Run Slurm inside this context.

    The last node sees an empty folder instead of `hidden`, and has `last_cores` instead of `cores` if given.
    Memory is configured for each node, but not limited.
    """
    install()
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(remove_tree, folder, ignore_errors=True)
        names = [f"n{number}" for number in range(1, nodes + 1)]
        environment = {
            **os.environ,
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
        }
        running = Slurm(folder, names, environment)
        sizes = [cores] * (nodes - 1) + [last_cores or cores]
        _configure(folder, dict(zip(names, sizes, strict=True)), memory_mib)
        stack.callback(_stop, running)
        _start(running, hidden)
        _wait(lambda: len(_idle(running)) == nodes, 30, f"The nodes do not come up: see {folder}/log")
        yield running


def _start(running: Slurm, hidden: Path | None) -> None:
    folder = running.folder
    munge = folder / "munge"
    munge.mkdir(mode=0o700)
    (munge / "key").write_bytes(os.urandom(128))
    (munge / "key").chmod(0o400)
    _daemon(
        running,
        "munged",
        [
            "munged",
            "--foreground",
            "--force",
            f"--socket={folder}/munge.socket",
            f"--key-file={munge}/key",
            f"--pid-file={munge}/pid",
            f"--log-file={folder}/log/munged.log",
            f"--seed-file={munge}/seed",
        ],
    )
    _wait((folder / "munge.socket").exists, 10, "munged does not start")
    _daemon(running, "slurmctld", ["slurmctld", "-D", "-c"])
    for name in running.nodes:
        command = ["slurmd", "-D", "-N", name]
        if hidden is not None and name == running.nodes[-1]:
            # The folder is an argument of the shell, never a part of its code.
            hide = 'mount -t tmpfs none "$0" && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", hide, str(hidden), *command]
        _daemon(running, name, command)


def _daemon(running: Slurm, name: str, command: list[str]) -> None:
    log = running.folder / "log" / f"{name}.out"
    with log.open("wb") as output:
        running.daemons[name] = subprocess.Popen(
            command,
            env=running.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it makes one system call
        )


def _stop(running: Slurm) -> None:
    if "slurmctld" in running.daemons:
        try:
            running.end_all_jobs()
        except (RuntimeError, AssertionError, subprocess.TimeoutExpired) as error:
            print(f"Slurm: {error}", file=sys.stderr)
    for daemon in reversed(running.daemons.values()):
        daemon.terminate()
        try:
            daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _idle(running: Slurm) -> list[str]:
    try:
        return running.run("sinfo", "--noheader", "--Node", "--states", "idle", "--format", "%N").split()
    except RuntimeError:  # the controller does not answer yet
        return []


def _configure(folder: Path, names: Mapping[str, int], memory_mib: int) -> None:
    """Write the configuration of nodes, given by name with their cores."""
    for name in ("state", "spool", "log"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    port, *node_ports = _free_ports(1 + len(names))
    text = f"""\
        ClusterName=test
        SlurmctldHost={host}(127.0.0.1)
        SlurmctldPort={port}
        SlurmUser=root
        SlurmdUser=root
        AuthType=auth/munge
        AuthInfo=socket={folder}/munge.socket
        CredType=cred/munge
        StateSaveLocation={folder}/state
        SlurmdSpoolDir={folder}/spool/%n
        SlurmctldPidFile={folder}/slurmctld.pid
        SlurmdPidFile={folder}/slurmd-%n.pid
        SlurmctldLogFile={folder}/log/slurmctld.log
        SlurmdLogFile={folder}/log/%n.log
        SlurmdParameters=config_overrides
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        JobAcctGatherType=jobacct_gather/none
        AccountingStorageType=accounting_storage/none
        SwitchType=switch/none
        MpiDefault=none
        ReturnToService=2
        KillWait=5
        JobRequeue=0
        SchedulerType=sched/backfill
        SchedulerParameters=bf_interval=2,sched_min_interval=100000
        SelectType=select/cons_tres
        SelectTypeParameters=CR_Core_Memory
        DefMemPerCPU=512
        """
    lines = [
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs={cores} Sockets=1"
        f" CoresPerSocket={cores} ThreadsPerCore=1 RealMemory={memory_mib} State=UNKNOWN"
        for (name, cores), node_port in zip(names.items(), node_ports, strict=True)
    ]
    lines.append(f"PartitionName=all Nodes={','.join(names)} Default=YES MaxTime=INFINITE State=UP")
    (folder / "slurm.conf").write_text(textwrap.dedent(text) + "\n".join(lines) + "\n")
    (folder / "cgroup.conf").write_text("")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _wait(condition: object, seconds: float, message: str) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.1)


def main() -> int:
    """Run a command with Slurm, and return its exit code."""
    if reason := unusable_reason():
        print(reason, file=sys.stderr)
        return 1
    with slurm() as running:
        command = sys.argv[1:] or [os.environ.get("SHELL", "/bin/sh")]
        return subprocess.run(command, env=running.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
