"""The jobs of a zygote: started, signalled, and buried when they have ended, with all that they have left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dx_local.worker.job_process import Start, become, exit_code, signal_group
from dx_local.worker.process import linux
from dx_local.worker.process.exits import ended
from dx_local.worker.process.usage import NOTHING, Usage, take_notes
from dx_local.worker.runners.variables import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from dx_local.worker.dx_tools.tools import Tools
    from dx_local.worker.job import Job
    from dx_local.worker.process.exits import Death
    from dx_local.worker.sandbox.init import SandboxInit
    from dx_local.worker.sandbox.network import Network
    from dx_local.worker.sandbox.pool import World
    from dx_local.worker.sandbox.sandbox import Sandbox

# How long the end of a job waits for those of its processes that were killed, so that what they used counts,
# and for filters such as `exec > >(tee log)`, which have yet to pass on what the job printed last.
_LEAVING_SECONDS = 1.0


@dataclass(frozen=True)
class Surroundings:
    """What jobs are given besides what they ask for."""

    tools: Tools | None
    """What they call dxpy's programs through, where they do not start them plainly."""
    sandbox: Sandbox | None
    """What gives them worlds of their own."""
    network: Network | None
    """The network of those that ask for none."""
    variables: dict[str, str]
    """Those of the zygote, of which some are passed on."""


@dataclass
class Running:
    """A job whose end was not told yet."""

    job: Job
    world: World | None = None
    usage: Usage = NOTHING
    """What those of its processes used that have ended and were not waited for by one of the others."""
    code: int | None = None
    """How its own process ended."""
    ended: float = 0.0
    """When that was, on a clock that never jumps."""
    is_deserted: bool = False
    """True if it is known to have left no process in its sandbox."""

    @property
    def init(self) -> SandboxInit | None:
        """The first process of the job's PID namespace, as long as that lives."""
        return self.world.init if self.world and self.world.init.pid else None

    def is_overdue(self) -> bool:
        """Tell whether this job, whose own process has ended, has waited long enough for the others."""
        return self.ended <= time.monotonic() - _LEAVING_SECONDS


