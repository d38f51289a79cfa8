"""The executor of this machine: every job is a process forked by a zygote that imported dxpy beforehand."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dx_local.worker
from dx_local.engine.disk_use import DiskUse
from dx_local.engine.executors import End, Isolation
from dx_local.engine.executors.job_streams import JobStreams
from dx_local.platform.execution.job_usage import JobUsage
from dx_local.worker import channel
from dx_local.worker.job import Job
from dx_local.worker.memory_limit import group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments import WorkerEnvironment
    from dx_local.engine.executors import Launch, LogLine
    from dx_local.engine.executors.memory_groups import MemoryGroup, MemoryGroups

_ZYGOTE_SCRIPT = Path(dx_local.worker.__file__).with_name("zygote.py")
_GRACE_SECONDS = 1.0
_LONGEST_SOCKET_ADDRESS = 103  # 107 on Linux, less elsewhere
_RECEIVE_BYTES = 64 * 1024
_LAST_LINES = 10
# So many files are looked at in less time than it takes to have another thread do it.
_FEW_FILES = 200


class LocalExecutor:
    """Runs jobs in processes on this machine; an `Executor`.

    `on_log` is given every line, `on_exit` the job ID and how it ended, after the job's last line; both are
    called in the asyncio loop. `on_folder` is told of the folder for temporary files that all jobs can reach,
    before there is any. `groups` are what limits on memory hold by; where there are none, they hold for each
    process by itself. `announce` is told once if jobs should have worlds of their own and have not.
    """

    def __init__(
        self,
        *,
        on_log: Callable[[LogLine], None],
        on_exit: Callable[[str, End], None],
        on_folder: Callable[[Path], None] = lambda _: None,
        isolation: Isolation = Isolation.AUTO,
        announce: Callable[[str], None] = lambda _: None,
        groups: MemoryGroups | None = None,
    ) -> None:
        self._on_log = on_log
        self._on_exit = on_exit
        self._on_folder = on_folder
        self._isolation = isolation
        self._announce = announce
        self._has_announced = False
        self._groups = groups
        self._zygotes: dict[WorkerEnvironment, _Zygote] = {}
        self._jobs: dict[str, _Running] = {}
        self._numbers = count(1)
        self._folder: Path | None = None
        self._closed = False

    async def start(self, launch: Launch) -> None:
        """Start a job. Its process exists soon after this returns; what fails then is reported as its end.

        Raises OSError when the machine cannot give what a job takes, has no such Python, or cannot isolate
        jobs as was asked for.
        """
        if self._closed:
            raise RuntimeError("This executor is closed.")
        if self._folder is None:
            self._folder = _short_temporary_folder()
            self._on_folder(self._folder)
        sockets = self._folder / launch.job_id
        zygote = self._zygote_of(launch.environment, launch.folder.path.absolute().parent)
        self._check_isolation(await zygote.unsandboxed)
        streams = JobStreams(launch.job_id, launch.folder.log, sockets, self._on_log)
        try:
            group = self._group_of(launch, sockets)
        except OSError:
            for file in streams.write_ends:
                os.close(file)
            streams.end(lambda: None)
            raise
        self._jobs[launch.job_id] = _Running(
            zygote, launch, group, streams, asyncio.get_running_loop().create_future()
        )
        job = _job_of(launch, sockets, is_grouped=group is not None)
        files = (*streams.write_ends, *([group.entrance] if group else []))
        zygote.send({"start": vars(job)}, files)
        if zygote.gone.done():
            self._orphan(launch.job_id)

    def kill(self, job_id: str) -> None:
        """Ask all processes of a job to end; end them by force after a second."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        job.zygote.send({"signal": int(signal.SIGTERM), "job": job_id})
        job.timer = job.timer or job.ended.get_loop().call_later(
            _GRACE_SECONDS, job.zygote.send, {"signal": int(signal.SIGKILL), "job": job_id}
        )

    async def close(self) -> None:
        """End all jobs by force, report their ends, and leave no process and no temporary file behind."""
        self._closed = True
        ends = [job.ended for job in self._jobs.values()]
        zygotes = list(self._zygotes.values())
        for zygote in zygotes:
            zygote.hang_up()
        await asyncio.gather(*(zygote.gone for zygote in zygotes), *ends)
        if self._groups:
            await self._groups.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)  # the zygotes may have done it
            self._folder = None

    def _group_of(self, launch: Launch, sockets: Path) -> MemoryGroup | None:
        if launch.memory_limit is None or self._groups is None:
            return None
        return self._groups.make(launch.job_id, launch.memory_limit, Path(group_of(str(sockets))))

    def _zygote_of(self, environment: WorkerEnvironment, jobs: Path) -> _Zygote:
        assert self._folder is not None
        if environment not in self._zygotes:
            self._zygotes[environment] = _Zygote(
                environment,
                self._folder / f"zygote-{next(self._numbers)}.log",
                (self._isolation.value, str(jobs)),
                on_message=self._heard,
                on_gone=lambda zygote: self._lost(environment, zygote),
            )
        return self._zygotes[environment]

    def _check_isolation(self, problem: str | None) -> None:
        """Raise OSError or announce that jobs are not isolated, if that is not what was asked for."""
        if problem is None or self._isolation is Isolation.NONE:
            return
        if self._isolation is Isolation.NAMESPACE:
            raise OSError(
                f"--isolation namespace is not possible here: {problem}. "
                "With --isolation auto it runs as it can, with --isolation none as a process like any other."
            )
        if not self._has_announced:
            self._has_announced = True
            self._announce(
                f"Jobs run on this machine as it is, without a world of their own: {problem}. HOME is not "
                "/home/dnanexus, nothing is laid over /, and they have the rights of this user."
            )

    def _heard(self, message: dict[str, Any]) -> None:
        if "started" in message:
            if message["started"] in self._jobs:
                self._jobs[message["started"]].pid = message["pid"]
        else:
            usage = JobUsage(message["memory"], message["cpu_seconds"], disk=message["temporary"])
            self._process_ended(message["exited"], message["code"], usage)

    def _lost(self, environment: WorkerEnvironment, zygote: _Zygote) -> None:
        if self._zygotes.get(environment) is zygote:
            del self._zygotes[environment]
        orphans = [
            job_id for job_id, job in self._jobs.items() if job.zygote is zygote and not job.process_ended
        ]
        for job_id in orphans:
            self._orphan(job_id)

    def _orphan(self, job_id: str) -> None:
        """End a job whose zygote is gone."""
        job = self._jobs[job_id]
        if job.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(job.pid, signal.SIGKILL)
        job.streams.say(
            f"The process that runs the jobs of this worker environment ended.\n{job.zygote.last_words()}"
        )
        self._process_ended(job_id, -signal.SIGKILL if self._closed else None, None)

    def _process_ended(self, job_id: str, code: int | None, usage: JobUsage | None) -> None:
        job = self._jobs[job_id]
        job.process_ended = True
        if job.timer:
            job.timer.cancel()
        job.streams.end(lambda: self._said_all(job_id, code, usage))

    def _said_all(self, job_id: str, code: int | None, usage: JobUsage | None) -> None:
        job = self._jobs[job_id]
        end = End(code, memory_limit=job.launch.memory_limit)
        if job.group and self._groups:
            end = replace(end, killed_for_memory=job.group.kills())
            self._groups.leave(job.group)
        if usage is None:
            self._ended(job_id, end)
            return
        disk = DiskUse(job.launch.folder.home)

        def measured() -> None:
            self._ended(job_id, replace(end, usage=replace(usage, disk=usage.disk + disk.bytes)))

        if disk.add_up(_FEW_FILES):
            measured()
        else:
            rest = asyncio.get_running_loop().run_in_executor(None, disk.add_up)
            rest.add_done_callback(lambda _: measured())

    def _ended(self, job_id: str, end: End) -> None:
        job = self._jobs.pop(job_id)
        job.ended.set_result(None)
        self._on_exit(job_id, end)


