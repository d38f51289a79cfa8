"""The executor of this machine: every job is a process forked by a zygote that imported dxpy beforehand."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.engine.executors import End, owned_folders
from dx_local.engine.executors.disk_usage import DiskUse
from dx_local.engine.executors.isolation import Confinement
from dx_local.engine.executors.job_log import JobStreams
from dx_local.engine.executors.network_hint import remark_on
from dx_local.engine.executors.source_names import SourceNames
from dx_local.engine.executors.zygote import ZygoteProcess
from dx_local.platform.execution.job_usage import JobUsage
from dx_local.worker.job import Job, code_name
from dx_local.worker.process.memory_limit import group_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.python_environments import WorkerEnvironment
    from dx_local.engine.executors import Launch, LogLine
    from dx_local.engine.executors.cgroups import MemoryGroup
    from dx_local.engine.executors.zygote import Surroundings

_GRACE_SECONDS = 1.0
_FOLDER_PREFIX = "dx-jobs-"
_LONGEST_SOCKET_ADDRESS = 103  # 107 on Linux, less elsewhere
# So many files are looked at in less time than it takes to have another thread do it.
_FEW_FILES = 200
_USUAL_CONFINEMENT = Confinement()


class LocalExecutor:
    """Runs jobs in processes on this machine; an `Executor`.

    `on_log` is given every line, `on_exit` the job ID and how it ended, after the job's last line; both are
    called in the asyncio loop. `on_folder` is told of the folder for temporary files that all jobs can reach,
    before there is any. `announce` is told once if jobs are less apart from this machine than they should.
    """

    def __init__(
        self,
        *,
        on_log: Callable[[LogLine], None],
        on_exit: Callable[[str, End], None],
        on_folder: Callable[[Path], None] = lambda _: None,
        announce: Callable[[str], None] = lambda _: None,
        confinement: Confinement = _USUAL_CONFINEMENT,
    ) -> None:
        self._on_log = on_log
        self._on_exit = on_exit
        self._on_folder = on_folder
        self._confinement = confinement
        self._groups = confinement.groups
        self._announce = announce
        self._has_announced = False
        self._zygotes: dict[WorkerEnvironment, ZygoteProcess] = {}
        self._jobs: dict[str, _Running] = {}
        self._numbers = count(1)
        self._folder: Path | None = None
        self._lock = -1
        self._closed = False

    async def start(self, launch: Launch) -> None:
        """Start a job. Its process exists soon after this returns; what fails then is reported as its end.

        Raises OSError when the machine cannot give what a job takes, has no such Python, or cannot isolate
        jobs as was asked for.
        """
        if self._closed:
            raise RuntimeError("This executor is closed.")
        if self._folder is None:
            self._folder, self._lock = _make_temporary_folder()
            self._on_folder(self._folder)
        sockets = self._folder / launch.job_id
        zygote = self._zygote_of(launch.environment, launch.folder.path.absolute().parent)
        surroundings = await zygote.surroundings
        self._announce_shortcoming(surroundings)
        streams = JobStreams(
            launch.job_id,
            launch.folder.log,
            sockets,
            self._on_log,
            rename=_names_in(launch),
            remark_on=remark_on if surroundings.has_own_network and not launch.has_network else None,
        )
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
            os.close(self._lock)
            self._folder = None

    def _group_of(self, launch: Launch, sockets: Path) -> MemoryGroup | None:
        if launch.memory_limit is None or self._groups is None:
            return None
        return self._groups.make(launch.job_id, launch.memory_limit, Path(group_of(str(sockets))))

    def _zygote_of(self, environment: WorkerEnvironment, jobs: Path) -> ZygoteProcess:
        assert self._folder is not None
        if environment not in self._zygotes:
            self._zygotes[environment] = ZygoteProcess(
                environment,
                self._folder / f"zygote-{next(self._numbers)}.log",
                self._confinement,
                jobs,
                on_message=self._heard,
                on_gone=lambda zygote: self._lost(environment, zygote),
            )
        return self._zygotes[environment]

    def _announce_shortcoming(self, surroundings: Surroundings) -> None:
        """Say once what is missing of isolation. Raises OSError where no less was asked for."""
        shortcoming = self._confinement.shortcoming(surroundings)
        if shortcoming and not self._has_announced:
            self._has_announced = True
            self._announce(shortcoming)

    def _heard(self, message: dict[str, Any]) -> None:
        if "started" in message:
            if message["started"] in self._jobs:
                self._jobs[message["started"]].pid = message["pid"]
        else:
            usage = JobUsage(message["memory"], message["cpu_seconds"], disk=message["temporary"])
            self._process_ended(message["exited"], message["code"], usage)

    def _lost(self, environment: WorkerEnvironment, zygote: ZygoteProcess) -> None:
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
        end = End(code, memory_limit=job.launch.memory_limit, remark=job.streams.remark)
        if job.group and self._groups:
            end = replace(end, killed_for_memory=job.group.kills())
            self._groups.leave(job.group)
        disk = DiskUse(job.launch.folder.home)

        def measured() -> None:
            found = usage and replace(usage, disk=usage.disk + disk.bytes)
            self._ended(job_id, replace(end, usage=found))

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
        zygote: ZygoteProcess,
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


def _job_of(launch: Launch, sockets: Path, *, is_grouped: bool) -> Job:
    return Job(
        job_id=launch.job_id,
        function=launch.function,
        interpreter=launch.interpreter,
        home=str(launch.folder.home.absolute()),
        source=str(launch.source.absolute()) if launch.source else None,
        variables=dict(launch.variables),
        tools=str(launch.environment.bin),
        layers=tuple(str(layer.absolute()) for layer in launch.layers),
        shown=tuple(str(folder.absolute()) for folder in launch.shown),
        log_sockets=str(sockets),
        xtrace=launch.xtrace,
        process_memory=None if is_grouped else launch.memory_limit,
        has_network=launch.has_network,
    )


def _names_in(launch: Launch) -> SourceNames | None:
    """Return what names the author's file in the messages of a job; Python does so by itself."""
    if launch.interpreter != "bash" or launch.source is None:
        return None
    copy = launch.folder.home.absolute() / code_name(launch.job_id, launch.interpreter)
    return SourceNames(copy, launch.source.absolute())


def _make_temporary_folder() -> tuple[Path, int]:
    """Make a folder whose path is short enough for sockets; return it and the lock on it. Raises OSError.

    Also removes those that killed executors left.
    """
    place, name = Path(tempfile.gettempdir()), f"{_FOLDER_PREFIX}{os.urandom(4).hex()}"
    if len(os.fsencode(place / name / f"job-{'x' * 24}.priority")) > _LONGEST_SOCKET_ADDRESS:
        place = Path("/tmp")  # noqa: S108  (the folder in it is this user's alone)
    for left in owned_folders.abandoned(place.glob(f"{_FOLDER_PREFIX}*")):
        shutil.rmtree(left, ignore_errors=True)
    return place / name, owned_folders.make(place / name, 0o700)
