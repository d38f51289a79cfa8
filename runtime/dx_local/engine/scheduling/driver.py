"""The driver: takes runnable jobs into free slots, watches their time, and tells the platform how they end.

It is moved by events alone (transitions that the platform publishes, exits that the executor reports, alarms
of the event loop), and so costs nothing while jobs run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.environments.job_environments import WorkplaceError
from dx_local.engine.executors import Launch
from dx_local.engine.executors.job_folder import create_job_folder, read_outcome
from dx_local.engine.scheduling.deferred_records import PatientRecords
from dx_local.engine.scheduling.job_variables import variables_of
from dx_local.engine.scheduling.log_opening import write_opening
from dx_local.engine.scheduling.resource_failures import (
    OutOfMemoryKills,
    explain_full_disk,
    failure_of,
    is_full,
)
from dx_local.engine.scheduling.waiters import Ends
from dx_local.errors import DxLocalError
from dx_local.platform.apps import app_views
from dx_local.platform.core import executable, internal_errors
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.states import FINAL, Failure, State
from dx_local.platform.data import objects
from dx_local.platform.execution import job_descriptions, job_events, job_usage
from dx_local.platform.execution.job_logs import job_folder_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dx_local.engine.environments.job_environments import Workplace, Workplaces
    from dx_local.engine.executors import End, Executor
    from dx_local.engine.executors.job_folder import JobFolder
    from dx_local.engine.memory_limit import MemoryLimit
    from dx_local.engine.scheduling.disk_reserve import Reserve
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Row
    from dx_local.platform.execution.job_usage import JobUsage

_WITHOUT_WORKER = frozenset({State.RESTARTABLE, State.FAILED, State.TERMINATING})


@dataclass(frozen=True)
class DriverOptions:
    """How jobs are run: where their folders lie, how many at once, and with what around them."""

    jobs_folder: Path
    max_parallel: int
    xtrace: bool = False
    memory_limit: MemoryLimit | None = None
    shown: tuple[Path, ...] = ()
    """Folders of this machine that every job may look into."""
    is_open: bool = False
    """True if clients other than jobs use the platform: they may close data objects, and free disk space."""


class Driver:
    """Runs the jobs of one platform on one executor, inside the event loop that it is made in."""

    def __init__(
        self,
        platform: Platform,
        options: DriverOptions,
        workplaces: Workplaces,
        reserve: Reserve,
    ) -> None:
        self._platform = platform
        self._options = options
        self._workplaces = workplaces
        self._records = PatientRecords(platform.folder, reserve)
        platform.use_reserve = self._records.use_reserve
        self._executor: Executor | None = None
        self._memory_kills = OutOfMemoryKills()
        self._ready: deque[str] = deque()
        self._running: set[str] = set()
        self._folders: dict[str, JobFolder] = {}
        self._blocked: set[str] = set()
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._ends = Ends(platform.store)
        self._verdicts: dict[str, Failure] = {}
        self._places: dict[str, Workplace] = {}
        self._executables: dict[str, JSON] = {}
        self._is_open = True
        platform.subscribers.append(self._on_transition)

    def use(self, executor: Executor) -> None:
        """Run jobs on this executor, which reports their ends to `on_exit`."""
        self._executor = executor

    async def until_final(self, job_id: str) -> None:
        """Return once a job has reached a final state.

        Raises OSError if its end cannot be recorded because the disk is full, and only jobs could free space.
        """
        if self._options.is_open:
            await self._ends.until_final(job_id)
        else:
            await self._records.unless_stuck(self._ends.until_final(job_id))

    def terminate(self, job_id: str) -> None:
        """Terminate a job and its descendants on behalf of the user who runs the platform."""
        self._records.write(lambda: job_events.end(self._platform, job_id))

    def resume(self) -> None:
        """Take up what was left on this platform when it was stopped, in whatever way.

        Jobs that were running have failed by that, with what follows for others; jobs that waited go on.
        """
        self._records.write(lambda: job_events.abandon(self._platform))
        rows = self._platform.store.all("SELECT id FROM job WHERE state = 'runnable' ORDER BY sequence")
        self._ready = deque(row["id"] for row in rows)
        self._fill_slots()

    async def close(self) -> None:
        """Fail the jobs that run, whose processes are the executor's to end; jobs that wait stay so."""
        self._is_open = False
        self._records.close(lambda: job_events.abandon(self._platform))
        self._platform.subscribers.remove(self._on_transition)
        for alarm in self._alarms.values():
            alarm.cancel()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)

    def on_exit(self, job_id: str, end: End) -> None:
        """Take note that the program of a job has ended."""
        if job_id in self._folders:  # it has not been given up
            with self._failing_with_our_bugs(job_id):
                self._take_note_of_end(job_id, end)

    def _take_note_of_end(self, job_id: str, end: End) -> None:
        folder = self._folders[job_id]
        outcome = read_outcome(folder, end.exit_code)
        place = self._places[job_id]
        self._free_slot_of(job_id)
        if not self._is_open:
            # `close` has told the platform already; the row may be that of the next try.
            return
        if verdict := self._verdicts.pop(job_id, None):
            self._record_failure(job_id, verdict, end.usage)
        elif outcome.reason is None:
            self._record_output(job_id, outcome.output or {}, end.usage)
        else:
            message = place.explain(end.exit_code, outcome.message or "")
            message = "\n".join(filter(None, (message, end.remark)))
            failure = Failure(outcome.reason, message)
            failure = failure_of(
                self._row(job_id), end, failure, self._memory_kills, disk_is_full=is_full(folder.home)
            )
            self._record_failure(job_id, self._explaining_full_disk(failure), end.usage)
        self._fill_slots()

    def _record_output(self, job_id: str, output: JSON, usage: JobUsage | None) -> None:
        """Record that a job is done; if the disk has no space for its output, that it failed."""

        def write() -> None:
            with self._platform.store.transaction():
                self._note_usage(job_id, usage)
                job_events.finish(self._platform, job_id, output)

        if not self._records.try_now(write):
            full = Failure("OutputError", "The output could not be stored: No space left on device")
            self._record_failure(job_id, self._explaining_full_disk(full), usage)

    def _record_failure(self, job_id: str, failure: Failure, usage: JobUsage | None = None) -> None:
        """Record that a job failed: at once, or when the disk has space for it."""

        def write() -> None:
            with self._platform.store.transaction():
                self._note_usage(job_id, usage)
                job_events.fail(self._platform, job_id, failure)

        self._records.write(write)

    def _note_usage(self, job_id: str, usage: JobUsage | None) -> None:
        if usage:
            job_usage.note(self._platform.store, job_id, usage)

    def _explaining_full_disk(self, failure: Failure) -> Failure:
        return explain_full_disk(failure, self._platform.folder)

    async def before_answer(
        self, context: Context, entity_id: str, method: str, request: JSON, answer: JSON
    ) -> JSON:
        """Give the slot of a job back while it asks for the state of an unfinished job; answer at its end.

        On the platform each job has a machine of its own, so a job that waits for another one takes nothing
        from it; here a waiting job must not keep its slot, or the two would wait for each other. Only who
        waits asks for the state and nothing else; that is answered late for users too.
        """
        caller = context.caller.job
        waits = method == "describe" and entity_id != caller and self._ends.is_unfinished(entity_id)
        self._block(caller, waits=waits)
        if not waits or request.get("fields") != {"state": True}:
            return answer
        state = await self._ends.state_worth_telling(entity_id)
        self._block(caller, waits=state not in FINAL)
        return {**answer, "state": state}

    def _block(self, caller: str | None, *, waits: bool) -> None:
        """Take the slot of a running job that waits, or note that it goes on."""
        if not waits:
            self._blocked.discard(caller or "")
        elif caller in self._running:
            self._blocked.add(caller)
            self._fill_slots()

    def _on_transition(self, transition: Transition) -> None:
        job_id, before, after = transition
        if after is State.RUNNABLE:
            self._ready.append(job_id)
        if before is State.RUNNING and after in _WITHOUT_WORKER and self._executor:
            self._executor.kill(job_id)
        self._ends.take_note(transition)
        self._fill_slots()

    def _fill_slots(self) -> None:
        if not self._is_open:
            return
        while self._ready and len(self._running) - len(self._blocked) < self._options.max_parallel:
            job_id = self._ready.popleft()
            if self._ends.state(job_id) == State.RUNNABLE:
                self._running.add(job_id)
                with self._failing_with_our_bugs(job_id):
                    self._start(job_id)
        if not self._ready and not self._running and not self._options.is_open:
            # What this changes comes back as transitions, and those here again.
            self._records.try_now(lambda: job_events.break_deadlock(self._platform))

    def _start(self, job_id: str) -> None:
        with self._platform.store.transaction():
            job_events.start(self._platform, job_id)
            job = self._row(job_id)
            variables = variables_of(self._platform, job)
        applet = self._applet(job)
        context = Context(self._platform, Caller(job["user"]))
        try:
            self._folders[job_id] = create_job_folder(
                self._options.jobs_folder,
                job_folder_name(job),
                job=job_descriptions.describe_in_home(context, job),
                executable=self._executable(context, job),
                job_input=job["input"],
                run_spec=applet["runSpec"],
            )
        except OSError as error:
            self._give_up(job_id, Failure("ExecutionError", f"The job's folder could not be made: {error}"))
            return
        self._alarms[job_id] = asyncio.get_running_loop().call_later(
            job["timeout"] / 1000, self._on_timeout, job_id, job["timeout"]
        )
        task = asyncio.get_running_loop().create_task(self._launch(job, applet, variables))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _launch(self, job: Row, applet: JSON, variables: Mapping[str, str]) -> None:
        with self._failing_with_our_bugs(job["id"]):
            await self._launch_in_its_place(job, applet, variables)

    async def _launch_in_its_place(self, job: Row, applet: JSON, variables: Mapping[str, str]) -> None:
        try:
            place = await self._workplaces.of(applet, job["function"])
        except WorkplaceError as error:
            self._give_up(job["id"], Failure(error.reason, str(error)))
            return
        except (DxLocalError, OSError) as error:
            reason = f"The place where the job would run could not be made: {error}"
            self._give_up(job["id"], Failure("ExecutionError", reason))
            return
        if not self._goes_on(job["id"]) or self._executor is None:
            self._give_up(job["id"], Failure("ExecutionError", "The job ended before it was started"))
            return
        launch = Launch(
            job_id=job["id"],
            function=job["function"],
            interpreter=applet["runSpec"]["interpreter"],
            folder=self._folders[job["id"]],
            environment=place.environment,
            variables=variables,
            source=Path(source) if (source := applet.get("local", {}).get("source")) else None,
            layers=place.layers,
            shown=self._options.shown and (*self._options.shown, *self._platform.linked),
            xtrace=self._options.xtrace,
            memory_limit=limit.of(job) if (limit := self._options.memory_limit) else None,
            has_network=_has_network(job, applet),
        )
        self._places[job["id"]] = place
        try:
            write_opening(launch, applet["runSpec"])
            for subscriber in self._platform.log_subscribers:
                subscriber(job["id"])
            await self._executor.start(launch)
        except OSError as error:
            self._give_up(job["id"], Failure("ExecutionError", f"The job could not be started: {error}"))
            return
        if not self._goes_on(job["id"]):
            # It was ended while it was being started, when there was no process yet to kill.
            self._executor.kill(job["id"])

    @contextmanager
    def _failing_with_our_bugs(self, job_id: str) -> Iterator[None]:
        """Fail a job when what is done for it raises what nobody has foreseen: else all would wait for it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
            if self._executor:
                self._executor.kill(job_id)
            if is_full_disk(error, self._platform.folder):
                self._give_up(job_id, Failure("ExecutionError", f"No space left on device: {error}"))
            else:
                self._give_up(job_id, Failure("JMInternalError", internal_errors.note(self._platform, error)))

    def _give_up(self, job_id: str, failure: Failure) -> None:
        """End a job that has no process."""
        self._free_slot_of(job_id)
        self._record_failure(job_id, self._verdicts.pop(job_id, self._explaining_full_disk(failure)))
        self._fill_slots()

    def _free_slot_of(self, job_id: str) -> None:
        self._running.discard(job_id)
        self._blocked.discard(job_id)
        self._folders.pop(job_id, None)
        self._places.pop(job_id, None)
        if alarm := self._alarms.pop(job_id, None):
            alarm.cancel()

    def _on_timeout(self, job_id: str, timeout: int) -> None:
        """End the processes of a job; that it has failed is told to the platform when they are gone."""
        self._alarms.pop(job_id, None)
        message = f"The job ran longer than its time limit of {_duration(timeout)}"
        self._verdicts[job_id] = Failure("JobTimeoutExceeded", message)
        if self._executor:
            self._executor.kill(job_id)

    def _goes_on(self, job_id: str) -> bool:
        return job_id not in self._verdicts and self._ends.state(job_id) == State.RUNNING

    def _executable(self, context: Context, job: Row) -> JSON:
        """Return the description of a job's executable that the job finds in its home."""
        executable_id = job["executable"]
        if class_of(executable_id) == "app":
            # An app that is not published may have been changed since its last job.
            return app_views.describe(context, executable_id, {})
        if executable_id not in self._executables:
            self._executables[executable_id] = objects.describe(context, executable_id, {})
        # Its workspace has a copy of the applet.
        return {**self._executables[executable_id], "project": job["workspace"]}

    def _applet(self, job: Row) -> JSON:
        return executable.applet_fields(self._platform.store, job["executable"], job["region"])

    def _row(self, job_id: str) -> Row:
        job = self._platform.store.get("job", job_id)
        if job is None:
            raise ValueError(f"there is no job {job_id}")
        return job


def _has_network(job: Row, applet: JSON) -> bool:
    """Tell whether a job may reach more than the API; one that others look at must be reached itself."""
    return bool(job["requested"]["access"].get("network")) or "httpsApp" in applet


def _duration(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} seconds"
