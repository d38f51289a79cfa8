"""Run jobs on this machine: each is forked by a zygote that has dxpy imported."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.engine.executors import failed_command
from dx_local.engine.executors.cgroups import MemoryGroups, NoControlGroupsError, remove_all_left
from dx_local.engine.executors.disk_usage import DiskUsage
from dx_local.engine.executors.isolation import isolation_warning
from dx_local.engine.executors.job_folder import JobFolder, read_outcome
from dx_local.engine.executors.job_log import JobStreams
from dx_local.engine.executors.local_launch import LocalJob, deliver
from dx_local.engine.executors.log_sources.log_sockets import LogSocketPool, LogSockets
from dx_local.engine.executors.log_sources.network_hint import remark_on
from dx_local.engine.executors.protocol import JobExit
from dx_local.engine.executors.source_names import SourceNames
from dx_local.engine.executors.zygote import ZygoteProcess
from dx_local.engine.executors.zygote_start import early
from dx_local.engine.executors.zygote_start.process import WorkerPrograms, start_zygote
from dx_local.engine.executors.zygote_start.slow_tools import SlowTools
from dx_local.engine.executors.zygote_start.temporary_folder import (
    make_temporary_folder,
    remove_abandoned_near,
)
from dx_local.engine.settings import Isolation, NetworkAccess
from dx_local.errors import UsageError
from dx_local.platform.core.full_disk import is_full
from dx_local.platform.execution.job_usage import JobUsage
from dx_local.worker.job import Job, code_name
from dx_local.worker.process import linux
from dx_local.worker.process.memory_limit import cgroup_link
from dx_local.worker.sandbox.host_folders import HOME, is_below
from dx_local.worker.unadopted import kill_all_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dx_local.engine.executors.cgroups import MemoryGroup
    from dx_local.engine.executors.protocol import (
        Api,
        Callbacks,
        Instance,
        JobDescription,
        Launch,
        PreparedJob,
    )
    from dx_local.engine.executors.terminal.loans import TerminalLoans
    from dx_local.engine.executors.zygote import ZygoteCapabilities
    from dx_local.engine.executors.zygote_start.process import StartedZygote
    from dx_local.engine.executors.zygote_start.temporary_folder import TemporaryFolder
    from dx_local.engine.settings import JobSettings

_GRACE_SECONDS = 1.0
# Counting so many files takes less time than handing the work to a thread.
_FEW_FILES = 200


class LocalExecutor:
    """Runs jobs in processes on this machine; an `Executor`."""

    def __init__(self, settings: JobSettings, api: Api | None, callbacks: Callbacks) -> None:
        self._isolation = settings.isolation
        self._slots = settings.slots
        self._api = api if settings.network is NetworkAccess.AUTO else None
        self._callbacks = callbacks
        self._groups = _memory_groups(settings, callbacks)
        self._has_announced = False
        self._zygotes: dict[WorkerPrograms, ZygoteProcess] = {}
        self._jobs: dict[str, _Running] = {}
        self._log_sockets = LogSocketPool()
        self._numbers = count(1)
        self._folder: TemporaryFolder | None = None
        self._early_zygote: StartedZygote | None = None
        self._closed = False
        self._loans: TerminalLoans | None = None
        self._slow_tools = SlowTools()

    def slots(self) -> int:
        """Return the number of jobs to run at once."""
        return self._slots

    def capacity(self) -> None:
        """Return None: any number of jobs can wait for others."""

    def expect(self, jobs: int) -> None:
        """Do nothing: this machine is there."""

    def check(self, instances: Mapping[str, Instance]) -> None:
        """Do nothing: jobs of any instance type run here."""

    async def prepare(self, job: JobDescription) -> PreparedJob:
        """Deliver the home of a job and make its environment. Raises JobEnvironmentError."""
        deliver(job)
        return LocalJob(job, await job.environment.realise(), self.start)

    async def start(self, launch: Launch) -> None:
        """Start a job; its process exists soon after this returns. Later failures are reported as its exit.

        Raises OSError if the machine lacks resources for a job, has no such Python, or cannot isolate jobs as
        requested.
        """
        if self._closed:
            raise RuntimeError("This executor is closed.")
        sockets = f"{self._temporary_folder(launch)}/{launch.job_id}"
        zygote = self._zygote_of(launch)
        if not zygote.capabilities.done():
            await asyncio.shield(zygote.capabilities)  # other jobs wait for it too
        capabilities = zygote.capabilities.result()
        self._warn_once(capabilities)
        self._slow_tools.note_job(launch.interpreter, launch.tool_client, capabilities)
        folder = _folder_of(launch)
        streams = self._streams_of(launch, folder.log, sockets, capabilities)
        try:
            group = self._group_of(launch, sockets)
        except OSError:
            for file in streams.write_ends:
                os.close(file)
            streams.end(lambda: None)
            raise
        self._jobs[launch.job_id] = _Running(
            zygote, launch, folder, group, streams, asyncio.get_running_loop().create_future()
        )
        has_own_network = capabilities.has_own_network and not launch.has_network
        job = _job_of(launch, sockets, is_grouped=group is not None, has_own_network=has_own_network)
        files = (*streams.write_ends, *([group.entrance] if group else []))
        zygote.send({"start": vars(job)}, files)
        # A zygote that died while this waited has reported the exits of the jobs it had then.
        if zygote.gone.done():
            self._end_orphan(launch.job_id)

    def kill(self, job_id: str) -> None:
        """Terminate all processes of a job; kill them after a second."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        job.zygote.send({"signal": int(signal.SIGTERM), "job": job_id})
        job.timer = job.timer or job.ended.get_loop().call_later(
            _GRACE_SECONDS, job.zygote.send, {"signal": int(signal.SIGKILL), "job": job_id}
        )

    async def close(self) -> None:
        """Kill all jobs, report their exits, and leave no process and no temporary file behind."""
        self._closed = True
        ends = [job.ended for job in self._jobs.values()]
        zygotes = list(self._zygotes.values())
        for zygote in zygotes:
            zygote.hang_up()
        await asyncio.gather(*(zygote.gone for zygote in zygotes), *ends)
        if self._loans:
            self._loans.close()
        if self._early_zygote:
            self._early_zygote.kill()
        if self._groups:
            await self._groups.close()
        self._log_sockets.close()
        if self._folder:
            self._folder.remove()
            self._folder = None
        if sentence := self._slow_tools.sentence():
            self._callbacks.announce(sentence)

    def _temporary_folder(self, launch: Launch) -> Path:
        """Return the folder, which is made for the first job; with it there may be a zygote for the job."""
        if self._folder is None:
            has_sandboxes = self._isolation is not Isolation.NONE
            is_hidden = is_below(f"{_jobs_folder(launch)}/", (HOME,))
            if found := early.take(_programs_of(launch), suits=has_sandboxes and not is_hidden):
                self._folder, self._early_zygote = found.folder, found.zygote
            else:
                self._folder = make_temporary_folder()
            remove_abandoned_near(self._folder)
            if self._folder.note:
                self._callbacks.announce(self._folder.note)
            self._callbacks.on_folder(self._folder.path)
            if self._callbacks.terminal:
                # Imported here, because it is of no use in pipes and in CI.
                from dx_local.engine.executors.terminal.loans import TerminalLoans

                self._loans = TerminalLoans(self._callbacks.terminal, self._log_conversation)
                self._loans.listen(self._folder.path)
        return self._folder.path

    def _log_conversation(self, job_id: str, lines: list[str], is_seen: bool) -> None:
        if job := self._jobs.get(job_id):
            job.streams.add_terminal_lines(lines, is_seen=is_seen)

    def _streams_of(
        self, launch: Launch, log: Path, sockets: str, capabilities: ZygoteCapabilities
    ) -> JobStreams:
        ends_completely = not (capabilities.no_sandbox_reason or capabilities.no_pid_namespace_reason)
        has_api_alone = capabilities.has_own_network and not launch.has_network
        return JobStreams(
            launch.job_id,
            log,
            self._log_sockets.take(sockets) if ends_completely else LogSockets(sockets),
            self._callbacks.on_log,
            rename=_source_names(launch),
            remark_on=remark_on if has_api_alone else None,
        )

    def _group_of(self, launch: Launch, sockets: str) -> MemoryGroup | None:
        if launch.memory_limit is None or self._groups is None:
            return None
        return self._groups.make(launch.job_id, launch.memory_limit, Path(cgroup_link(sockets)))

    def _zygote_of(self, launch: Launch) -> ZygoteProcess:
        programs = _programs_of(launch)
        if programs not in self._zygotes:
            self._zygotes[programs] = ZygoteProcess(
                self._started_zygote(launch),
                self._api,
                on_message=self._on_message,
                on_gone=lambda zygote: self._on_zygote_gone(programs, zygote),
            )
        return self._zygotes[programs]

    def _started_zygote(self, launch: Launch) -> StartedZygote:
        """Return a zygote without a setup: at first the early one, if there is one for this job."""
        if zygote := self._early_zygote:
            self._early_zygote = None
            return zygote
        log = self._temporary_folder(launch) / f"zygote-{next(self._numbers)}.log"
        return start_zygote(
            _programs_of(launch), log, self._isolation.value, _jobs_folder(launch), self._callbacks.images
        )

    def _warn_once(self, capabilities: ZygoteCapabilities) -> None:
        """Announce once that isolation is incomplete. Raises OSError if the user insists on it."""
        warning = isolation_warning(self._isolation, capabilities)
        if warning and not self._has_announced:
            self._has_announced = True
            self._callbacks.announce(warning)

    def _on_message(self, message: dict[str, Any]) -> None:
        if "started" in message:
            if message["started"] in self._jobs:
                self._jobs[message["started"]].pid = message["pid"]
        elif "cold_tools_reason" in message:
            self._slow_tools.note_reason(message["cold_tools_reason"])
        else:
            usage = JobUsage(message["memory"], message["cpu_seconds"], disk=message["temporary"])
            self._process_ended(message["exited"], message["code"], usage)

    def _on_zygote_gone(self, programs: WorkerPrograms, zygote: ZygoteProcess) -> None:
        if self._zygotes.get(programs) is zygote:
            del self._zygotes[programs]
        orphans = [
            job_id for job_id, job in self._jobs.items() if job.zygote is zygote and not job.process_ended
        ]
        for job_id in orphans:
            self._end_orphan(job_id)

    def _end_orphan(self, job_id: str) -> None:
        """Kill a job whose zygote is gone, and report its exit."""
        job = self._jobs[job_id]
        if job.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(job.pid, signal.SIGKILL)
        if not linux.adopts_orphans():
            kill_all_of({job_id})
        job.streams.append(
            f"The process that runs the jobs of this worker environment ended.\n{job.zygote.last_words()}"
        )
        self._process_ended(job_id, -signal.SIGKILL if self._closed else None, None)

    def _process_ended(self, job_id: str, code: int | None, usage: JobUsage | None) -> None:
        job = self._jobs[job_id]
        job.process_ended = True
        if job.timer:
            job.timer.cancel()
        job.streams.end(
            lambda: self._on_streams_closed(job_id, code, usage),
            lambda: _failed_command(job.launch) if code else (),
        )

    def _on_streams_closed(self, job_id: str, code: int | None, usage: JobUsage | None) -> None:
        job = self._jobs[job_id]
        killed = 0
        if job.group and self._groups:
            killed = job.group.kills()
            self._groups.leave(job.group)
        # The exit includes the disk usage, so it is reported after the files are counted.
        disk = DiskUsage(_home_of(job.launch))

        def measured() -> None:
            outcome = read_outcome(job.folder, code)
            end = JobExit(
                code,
                usage and JobUsage(usage.memory, usage.cpu_seconds, disk=usage.disk + disk.bytes),
                job.launch.memory_limit,
                killed,
                job.streams.remark,
                outcome,
                disk_is_full=outcome.reason is not None and is_full(job.folder.home),
            )
            self._report_exit(job_id, end)

        if disk.add_up(_FEW_FILES):
            measured()
        else:
            rest = asyncio.get_running_loop().run_in_executor(None, disk.add_up)
            rest.add_done_callback(lambda _: measured())

    def _report_exit(self, job_id: str, end: JobExit) -> None:
        job = self._jobs.pop(job_id)
        job.ended.set_result(None)
        self._callbacks.on_exit(job_id, end)


