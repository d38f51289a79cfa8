"""The zygote: one process per worker environment that imports dxpy once and forks a fresh process per job.

    python -I zygote.py FD FOLDER BIN CLIENT ISOLATION JOBS PORT
        FD: the number of the inherited socket on which the executor speaks
        FOLDER: the executor's temporary folder
        BIN: the folder of the worker environment's programs
        CLIENT: tool_client.c, compiled, or nothing where it could not be
        ISOLATION: `none`, or anything else to give jobs worlds of their own if that can be done
        JOBS: where the folders of jobs lie
        PORT: that of the API, for jobs without network; 0 if there are none

    executor → zygote   {"start": Job} with the write ends of the job's stdout and stderr, and, where it has a
                        control group, the file by which that is entered;
                        {"signal": number, "job": job ID}: to all processes of the job
    zygote → executor   first of all {"unsandboxed": null, or why jobs have no worlds of their own,
                         "unconfined": null, or why all have the host's network though they should not,
                         "has_own_network": whether those without network have one with the API alone},
                        and then the socket at which the API is to answer there;
                        {"started": job ID, "pid": number}
                        {"exited": job ID, "code": exit code, or minus the number of the signal,
                         "memory": bytes, "cpu_seconds": number, "temporary": bytes in temporary files}

When the executor hangs up, or is gone, the zygote kills all that it started, removes the temporary folder and
ends. A job's process is the leader of its own session; what it leaves running is killed when it ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import selectors
import shutil
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if __name__ == "__main__":
    # Make `dx_local.worker` importable and nothing else, whatever lies beside the package.
    _spec = importlib.util.spec_from_file_location("dx_local", Path(__file__).parents[1] / "__init__.py")
    assert _spec is not None
    sys.modules["dx_local"] = importlib.util.module_from_spec(_spec)

from dx_local.worker import channel, linux, memory_limit, mounts
from dx_local.worker.deaths import Death, Deaths, ended
from dx_local.worker.host_view import OURS
from dx_local.worker.job import Job, leave_zygote, settle
from dx_local.worker.network import Network
from dx_local.worker.sandbox import Sandbox, SandboxError, check
from dx_local.worker.tools import Tools
from dx_local.worker.usage import NOTHING, Usage, take_notes
from dx_local.worker.variables import environment

if TYPE_CHECKING:
    from collections.abc import Container

    from dx_local.worker.mounts import Call
    from dx_local.worker.worlds import World

# The variable by which a user does without warm tools and handed over files, when it is "plain".
_TOOLS_VARIABLE = "DX_LOCAL_TOOLS"

# dxpy sizes its buffers when it is imported, by whether there is a job.
_ANY_JOB_ID = "job-000000000000000000000000"

_NEEDED_BY_JOBS = ("dx_local.worker.python_job", "dx_local.worker.bash_job", "encodings.idna", "http.cookies")


# How long the end of a job waits for those of its processes that were killed, so that what they used counts.
_LEAVING_SECONDS = 1.0


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


class Start(NamedTuple):
    """All that a forked process needs to become a job, worked out beforehand."""

    job: Job
    calls: list[Call]
    """What brings it into the job's world."""
    variables: dict[str, str]
    files: list[int]
    """Its stdout and stderr, and the entrance of its control group if it has one."""
    network: Network | None
    """The one that it gets in place of the host's."""