class _Running:
    """One job that was started and whose end was not reported yet."""

    def __init__(
        self,
        zygote: _Zygote,
        launch: Launch,
        group: MemoryGroup | None,
        streams: JobStreams,
        ended: asyncio.Future[None],
    ) -> None:
        self.zygote = zygote
        self.launch = launch
        self.group = group
        self.streams = streams
        self.ended = ended
        self.pid: int | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.process_ended = False


class _Zygote:
    """The executor's end of one zygote: its process and the socket to it, served by the asyncio loop."""

    def __init__(
        self,
        environment: WorkerEnvironment,
        log: Path,
        isolation_and_jobs: tuple[str, str],
        *,
        on_message: Callable[[dict[str, Any]], None],
        on_gone: Callable[[_Zygote], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.unsandboxed: asyncio.Future[str | None] = self._loop.create_future()
        """Why its jobs have no worlds of their own, or None if they have."""
        self._log = log
        self._on_message = on_message
        self._on_gone = on_gone
        self._received = b""
        self._outgoing: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with ExitStack() as on_failure, theirs, log.open("wb") as stderr:
            on_failure.callback(self._socket.close)
            self._process = subprocess.Popen(
                [
                    environment.python,
                    *("-I", "-X", "utf8", _ZYGOTE_SCRIPT),
                    *(str(theirs.fileno()), log.parent, environment.bin, *isolation_and_jobs),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                cwd="/",
                env=_host_variables(home=log.parent),
                start_new_session=True,
            )
            on_failure.pop_all()
        self._loop.add_reader(self._socket, self._receive)

    def send(self, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
        """Send a message and open files, which are closed on this side; to a dead zygote, send nothing."""
        self._outgoing.append((channel.pack(message), files))
        self._flush()

    def hang_up(self) -> None:
        """Make the zygote kill all its jobs and end; `gone` is done when it has."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def last_words(self) -> str:
        """Return the end of what the zygote itself printed."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:])

    def _flush(self) -> None:
        while self._outgoing:
            data, files = self._outgoing[0]
            try:
                sent = socket.send_fds(self._socket, [data], files) if files else self._socket.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._flush)
                return
            except OSError:
                sent = len(data)  # the zygote is gone; reading will tell
            for file in files:
                os.close(file)
            if sent < len(data):
                self._outgoing[0] = (data[sent:], ())
            else:
                self._outgoing.popleft()
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        messages, self._received = channel.unpack(self._received + data)
        for message in messages:
            if "unsandboxed" in message:
                self.unsandboxed.set_result(message["unsandboxed"])
            else:
                self._on_message(message)
        if not data:
            self._end()

    def _end(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._flush()
        self._process.kill()
        self._process.wait()
        if not self.unsandboxed.done():
            self.unsandboxed.set_result(None)
        self._on_gone(self)
        self.gone.set_result(None)


def _job_of(launch: Launch, sockets: Path, *, is_grouped: bool) -> Job:
    return Job(
        job_id=launch.job_id,
        function=launch.function,
        interpreter=launch.interpreter,
        home=str(launch.folder.home.absolute()),
        code=str(launch.folder.code.absolute()),
        source=str(launch.source.absolute()) if launch.source else None,
        variables=dict(launch.variables),
        tools=str(launch.environment.bin),
        layers=tuple(str(layer.absolute()) for layer in launch.layers),
        shown=tuple(str(folder.absolute()) for folder in launch.shown),
        log_sockets=str(sockets),
        xtrace=launch.xtrace,
        process_memory=None if is_grouped else launch.memory_limit,
    )


def _host_variables(home: Path) -> dict[str, str]:
    # Nothing of the user's that could hold a token or change how Python or dxpy work.
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "DX_LOCAL_TOOLS") if name in os.environ}
    return {**kept, "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _short_temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dx-"))
    if len(os.fsencode(folder / f"job-{'x' * 24}.priority")) > _LONGEST_SOCKET_ADDRESS:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="dx-", dir="/tmp"))
    return folder
