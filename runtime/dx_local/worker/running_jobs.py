"""Start, signal and reap a zygote's jobs, including any processes that they leave behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dx_local.worker.job_home import write_environment
from dx_local.worker.job_process import JobStart, become_job, exit_code, signal_group, start_failure
from dx_local.worker.process import linux
from dx_local.worker.process.exits import reap_children
from dx_local.worker.process.forks.fork_variables import ForkVariables
from dx_local.worker.process.usage import NO_USAGE, Usage, collect_records
from dx_local.worker.runners.variables import environment
from dx_local.worker.unadopted import POLL_SECONDS, UnadoptedProcesses, kill_all_of

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable, Container, Iterator

    from dx_local.worker.dx_tools.tools import Tools
    from dx_local.worker.job import Job
    from dx_local.worker.process.exits import ChildExit
    from dx_local.worker.sandbox.init_process import SandboxInit
    from dx_local.worker.sandbox.manager import SandboxManager
    from dx_local.worker.sandbox.network import Network
    from dx_local.worker.sandbox.sandbox import Sandbox

# A job's exit is reported after its remaining processes have been killed and reaped, so that their usage
# counts, and after filters such as `exec > >(tee log)` have passed on its last output, but no later than
# this.
_EXIT_GRACE_SECONDS = 3.0


@dataclass(frozen=True)
class JobResources:
    """The resources that a zygote shares among its jobs."""

    tools: Tools | None
    """The warm programs of dxpy; None if jobs start the programs themselves."""
    sandboxes: SandboxManager | None
    """None if jobs run without a sandbox."""
    network: Network | None
    """The network for jobs without network access."""
    spawn_library: ctypes.PyDLL | None
    """The library that starts bash jobs without a fork; None if all jobs are forked."""
    variables: dict[str, str]
    """The zygote's environment variables, some of which jobs inherit."""


@dataclass
class RunningJob:
    """A job whose exit was not reported yet."""

    job: Job
    sandbox: Sandbox | None = None
    usage: Usage = NO_USAGE
    """The usage of its processes that the zygote itself has reaped."""
    exit_code: int | None = None
    """That of its main process, once it has ended."""
    ended_at: float = 0.0
    """The time when its main process ended, on a monotonic clock."""
    left_no_process: bool = False
    """True if it is known to have left no process in its sandbox."""

    @property
    def init(self) -> SandboxInit | None:
        """The first process of the job's PID namespace, as long as it is alive."""
        return self.sandbox.init if self.sandbox and self.sandbox.init.pid else None

    def is_overdue(self) -> bool:
        """Return whether this job, whose main process has ended, has waited long enough for the others."""
        return self.ended_at <= time.monotonic() - _EXIT_GRACE_SECONDS