class _Running:
    """A job that was started and whose exit has not been reported."""

    def __init__(
        self,
        zygote: ZygoteProcess,
        launch: Launch,
        folder: JobFolder,
        group: MemoryGroup | None,
        streams: JobStreams,
        ended: asyncio.Future[None],
    ) -> None:
        self.zygote = zygote
        self.launch = launch
        self.folder = folder
        self.group = group
        self.streams = streams
        self.ended = ended
        self.pid: int | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.process_ended = False


def _folder_of(launch: Launch) -> JobFolder:
    return JobFolder(Path(launch.folder))


def _programs_of(launch: Launch) -> WorkerPrograms:
    return WorkerPrograms(launch.python, launch.programs, launch.tool_client)


def _jobs_folder(launch: Launch) -> str:
    return str(_folder_of(launch).path.parent)


def _home_of(launch: Launch) -> str:
    """Return the home in a job's folder, sooner than `_folder_of` does."""
    return f"{launch.folder}/home"


def _sent(path: str) -> str:
    """Return a path as the zygote decodes it, which is in UTF-8 mode, unlike a pytest that calls run_app."""
    return os.fsencode(path).decode("utf-8", "surrogateescape")


def _job_of(launch: Launch, sockets: str, *, is_grouped: bool, has_own_network: bool) -> Job:
    return Job(
        job_id=launch.job_id,
        function=launch.function,
        interpreter=launch.interpreter,
        home=_sent(_home_of(launch)),
        source=launch.source and _sent(launch.source),
        variables={**launch.variables, **(launch.own_network_variables if has_own_network else {})},
        tools=_sent(launch.programs),
        layers=tuple(map(_sent, launch.layers)),
        visible_paths=tuple(map(_sent, launch.visible_paths)),
        log_sockets=_sent(sockets),
        settings=dict(launch.settings),
        process_memory=None if is_grouped else launch.memory_limit,
        has_network=launch.has_network,
        git_depends=tuple(map(dict, launch.git_depends)),
        is_killed=launch.is_killed,
        shows_changes=launch.shows_changes,
        terminal_type=os.environ.get("TERM") or "dumb",
    )