class Zygote:
    """The running jobs, by process ID, the socket to the executor, and what jobs are given."""

    def __init__(
        self,
        executor: socket.socket,
        tools: Tools | None,
        sandbox: Sandbox | None,
        network: Network | None,
    ) -> None:
        self._executor = executor
        self._tools = tools
        self._sandbox = sandbox
        self._network = network
        self._selector = selectors.DefaultSelector()
        self._jobs: dict[int, Running] = {}
        self._leaving: dict[int, Running] = {}
        self._removers: set[int] = set()
        self._inherited = dict(os.environ)

    def serve(self) -> None:
        """Start and bury jobs until the executor hangs up; then kill what is left."""
        deaths = Deaths()
        self._selector.register(self._executor, selectors.EVENT_READ)
        self._selector.register(deaths, selectors.EVENT_READ)
        if self._tools:
            self._selector.register(self._tools.listener, selectors.EVENT_READ)
        with contextlib.suppress(ConnectionError):
            while True:
                patience = _LEAVING_SECONDS if self._leaving else None
                ready = {key.fileobj for key, _ in self._selector.select(patience)}
                if deaths in ready:
                    deaths.heard()
                    self._bury()
                if self._tools and self._tools.listener in ready:
                    self._serve_tools(self._tools)
                if self._executor in ready and not self._obey():
                    break
                if self._leaving:
                    self._tell_ends(besides=tuple(self._leaving))
        self._kill_all()

    def _obey(self) -> bool:
        received = channel.receive(self._executor)
        if received is None:
            return False
        message, files = received
        if "start" in message:
            self._start(Job(**message["start"]), files)
        else:
            self._signal(message["job"], message["signal"])
        return True

    def _start(self, job: Job, files: list[int]) -> None:
        if job.interpreter != "bash":
            sys.modules["dx_local.worker.python_job"].prepare(job)
        world = None
        try:
            seen, world = self._sandbox.take(job) if self._sandbox else (job, None)
            start = self._start_of(seen, world, files)
            pid = os.fork()
        except OSError as error:
            os.write(files[1], f"The job's process could not be started: {error}\n".encode())
            self._tell_end(Running(job, world, code=1))
        else:
            if pid == 0:
                become(start)
            self._jobs[pid] = Running(job, world)
            self._tell({"started": job.job_id, "pid": pid})
        finally:
            for file in files:
                os.close(file)

    def _start_of(self, job: Job, world: World | None, files: list[int]) -> Start:
        if self._tools:
            job = replace(job, clients=self._tools.path())
        calls = world.entering() if world else []
        network = None if job.has_network else self._network
        return Start(job, calls, environment(job, self._inherited), files, network)

    def _serve_tools(self, tools: Tools) -> None:
        self._selector.unregister(tools.listener)
        try:
            tools.start_server()
        except OSError:
            tools.close()

    def _signal(self, job_id: str, number: int) -> None:
        for pid, running in self._jobs.items():
            if running.job.job_id == job_id:
                signal_group(pid, number)

    def _bury(self) -> None:
        for death in ended():
            if self._tools and death.pid == self._tools.server:
                self._tools.close()
            self._removers.discard(death.pid)
            self._note_death(death)
        self._tell_ends(besides=self._kill_strays())

    def _note_death(self, death: Death) -> None:
        for leader in (death.pid, death.session):
            running = self._jobs.get(leader) or self._leaving.get(leader)
            if running:
                running.usage = running.usage.and_of(death.usage)
                break
        if death.pid in self._jobs:
            signal_group(death.pid, signal.SIGKILL)
            running = self._leaving[death.pid] = self._jobs.pop(death.pid)
            running.code, running.ended = exit_code(death.status), time.monotonic()

    def _tell_ends(self, besides: Container[int] = ()) -> None:
        """Tell the executor of the jobs that have ended, besides those of which processes are dying yet.

        What takes long to die, because the system is at work for it, is waited for no longer than a second.
        """
        overdue = time.monotonic() - _LEAVING_SECONDS
        for leader, running in list(self._leaving.items()):
            if leader not in besides or running.ended <= overdue:
                self._tell_end(self._leaving.pop(leader))

    def _tell_end(self, ended: Running) -> None:
        used = ended.usage.and_of(take_notes(ended.job.log_sockets))
        left = self._sandbox.worlds.left_in(ended.world) if self._sandbox and ended.world else None
        message = {"exited": ended.job.job_id, "code": ended.code, **used._asdict(), "temporary": left or 0}
        self._tell(message)
        if self._sandbox and ended.world:
            remover = self._sandbox.worlds.give_back(
                ended.world, is_clean=left is None, is_deserted=self._is_deserted(ended.world)
            )
            self._removers |= {remover} - {0}

    def _is_deserted(self, world: World) -> bool:
        """Tell whether no process can be in the world of a job that has ended.

        What such a job has left, dying or hidden, has come to be a child of the zygote; and tools that it has
        called are children of the tool server.
        """
        server = self._tools.server if self._tools else 0
        if set(linux.children()) - {*self._jobs, *self._leaving, *self._removers, server}:
            return False
        tools = linux.children(server) if server else []
        return not any(linux.is_in_mounts_of(pid, world.entrance) for pid in tools)

    def _kill_strays(self) -> set[int]:
        """Kill what ended jobs left running, which is what has come to be a child of the zygote.

        A process that hides which job it came from is spared as long as that job may be running. Returns the
        sessions of those that were killed.
        """
        sessions = set()
        for pid in linux.children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                session = os.getsid(pid)
                if pid not in self._jobs and not self._is_wanted(pid, session):
                    sessions.add(session)
                    os.kill(pid, signal.SIGKILL)
        return sessions

    def _is_wanted(self, pid: int, session: int) -> bool:
        if session in self._leaving:
            return False
        if session in self._jobs or pid in self._removers or (self._tools and pid == self._tools.server):
            return True
        job_id = linux.job_of(pid)
        if job_id is None:
            return bool(self._jobs)
        return any(running.job.job_id == job_id for running in self._jobs.values())

    def _kill_all(self) -> None:
        for pid in (*self._jobs, *self._removers):
            signal_group(pid, signal.SIGKILL)
        if self._tools and self._tools.server:
            os.kill(self._tools.server, signal.SIGKILL)
        for death in ended(options=0):
            self._note_death(death)
            with contextlib.suppress(OSError):
                self._tell_ends(besides=self._kill_strays())
        with contextlib.suppress(OSError):
            self._tell_ends()

    def _tell(self, message: dict[str, Any]) -> None:
        self._executor.sendall(channel.pack(message))


