"""Drive jobs: start runnable ones in free slots, enforce time limits, and record outcomes on the platform.

The driver only reacts to events (transitions that the platform publishes, exits that the executor reports,
timers of the event loop), so it uses no CPU time while jobs run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from dx_local.engine.environments.job_environments import JobEnvironmentError
from dx_local.engine.executors.job_folder import home_files, json_file_text, make_job_folder
from dx_local.engine.faults import FaultKind
from dx_local.engine.scheduling import restart_advice
from dx_local.engine.scheduling.deferred_records import DeferredRecords
from dx_local.engine.scheduling.fault_injection import FaultInjection, failure_by, transfer_size
from dx_local.engine.scheduling.job_variables import variables_of
from dx_local.engine.scheduling.launches import (
    JobParts,
    description_of,
    has_network,
    instance_of,
    instances_of_subjobs,
    settings_of,
)
from dx_local.engine.scheduling.log_opening import write_opening
from dx_local.engine.scheduling.resource_failures import (
    REASON,
    explain_full_disk,
    failure_of,
)
from dx_local.engine.scheduling.stalls import StallWatch
from dx_local.engine.scheduling.time_limits import TimeLimits
from dx_local.engine.scheduling.waiters import ExecutionWaiters
from dx_local.engine.settings import Sizes
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
from dx_local.worker.process.oom_kills import OutOfMemoryKills

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from dx_local.engine.environments.job_environments import JobEnvironments
    from dx_local.engine.executors.protocol import Executor, JobExit, PreparedJob
    from dx_local.engine.scheduling.disk_reserve import DiskReserve
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.states import Transition
    from dx_local.platform.execution.job_usage import JobUsage

_WITHOUT_WORKER = frozenset({State.RESTARTABLE, State.FAILED, State.TERMINATING})


class EarlierJobs(Protocol):
    """The jobs of an earlier run, which may be taken over."""

    async def take_over(self, job_id: str) -> bool:
        """Finish a runnable job with the output of an earlier one if it may be; return whether it did."""


class Driver:
    """Runs the jobs of one platform on one executor, in the event loop in which it was created.

    `is_open` is true if clients other than jobs use the platform; they may close data objects that jobs wait
    for, and free disk space.
    """

    def __init__(
        self,
        platform: Platform,
        settings: JobSettings,
        job_environments: JobEnvironments,
        reserve: DiskReserve,
        *,
        is_open: bool = False,
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._serves_clients = is_open
        self._announce = announce
        self._has_advised = False
        self._job_environments = job_environments
        self._records = DeferredRecords(platform.folder, reserve)
        platform.use_reserve = self._records.use_reserve
        self.faults = FaultInjection(settings.inject, platform.store)
        self._executor: Executor | None = None
        self._memory_kills = OutOfMemoryKills()
        self._waiters = ExecutionWaiters(platform.store)
        self._ready: deque[str] = deque()
        self._running: set[str] = set()  # with a slot, from the start of preparations until the exit
        self._started: set[str] = set()  # in the state `running`
        self._blocked: set[str] = set()  # running, but without a slot while they wait for other jobs
        self._starting: set[asyncio.Task[None]] = set()
        self._prepared: dict[str, PreparedJob] = {}
        self._time_limits = TimeLimits(self._on_timeout)
        self._stalls = StallWatch(self._on_stall)
        # Failures of jobs that are being killed, to record instead of the exit by a signal.
        self._planned_failures: dict[str, Failure] = {}
        self.final_failures: set[str] = set()
        """The jobs for which the executor could do nothing, so that no other try would help."""
        self._executables: dict[str, JSON] = {}
        self._last_executable: tuple[tuple[str, str], str] = (("", ""), "")
        self._earlier: EarlierJobs | None = None
        self._is_active = True
        self._is_filling = False
        platform.subscribers.append(self._on_transition)

    def use(self, executor: Executor) -> None:
        """Run jobs on this executor, which reports their exits to `on_exit`."""
        self._executor = executor

    def resume_from(self, earlier: EarlierJobs) -> None:
        """Take over jobs of an earlier run if possible, instead of running them."""
        self._earlier = earlier

    def check(self, job_id: str) -> None:
        """Raise UsageError if a job, or a subjob that its app requests, is too large for the executor."""
        if self._executor is None or self._settings.sizes is Sizes.SLOT:
            return
        job = self._row(job_id)
        own = instance_of(job)
        self._executor.check({**instances_of_subjobs(job), **({job["function"]: own} if own else {})})

    async def until_final(self, job_id: str) -> None:
        """Wait until a job has reached a final state.

        Raises OSError if that cannot be recorded because the disk is full, and only jobs could free space.
        """
        if self._serves_clients:
            await self._waiters.until_final(job_id)
        else:
            await self._records.wait_unless_stuck(self._waiters.until_final(job_id))

    def terminate(self, job_id: str) -> None:
        """Terminate a job and its descendants on behalf of the user who runs the platform."""
        self._records.write(lambda: job_events.terminate(self._platform, job_id))

    def resume(self) -> None:
        """Continue the work of a platform that was stopped or killed.

        Jobs that were running fail or are restarted, with the consequences for others; waiting jobs continue.
        """
        self._records.write(lambda: job_events.fail_running_jobs(self._platform))
        runnable = self._platform.store.column(
            "SELECT id FROM job WHERE state = 'runnable' ORDER BY sequence"
        )
        self._ready = deque(runnable)
        self._fill_slots()

    async def close(self) -> None:
        """Fail the running jobs, whose processes the executor kills; waiting jobs keep waiting."""
        self._is_active = False
        self._records.close(lambda: job_events.fail_running_jobs(self._platform))
        self._platform.subscribers.remove(self._on_transition)
        self._time_limits.close()
        self._stalls.close()
        self.faults.close()
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)

    def stop_clock(self, job_id: str) -> None:
        """Stop counting the time of a job, because it waits for the user."""
        self._time_limits.stop(job_id)

    def start_clock(self, job_id: str) -> None:
        """Count the time of a job again."""
        self._time_limits.go_on(job_id)

    def on_slots(self) -> None:
        """Start jobs if the number of slots has grown."""
        self._fill_slots()

    def on_node(self, job_id: str, node: str) -> None:
        """Record the node on which a job begins to run."""
        self._records.try_now(lambda: job_events.begin_on(self._platform, job_id, node))

    def on_exit(self, job_id: str, end: JobExit) -> None:
        """Record the outcome of a job whose process has ended."""
        if job_id in self._prepared:  # otherwise it has failed already
            with self._failing_on_internal_errors(job_id):
                self._record_exit(job_id, end)

    def _record_exit(self, job_id: str, end: JobExit) -> None:
        prepared, outcome = self._prepared[job_id], end.outcome
        assert outcome is not None  # an executor reports it with every exit
        self._free_slot(job_id)
        if not self._is_active:
            # `close` has recorded its failure already; the row may be that of its next try.
            return
        if failure := self._planned_failures.pop(job_id, None):
            self._record_failure(job_id, failure, end.usage)
        elif outcome.reason is None:
            self._record_output(job_id, outcome.output or {}, end.usage)
        else:
            message = prepared.explain(end.exit_code, outcome.message or "")
            message = "\n".join(filter(None, (message, end.remark)))
            failure = Failure(outcome.reason, message)
            failure = failure_of(
                self._row(job_id), end, failure, self._memory_kills, disk_is_full=end.disk_is_full
            )
            if outcome.reason == restart_advice.REASON:
                self._advise_on_restarts(job_id)
            failure = self._explaining_full_disk(failure)._replace(is_final=end.is_final)
            self._record_failure(job_id, failure, end.usage)
        self._fill_slots()

    def _advise_on_restarts(self, job_id: str) -> None:
        """Announce once that the loss of a node restarts more than the job that was there."""
        advice = restart_advice.advice_on(self._platform.store, self._row(job_id))
        if advice and not self._has_advised:
            self._has_advised = True
            self._announce(advice)

    def _record_output(self, job_id: str, output: JSON, usage: JobUsage | None) -> None:
        """Record that a job is done, or that it failed if the disk has no space for its output."""

        def write() -> None:
            job_events.finish(self._platform, job_id, output, usage)

        if not self._records.try_now(write):
            full = Failure("OutputError", "The output could not be stored: No space left on device")
            self._record_failure(job_id, self._explaining_full_disk(full), usage)

    def _record_failure(self, job_id: str, failure: Failure, usage: JobUsage | None = None) -> None:
        """Record that a job failed, as soon as the disk has space for it."""
        if failure.is_final:
            self.final_failures.add(job_id)

        def write() -> None:
            with self._platform.store.transaction():
                if usage:
                    job_usage.record(self._platform.store, job_id, usage)
                job_events.fail(self._platform, job_id, failure)

        self._records.write(write)

    def _explaining_full_disk(self, failure: Failure) -> Failure:
        return explain_full_disk(failure, self._platform.folder)

    async def before_call(self, context: Context, entity_id: str, method: str, request: Any) -> None:
        """Delay the call by which a job gets the URL of a transfer, if a fault slows down its transfers."""
        if self._settings.inject and class_of(entity_id) == "file":
            size = transfer_size(self._platform.store, entity_id, method, request)
            await self.faults.delay_transfer(context.caller, size)

    async def before_answer(
        self, context: Context, entity_id: str, method: str, request: JSON, answer: JSON
    ) -> JSON:
        """Delay the answer about the state of an unfinished job; free the slot of the calling job meanwhile.

        On the platform, each job has a machine of its own, so a waiting job takes no capacity from the job
        that it waits for. Here it must free its slot, or the two could wait for each other. A request for the
        state alone comes from a client that waits; its answer is delayed for users as well.
        """
        caller = context.caller.job
        waits = method == "describe" and entity_id != caller and self._waiters.is_unfinished(entity_id)
        self._block(caller, waits=waits)
        if not waits or request.get("fields") != {"state": True}:
            return answer
        state = await self._waiters.await_state(entity_id)
        self._block(caller, waits=state not in FINAL)
        return {**answer, "state": state}

    def _block(self, caller: str | None, *, waits: bool) -> None:
        """Free the slot of a running job that waits, or occupy it again."""
        if not waits:
            if caller in self._blocked:
                self._blocked.discard(caller)
                self._watch_stalls()
        elif caller in self._running:
            self._blocked.add(caller)
            self._fill_slots()

    def _on_transition(self, transition: Transition) -> None:
        job_id, before, after = transition
        if after is State.RUNNABLE:
            self._ready.append(job_id)
        elif after is State.RUNNING:
            self._started.add(job_id)
        elif before is State.RUNNING:
            self._started.discard(job_id)
        # A job can leave the state `running` before its process ends, such as when a sibling fails.
        if before is State.RUNNING and after in _WITHOUT_WORKER and self._executor:
            self._executor.kill(job_id)
        self._waiters.notify(transition)
        self._fill_slots()

    def _slots(self) -> int:
        return self._executor.slots() if self._executor else self._settings.slots

    def _capacity(self) -> int | None:
        return self._executor.capacity() if self._executor else None

    def _watch_stalls(self) -> None:
        if self._capacity() is not None:
            self._stalls.update(is_stalled=self._is_stalled())

    def _is_stalled(self) -> bool:
        """Return whether all workers hold jobs that wait for others, while another job needs a worker."""
        capacity = self._capacity()
        return capacity is not None and capacity <= len(self._blocked) < len(self._running)

    def _fill_slots(self) -> None:
        # The start of a job is a transition, after which this is called again: the loop goes on by itself.
        if not self._is_active or self._is_filling:
            return
        self._is_filling = True
        try:
            while self._ready and len(self._running) - len(self._blocked) < self._slots():
                self._start_next(self._ready.popleft())
        finally:
            self._is_filling = False
        if self._executor:
            self._executor.expect(len(self._ready) + len(self._running) - len(self._blocked))
        self._watch_stalls()
        if not self._ready and not self._running and not self._serves_clients:
            # Transitions that this causes call this method again.
            self._records.try_now(lambda: job_events.break_deadlock(self._platform))

    def _start_next(self, job_id: str) -> None:
        """Start a job that has become runnable, unless it has failed or been terminated since."""
        with self._failing_on_internal_errors(job_id):
            job = self._row(job_id)
            if job["state"] != State.RUNNABLE:
                return
            self._running.add(job_id)
            if self._earlier is None:
                self._start(job)
            else:
                self._begin(self._take_over_or_start(job_id, self._earlier))

    def _start(self, job: JobRow) -> None:
        """Start a runnable job that has a slot; `job` is its row, which is changed as well."""
        job_id = job["id"]
        with self._platform.store.transaction():
            job_events.start(self._platform, job_id, job)
            variables = variables_of(self._platform, job)
        applet = self._applet(job)
        context = Context(self._platform, Caller(job["user"]))
        try:
            folder = make_job_folder(self._platform.folder / "jobs", job_folder_name(job))
        except OSError as error:
            self._fail_unstarted(job_id, f"The job folder could not be created: {error}")
            return
        home = home_files(
            job=job_descriptions.describe_in_home(context, job),
            executable=self._executable_text(context, job),
            job_input=job["input"] or {},
            run_spec=applet["runSpec"],
        )
        assert job["timeout"] is not None  # only analyses have no limit
        self._time_limits.begin(job_id, job["timeout"])
        self._begin(self._launch(JobParts(job, applet, folder, home, variables)))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a part of starting a job as a task, which is cancelled when the driver closes."""
        task = asyncio.get_running_loop().create_task(work)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _take_over_or_start(self, job_id: str, earlier: EarlierJobs) -> None:
        with self._failing_on_internal_errors(job_id):
            is_done = await earlier.take_over(job_id)
            if is_done or self._waiters.state(job_id) != State.RUNNABLE:
                self._running.discard(job_id)
                self._fill_slots()
            elif self._is_active:
                self._start(self._row(job_id))

    async def _launch(self, parts: JobParts) -> None:
        with self._failing_on_internal_errors(parts.job["id"]):
            await self._prepare_and_start(parts)

    async def _prepare_and_start(self, parts: JobParts) -> None:
        job, executor = parts.job, self._executor
        if executor is None:
            self._fail_unstarted(job["id"], "The job ended before it was started")
            return
        try:
            environment = self._job_environments.describe(
                parts.applet, job["function"], has_network=has_network(job, parts.applet)
            )
            description = description_of(parts, environment, self._platform, self._settings)
            prepared = await executor.prepare(description)
        except JobEnvironmentError as error:
            self._fail_unstarted(job["id"], str(error), error.reason, is_final=error.is_final)
        except (DxLocalError, OSError) as error:
            self._fail_unstarted(job["id"], f"The job environment could not be prepared: {error}")
        else:
            if not self._is_still_running(job["id"]):
                self._fail_unstarted(job["id"], "The job ended before it was started")
                return
            self._prepared[job["id"]] = prepared
            await self._start_process(parts, prepared, executor)

    async def _start_process(self, parts: JobParts, prepared: PreparedJob, executor: Executor) -> None:
        job_id = parts.job["id"]
        try:
            faults = self.faults.begin(parts.job)
            write_opening(parts.folder.log, job_id, parts.applet["runSpec"], prepared.dxpy_version, faults)
            for subscriber in self._platform.log_subscribers:
                subscriber(job_id)
            for fault in faults:
                if failure := failure_by(fault, parts.job, parts.folder):
                    self._fail_unstarted(job_id, failure.message, failure.reason)
                    return
            if settings_of(parts.job, self._platform, self._settings).debugpy:  # it waits for the user
                self.stop_clock(job_id)
            await prepared.start(is_killed=any(fault.kind is FaultKind.KILL for fault in faults))
        except OSError as error:
            self._fail_unstarted(job_id, f"The job could not be started: {error}")
            return
        if not self._is_still_running(job_id):
            # It was terminated while it was being started, when it had no process to kill.
            executor.kill(job_id)

    @contextmanager
    def _failing_on_internal_errors(self, job_id: str) -> Iterator[None]:
        """Fail a job on an unexpected exception, since all who wait for the job would hang otherwise."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the job must end in any case
            if self._executor:
                self._executor.kill(job_id)
            if is_full_disk(error, self._platform.folder):
                self._fail_unstarted(job_id, f"No space left on device: {error}")
            else:
                self._fail_unstarted(job_id, internal_errors.record(self._platform, error), "JMInternalError")

    def _fail_unstarted(
        self, job_id: str, message: str, reason: str = "ExecutionError", *, is_final: bool = False
    ) -> None:
        """Fail a job that has no process."""
        self._free_slot(job_id)
        failure = self._explaining_full_disk(Failure(reason, message))._replace(is_final=is_final)
        self._record_failure(job_id, self._planned_failures.pop(job_id, failure))
        self._fill_slots()

    def _free_slot(self, job_id: str) -> None:
        self._running.discard(job_id)
        self._blocked.discard(job_id)
        self._prepared.pop(job_id, None)
        self._time_limits.end(job_id)

    def _on_timeout(self, job_id: str, timeout: int) -> None:
        """Kill the processes of a job; its failure is recorded when they have ended."""
        message = f"The job ran longer than its time limit of {_duration(timeout)}"
        self._planned_failures[job_id] = Failure("JobTimeoutExceeded", message)
        if self._executor:
            self._executor.kill(job_id)

    def _on_stall(self) -> None:
        """Fail a job that finds no worker, and with it the jobs that wait for it."""
        stuck = next(iter(self._running - self._blocked), None)
        if stuck is None or not self._is_stalled() or self._executor is None:
            return
        self._planned_failures[stuck] = Failure(
            REASON,
            f"All {self._capacity()} places for jobs on the nodes are taken by jobs that wait for other jobs,"
            " so the job could not start. Use more nodes, or have jobs return references to the outputs of"
            " their subjobs instead of waiting for them.",
        )
        self._executor.kill(stuck)

    def _is_still_running(self, job_id: str) -> bool:
        return job_id in self._started and job_id not in self._planned_failures

    def _executable_text(self, context: Context, job: JobRow) -> str:
        """Return the description of a job's executable, as the text of the file in its home."""
        executable_id = job["executable"]
        if class_of(executable_id) == "app":
            # An unpublished app may have changed since its last job.
            return json_file_text(app_views.describe(context, executable_id, {}))
        if executable_id not in self._executables:
            self._executables[executable_id] = objects.describe(context, executable_id, {})
        # Consecutive jobs are mostly subjobs of the same job.
        key = (executable_id, job["workspace"])
        if self._last_executable[0] != key:
            # On the platform, the workspace of a job holds a copy of its applet.
            described = {**self._executables[executable_id], "project": job["workspace"]}
            self._last_executable = (key, json_file_text(described))
        return self._last_executable[1]

    def _applet(self, job: JobRow) -> JSON:
        return executable.applet_fields(self._platform.store, job["executable"], job["region"])

    def _row(self, job_id: str) -> JobRow:
        job = self._platform.store.get("job", job_id)
        if job is None:
            raise ValueError(f"there is no job {job_id}")
        return job


def _duration(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    units = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    unit, size = next((unit for unit in units if seconds >= unit[1]), units[-1])
    count = f"{seconds / size:g}"
    return f"{count} {unit}" if count == "1" else f"{count} {unit}s"