def _source_names(launch: Launch) -> SourceNames | None:
    """Return the renaming of paths in messages of a bash job; Python names the author's file by itself."""
    if launch.interpreter != "bash" or launch.source is None:
        return None
    copy = _folder_of(launch).home / code_name(launch.job_id, launch.interpreter)
    return SourceNames(copy, Path(launch.source))


def _failed_command(launch: Launch) -> Sequence[str]:
    """Return log lines that name the command at which a bash job failed."""
    if launch.interpreter != "bash":
        return ()
    folder = _folder_of(launch)
    code_file = code_name(launch.job_id, launch.interpreter)
    try:
        return failed_command.log_lines(folder.home, folder.log, code_file)
    except OSError:  # the job has removed its folder
        return ()


def _memory_groups(settings: JobSettings, callbacks: Callbacks) -> MemoryGroups | None:
    """Return the control groups for a memory limit; announce that it holds per process if there are none.

    Raises UsageError if the system cannot limit memory at all: macOS accepts limits, and ignores them.
    """
    if settings.memory_limit is not None and sys.platform == "darwin":
        raise UsageError(
            "macOS cannot limit the memory of jobs", "Leave out --memory-limit, or run the app on Linux."
        )
    if settings.memory_limit is None:
        remove_all_left()
        return None
    try:
        return MemoryGroups()
    except NoControlGroupsError as error:
        callbacks.announce(
            f"The memory limit holds for each process of a job, not for all together: control groups cannot"
            f" be created ({error})."
        )
        return None