def become(start: Start) -> NoReturn:
    """Turn this freshly forked process into the job; never return to the zygote's code."""
    try:
        gc.enable()
        if start.network:
            start.network.enter()
        mounts.perform(start.calls)
        leave_zygote(*start.files)
        memory_limit.limit_each_process(start.job.process_memory)
        settle(start.job, start.variables)
        from dx_local.worker import bash_job, python_job

        if start.job.interpreter == "bash":
            bash_job.run(start.job)
        python_job.run(start.job)
    except BaseException:  # noqa: BLE001  (whatever it was, this process must not go on as a second zygote)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the group that pid leads, or to pid alone if it has not got a group yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def exit_code(status: int) -> int:
    """Return the exit code that a wait status holds, or minus the number of the signal that ended it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def warm_up(*, hands_over: bool) -> None:
    """Import dxpy and all that its first use would import, so that no job has to.

    `hands_over` says whether dxpy passes whole files to the platform rather than their bytes.
    """
    os.environ["DX_JOB_ID"] = _ANY_JOB_ID
    os.environ["DX_USER_CONF_DIR"] = os.devnull
    gc.disable()
    for module in _NEEDED_BY_JOBS:
        importlib.import_module(module)
    for additions in ("dx_local.worker.gtable", "dx_local.worker.waiting"):
        importlib.import_module(additions).install()
    if hands_over:
        importlib.import_module("dx_local.worker.handover").install()
    gc.collect()
    gc.freeze()


def warm_tools(folder: Path, programs: Path, seen_at: str, native_client: Path | None) -> Tools | None:
    """Return what jobs call programs through, or None where that cannot be."""
    tools = Tools(folder, programs, seen_at)
    with contextlib.suppress(OSError):
        if tools.furnish(native_client):
            return tools
    return None


def isolate(
    folder: str, isolation: str, jobs: str, port: int, executor: socket.socket
) -> tuple[Sandbox | None, Network | None]:
    """Return what gives jobs worlds of their own, and the network of those that ask for none, if asked for.

    Tells the executor what cannot be had, and why. There is no network without a world.
    """
    sandbox, unsandboxed = None, None
    network, unconfined = None, None
    if isolation == "none":
        unsandboxed = "that was asked for"
    else:
        try:
            check(folder, jobs)
            sandbox = Sandbox(folder)
        except (SandboxError, OSError) as error:
            unsandboxed = str(error)
    if sandbox and port:
        try:
            network = Network(port)
        except OSError as error:
            unconfined = f"this system does not let its users do it ({error})"
    surroundings = {
        "unsandboxed": unsandboxed,
        "unconfined": unconfined,
        "has_own_network": network is not None,
    }
    listeners = [network.listener] if network else []
    channel.send(executor, surroundings, listeners)
    for listener in listeners:
        os.close(listener)
    return sandbox, network


def main() -> None:
    """Serve the executor on the socket whose number is the first argument, and tidy up after it."""
    executor = socket.socket(fileno=int(sys.argv[1]))
    executor.set_inheritable(False)
    linux.adopt_orphans()
    folder, programs, client, isolation, jobs, port = sys.argv[2:]
    is_plain = os.environ.pop(_TOOLS_VARIABLE, None) == "plain"
    sandbox, network = isolate(folder, isolation, jobs, int(port), executor)
    seen_at = OURS if sandbox else folder
    native_client = Path(client) if client else None
    tools = None if is_plain else warm_tools(Path(folder), Path(programs), seen_at, native_client)
    zygote = Zygote(executor, tools, sandbox, network)
    warm_up(hands_over=not is_plain)
    zygote.serve()
    if sandbox:
        sandbox.close()
    # An executor that was killed cannot do this itself.
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