class RunningJobs:
    """The jobs whose exits were not reported yet; `send` sends a message to the executor."""

    def __init__(self, resources: JobResources, send: Callable[[dict[str, Any]], None]) -> None:
        self._resources = resources
        self._sandboxes = resources.sandboxes
        self._tools = resources.tools
        self._send = send
        # Both by the process ID of a job's main process, which leads the job's session.
        self._jobs: dict[int, RunningJob] = {}
        self._exited: dict[int, RunningJob] = {}
        self._fork_variables = ForkVariables()
        self._removers: set[int] = set()
        self._spares_filters = True
        self._unadopted = None if linux.adopts_orphans() else UnadoptedProcesses()

    @property
    def select_timeout(self) -> float | None:
        """The seconds after which to call `report_overdue_exits`; None if there is no need to."""
        if not self._exited:
            return None
        if self._unadopted:
            return POLL_SECONDS
        first = min(running.ended_at for running in self._exited.values())
        return max(0.0, first + _EXIT_GRACE_SECONDS - time.monotonic())

    def start(self, job: Job, files: list[int]) -> None:
        """Start a job, or report its exit at once if that fails; close `files` (see JobStart)."""
        if job.interpreter != "bash":
            sys.modules["dx_local.worker.runners.python"].prepare(job)
        sandbox = None
        try:
            inside, sandbox = self._sandboxes.take(job) if self._sandboxes else (job, None)
            start = self._start_of(inside, sandbox, files)
            fork = self._fork_of(start, job.home)
            pid = self._sandboxes.pool.fork(sandbox, fork) if self._sandboxes and sandbox else fork()
        except OSError as error:
            os.write(files[1], start_failure(error))
            self._report_exit(RunningJob(job, sandbox, exit_code=1))
        else:
            if pid == 0:
                become_job(start)
            running = self._jobs[pid] = RunningJob(job, sandbox)
            if not running.init:
                self._send({"started": job.job_id, "pid": pid})
        finally:
            for file in files:
                os.close(file)

    def _start_of(self, job: Job, sandbox: Sandbox | None, files: list[int]) -> JobStart:
        if self._tools:
            job = replace(job, clients=self._tools.path())
        network = None if job.has_network else self._resources.network
        calls = [*([network.entry_call()] if network else []), *(sandbox.entry_calls() if sandbox else [])]
        variables = environment(job, self._resources.variables)
        return JobStart(job, calls, variables, self._fork_variables, files)

    def _fork_of(self, start: JobStart, home: str) -> Callable[[], int]:
        """Return the function that starts the job's process: os.fork, or one that makes no copy.

        Writes `environment` to the job's home, which is at `home`. Raises OSError.
        """
        library = self._resources.spawn_library
        if library and start.job.interpreter == "bash":
            # It imports dxpy, which must not happen before `zygote.warm_up`.
            spawn: Callable[[], int] | None
            spawn = sys.modules["dx_local.worker.bash_start"].prepare(library, start, home)
            if spawn:
                return spawn
        write_environment(start.job, home)
        self._fork_variables.expect(start.variables)
        return os.fork

    def restore_variables(self) -> None:
        """Set the zygote's own environment variables, for a fork that is no job."""
        self._fork_variables.restore()

    def signal(self, job_id: str, number: int) -> None:
        """Send a signal to all processes of a job, if it is running."""
        for pid, running in self._jobs.items():
            if running.job.job_id == job_id:
                signal_group(pid, number)

    def reap(self) -> None:
        """Reap processes that have ended, kill those that they left, and report the jobs that are over."""
        for child in reap_children():
            if self._tools and child.pid == self._tools.server:
                self._tools.close()
                end = exit_code(child.status)
                self._send({"cold_tools_reason": f"the tool server ended with exit code {end}"})
            self._removers.discard(child.pid)
            self._record_exit(child)
        self._report_exits(still_exiting=self._still_exiting())

    def _record_exit(self, child: ChildExit) -> None:
        for running in self._job_of(child):
            running.usage = running.usage.combined_with(child.usage)
        if self._sandboxes:
            self._sandboxes.pool.note_reaped(child.pid)
        if child.pid in self._jobs:
            running = self._exited[child.pid] = self._jobs.pop(child.pid)
            running.exit_code, running.ended_at = exit_code(child.status), time.monotonic()
            running.left_no_process = running.init is not None and self._left_no_process(running.init)
            if running.init and not running.left_no_process:
                running.init.end()

    def _job_of(self, child: ChildExit) -> Iterator[RunningJob]:
        """Yield the job, if any, of a process: its main one, one of its session, or its sandbox's first."""
        for leader in (child.pid, child.session):
            if running := self._jobs.get(leader) or self._exited.get(leader):
                yield running
                return
        for running in (*self._jobs.values(), *self._exited.values()):
            if running.init and running.init.pid == child.pid:
                yield running

    def report_overdue_exits(self) -> None:
        """Report the jobs that have waited long enough for their remaining processes."""
        self._report_exits(still_exiting=self._still_exiting() if self._unadopted else tuple(self._exited))

    def _report_exits(self, still_exiting: Container[int] = ()) -> None:
        """Report the jobs that have ended, except those with processes that are still exiting.

        A process that takes long to die, because the kernel is busy on its behalf, delays the report by no
        more than three seconds.
        """
        for leader, running in list(self._exited.items()):
            if leader not in still_exiting or running.is_overdue():
                if not running.init:
                    signal_group(leader, signal.SIGKILL)
                self._report_exit(self._exited.pop(leader))

    def _report_exit(self, ended: RunningJob) -> None:
        usage = ended.usage.combined_with(collect_records(ended.job.log_sockets))
        leftover = (
            self._sandboxes.pool.leftover_bytes(ended.sandbox) if self._sandboxes and ended.sandbox else None
        )
        self._send(
            {
                "exited": ended.job.job_id,
                "code": ended.exit_code,
                **usage._asdict(),
                "temporary": leftover or 0,
            }
        )
        # After the report, because the executor need not wait for the sandbox to be checked and cleaned.
        if self._sandboxes and ended.sandbox:
            remover = self._sandboxes.pool.release(
                ended.sandbox, leftover=leftover, has_no_process=ended.left_no_process
            )
            self._removers |= {remover} - {0}

    def _left_no_process(self, init: SandboxInit) -> bool:
        """Return whether a job that has ended left no process in its PID namespace, and never had orphans.

        Its tools count as well. Their parent is the tool server, which is not in the namespace.
        """
        tools = linux.children(self._tools.server) if self._tools and self._tools.server else []
        return init.has_no_orphans() and not any(linux.is_in_pid_namespace(tool, init.pids) for tool in tools)

    def _still_exiting(self) -> set[int]:
        """Return the main processes of ended jobs that have other processes which are being killed."""
        if self._unadopted:
            ended = {running.job.job_id: leader for leader, running in self._exited.items()}
            return self._unadopted.kill_strays(ended)
        if self._sandboxes is None or not self._sandboxes.has_pid_namespace:
            return self._kill_orphans()
        return {leader for leader, job in self._exited.items() if job.init and not job.left_no_process}

    def _kill_orphans(self) -> set[int]:
        """Kill the processes that ended jobs left without a PID namespace: the zygote has adopted them.

        Filters end by themselves once their writers are gone. A process that conceals its job is spared as
        long as that job may be running. Returns the sessions of those that are still exiting.
        """
        sessions = set()
        for pid in linux.children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                session = os.getsid(pid)
                if pid not in self._jobs and not self._belongs_to_running_job(pid, session):
                    sessions.add(session)
                    if not self._is_finishing_filter(pid, session):
                        os.kill(pid, signal.SIGKILL)
        return sessions

    def _is_finishing_filter(self, pid: int, session: int) -> bool:
        left_by = self._exited.get(session) if self._spares_filters else None
        return left_by is not None and not left_by.is_overdue() and linux.reads_pipe(pid)

    def _belongs_to_running_job(self, pid: int, session: int) -> bool:
        if session in self._exited:
            return False
        if session in self._jobs or pid in self._removers or (self._tools and pid == self._tools.server):
            return True
        # It has left its job's session, as daemons do. Its first environment still names the job.
        job_id = linux.job_id_of(pid)
        if job_id is None:
            return bool(self._jobs)
        return any(running.job.job_id == job_id for running in self._jobs.values())

    def kill_all(self) -> None:
        """Kill all jobs and their processes, and report their exits if the executor still listens."""
        self._spares_filters = False
        with contextlib.suppress(OSError):
            self._report_exits(still_exiting=self._still_exiting())
        for pid in (*self._jobs, *self._removers):
            signal_group(pid, signal.SIGKILL)
        if self._unadopted and self._jobs:
            kill_all_of({running.job.job_id for running in self._jobs.values()})
        if self._sandboxes:
            self._sandboxes.pool.kill_all()
        if self._tools and self._tools.server:
            os.kill(self._tools.server, signal.SIGKILL)
        for child in reap_children(options=0):
            self._record_exit(child)
            with contextlib.suppress(OSError):
                self._report_exits(still_exiting=self._still_exiting())
        with contextlib.suppress(OSError):
            self._report_exits()