class RunningJobs:
    """The jobs that were started and whose ends were not told yet; `tell` tells the executor."""

    def __init__(self, surroundings: Surroundings, tell: Callable[[dict[str, Any]], None]) -> None:
        self._given = surroundings
        self._sandbox = surroundings.sandbox
        self._tools = surroundings.tools
        self._tell = tell
        self._jobs: dict[int, Running] = {}
        self._leaving: dict[int, Running] = {}
        self._removers: set[int] = set()
        self._spares_filters = True

    @property
    def patience(self) -> float | None:
        """How many seconds may pass until `tell_overdue_ends` is called; None for any number."""
        return _LEAVING_SECONDS if self._leaving else None

    def start(self, job: Job, files: list[int]) -> None:
        """Start a job, or tell that it has ended at once; `files` (see Start) are closed here."""
        if job.interpreter != "bash":
            sys.modules["dx_local.worker.runners.python"].prepare(job)
        world = None
        try:
            seen, world = self._sandbox.take(job) if self._sandbox else (job, None)
            start = self._start_of(seen, world, files)
            pid = self._sandbox.worlds.fork(world) if self._sandbox and world else os.fork()
        except OSError as error:
            os.write(files[1], f"The job's process could not be started: {error}\n".encode())
            self._tell_end(Running(job, world, code=1))
        else:
            if pid == 0:
                become(start)
            running = self._jobs[pid] = Running(job, world)
            if not running.init:
                self._tell({"started": job.job_id, "pid": pid})
        finally:
            for file in files:
                os.close(file)

    def _start_of(self, job: Job, world: World | None, files: list[int]) -> Start:
        if self._tools:
            job = replace(job, clients=self._tools.path())
        calls = world.entering() if world else []
        network = None if job.has_network else self._given.network
        return Start(job, calls, environment(job, self._given.variables), files, network)

    def signal(self, job_id: str, number: int) -> None:
        """Send a signal to all processes of a job, if it is running."""
        for pid, running in self._jobs.items():
            if running.job.job_id == job_id:
                signal_group(pid, number)

    def bury(self) -> None:
        """Take note of all processes that have ended, kill what they left, and tell which jobs that ends."""
        for death in ended():
            if self._tools and death.pid == self._tools.server:
                self._tools.close()
            self._removers.discard(death.pid)
            self._note_death(death)
        self._tell_ends(besides=self._dying())

    def _note_death(self, death: Death) -> None:
        for running in self._of(death):
            running.usage = running.usage.and_of(death.usage)
        if self._sandbox:
            self._sandbox.worlds.note_end(death.pid)
        if death.pid in self._jobs:
            running = self._leaving[death.pid] = self._jobs.pop(death.pid)
            running.code, running.ended = exit_code(death.status), time.monotonic()
            running.is_deserted = running.init is not None and self._is_alone(running.init)
            if running.init and not running.is_deserted:
                running.init.end()

    def _of(self, death: Death) -> Iterator[Running]:
        """Yield the job, if any, of a process: its own, one of its session, or the first of its sandbox."""
        for leader in (death.pid, death.session):
            if running := self._jobs.get(leader) or self._leaving.get(leader):
                yield running
                return
        for running in (*self._jobs.values(), *self._leaving.values()):
            if running.init and running.init.pid == death.pid:
                yield running

    def tell_overdue_ends(self) -> None:
        """Tell the ends that have waited for long enough."""
        self._tell_ends(besides=tuple(self._leaving))

    def _tell_ends(self, besides: Container[int] = ()) -> None:
        """Tell the executor of the jobs that have ended, besides those of which processes are dying yet.

        What takes long to die, because the system is at work for it, is waited for no longer than a second.
        """
        for leader, running in list(self._leaving.items()):
            if leader not in besides or running.is_overdue():
                if not running.init:
                    signal_group(leader, signal.SIGKILL)
                self._tell_end(self._leaving.pop(leader))

    def _tell_end(self, ended: Running) -> None:
        used = ended.usage.and_of(take_notes(ended.job.log_sockets))
        left = self._sandbox.worlds.left_in(ended.world) if self._sandbox and ended.world else None
        message = {"exited": ended.job.job_id, "code": ended.code, **used._asdict(), "temporary": left or 0}
        self._tell(message)
        if self._sandbox and ended.world:
            remover = self._sandbox.worlds.give_back(ended.world, left=left, is_deserted=ended.is_deserted)
            self._removers |= {remover} - {0}

    def _is_alone(self, init: SandboxInit) -> bool:
        """Return whether a job that has ended left no process in its PID namespace, and never had orphans.

        The parent of its tools is not in there: it is the tool server.
        """
        tools = linux.children(self._tools.server) if self._tools and self._tools.server else []
        return init.is_alone() and not any(linux.is_in_processes_of(tool, init.processes) for tool in tools)

    def _dying(self) -> set[int]:
        """Return the jobs that have ended, by their own process, of which others are being killed."""
        if self._sandbox is None or not self._sandbox.has_processes:
            return self._kill_strays()
        return {leader for leader, job in self._leaving.items() if job.init and not job.is_deserted}

    def _kill_strays(self) -> set[int]:
        """Kill what ended jobs left running without a PID namespace: it has come to be a child of the zygote.

        Filters end by themselves once those that write to them are gone. A process that hides which job it
        came from is spared as long as that job may be running. Returns the sessions of those that still end.
        """
        sessions = set()
        for pid in linux.children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                session = os.getsid(pid)
                if pid not in self._jobs and not self._is_wanted(pid, session):
                    sessions.add(session)
                    if not self._is_finishing(pid, session):
                        os.kill(pid, signal.SIGKILL)
        return sessions

    def _is_finishing(self, pid: int, session: int) -> bool:
        left_by = self._leaving.get(session) if self._spares_filters else None
        return left_by is not None and not left_by.is_overdue() and linux.reads_pipe(pid)

    def _is_wanted(self, pid: int, session: int) -> bool:
        if session in self._leaving:
            return False
        if session in self._jobs or pid in self._removers or (self._tools and pid == self._tools.server):
            return True
        job_id = linux.job_of(pid)
        if job_id is None:
            return bool(self._jobs)
        return any(running.job.job_id == job_id for running in self._jobs.values())

    def kill_all(self) -> None:
        """Kill all jobs and what belongs to them, and tell of their ends if there is somebody to hear it."""
        self._spares_filters = False
        with contextlib.suppress(OSError):
            self._tell_ends(besides=self._dying())
        for pid in (*self._jobs, *self._removers):
            signal_group(pid, signal.SIGKILL)
        if self._sandbox:
            self._sandbox.worlds.kill_all()
        if self._tools and self._tools.server:
            os.kill(self._tools.server, signal.SIGKILL)
        for death in ended(options=0):
            self._note_death(death)
            with contextlib.suppress(OSError):
                self._tell_ends(besides=self._dying())
        with contextlib.suppress(OSError):
            self._tell_ends()
