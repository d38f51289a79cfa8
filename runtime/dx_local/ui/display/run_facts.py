"""Facts about a run in memory: its jobs, counted by entry point, kept up to date by their transitions.

An update costs the same for the first job and the ten-thousandth. A job that waits for thousands of others is
the exception: they are read once.
"""

from __future__ import annotations

import time
from bisect import insort
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dx_local.engine.job_labels import JobLabels, job_name
from dx_local.platform.core.schema import JobIdentity
from dx_local.platform.core.states import FINAL, State
from dx_local.ui.outcomes import details, outcome_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.reports.failure_report import FailureReport
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.states import Transition
    from dx_local.ui.outcomes import JobOutcome

ENOUGH_SAMPLES = 5
"""The number of done jobs of an entry point from which their median is worth showing."""

_WAITING = frozenset({State.IDLE, State.WAITING_ON_INPUT})
_WAITS = frozenset({State.WAITING_ON_INPUT, State.WAITING_ON_OUTPUT})

# Columns that can be large, such as inputs, are not read.
_IDENTITY = "SELECT id, parent, parent_try, function, executable_name, workspace FROM job WHERE id = ?"


@dataclass
class JobFacts:
    """One job. Times are seconds of the run's clock."""

    id: str
    label: str
    parent: str | None
    entry_point: EntryPointFacts
    state: State = State.IDLE
    try_number: int = 0
    started: float | None = None
    """The time when its last try started, later by the time that it waited for the user."""
    clock_stopped: float | None = None
    """The time since when it waits for the user, or None."""
    seconds: float | None = None
    """The time that its last try ran, once it has ended."""
    memory: int | None = None
    """The peak memory in bytes, once the job is done."""
    last_line: str = ""
    node: str = ""
    """The node on which its last try runs; empty for this machine."""
    waits_for: set[str] = field(default_factory=set)
    """The executions and data objects that it waits for."""
    failure: FailureReport | None = None
    """The report on a job that failed by itself, not because another one did."""
    place: str = ""
    """The line of the app's own code at which it failed, as `src/app.py:41`; empty if unknown."""


@dataclass
class EntryPointFacts:
    """The jobs of one entry point of one executable, in numbers."""

    executable: str
    name: str
    total: int = 0
    states: Counter[State] = field(default_factory=Counter)
    failed: int = 0
    """The number of jobs that failed by themselves."""
    restarts: int = 0
    seconds: list[float] = field(default_factory=list)
    """The times that its done jobs ran, in ascending order."""
    slowest: JobFacts | None = None
    memory: int = 0
    """The largest peak memory of its jobs, in bytes."""
    waiting: dict[str, JobFacts] = field(default_factory=dict)
    """Its jobs that wait for input or output, by ID."""
    waits_for: Counter[EntryPointFacts | None] = field(default_factory=Counter)
    """The number of dependencies of those jobs, by entry point; None stands for data objects."""

    __hash__ = object.__hash__

    @property
    def done(self) -> int:
        """The number of jobs that are done."""
        return self.states[State.DONE]

    @property
    def running(self) -> int:
        """The number of jobs that run."""
        return self.states[State.RUNNING]

    @property
    def ended(self) -> int:
        """The number of jobs in a final state."""
        return sum(self.states[state] for state in FINAL)

    @property
    def not_started(self) -> int:
        """The number of jobs that wait for input."""
        return sum(self.states[state] for state in _WAITING)

    @property
    def median(self) -> float | None:
        """The median time in seconds of its done jobs, or None if they are too few."""
        count = len(self.seconds)
        return self.seconds[count // 2] if count >= ENOUGH_SAMPLES else None


@dataclass(frozen=True)
class Change:
    """A transition of a job, with the details to print."""

    job: JobFacts
    after: State
    details: str = ""
    """The reason of a failure or a number of a try, in parentheses; empty if there is nothing to add."""

    @property
    def is_failure(self) -> bool:
        """True if the job failed by itself, not because another one did."""
        return self.after is State.FAILED and self.job.failure is not None


class RunFacts:
    """The jobs of one run. `app` is the folder of the user's code, `slots` the number of parallel jobs."""

    def __init__(
        self, app: Path | None = None, slots: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.slots = slots
        self.jobs: dict[str, JobFacts] = {}
        self.entry_points: dict[tuple[str, str], EntryPointFacts] = {}
        self.running: dict[str, JobFacts] = {}
        """The running jobs, the first one started first."""
        self.failures: list[JobFacts] = []
        """The jobs that failed by themselves."""
        self.ended = 0
        self._app = app
        self._clock = clock
        self._began = clock()
        self._platform: Platform | None = None
        self._labels = JobLabels()
        self._waiters: defaultdict[str, list[JobFacts]] = defaultdict(list)
        self._names: Counter[str] = Counter()

    def use(self, platform: Platform) -> None:
        """Read jobs from this platform."""
        self._platform = platform

    @property
    def now(self) -> float:
        """The seconds since the run began."""
        return self._clock() - self._began

    @property
    def seconds_left(self) -> float | None:
        """The estimated time until all known jobs have ended; None until it has enough samples.

        Jobs of an entry point are expected to take the median of those that are done.
        """
        work, left = 0.0, 0
        for entry_point in self.entry_points.values():
            if (median := entry_point.median) is not None:
                count = entry_point.total - entry_point.ended
                work, left = work + median * count, left + count
        return work / min(self.slots, left) if left else None

    def title(self, entry_point: EntryPointFacts) -> str:
        """Return the name of an entry point, with its executable if another one has the same name."""
        if self._names[entry_point.name] > 1:
            return f"{entry_point.executable}:{entry_point.name}"
        return entry_point.name

    def job(self, job_id: str) -> JobFacts | None:
        """Return a job of the run, or None if the platform has none with this ID.

        A job is numbered among its siblings at its first transition, and these are published in the order
        in which the jobs were created.
        """
        if job_id not in self.jobs and (made := self._read(job_id)):
            self.jobs[job_id] = made
        return self.jobs.get(job_id)

    def note_node(self, job_id: str, node: str) -> None:
        """Note the node on which a job begins to run."""
        if job := self.job(job_id):
            job.node = node

    def apply(self, transition: Transition) -> Change | None:
        """Record a transition, and return the change; None if the job does not exist."""
        job = self.job(transition.job)
        if job is None or self._platform is None:
            return None
        after = transition.after
        job.entry_point.states[job.state] -= 1
        job.entry_point.states[after] += 1
        job.state = after
        self._update_times(job, after)
        self._update_waits(job, after)
        if after is State.RESTARTABLE:
            job.entry_point.restarts += 1
        if after in FINAL:
            self.ended += 1
        if after not in (State.RUNNING, State.RESTARTABLE, *FINAL):
            return Change(job, after)
        if after is State.RUNNING and not (job.entry_point.restarts or self._platform.reuses):
            return Change(job, after)  # without details, which only later tries and reuse have
        outcome = outcome_of(self._platform.store, job.id)
        if outcome is None:
            return Change(job, after)
        self._note(job, after, outcome)
        return Change(job, after, details(self._platform.store, outcome, after))

    def stop_clock(self, job_id: str) -> None:
        """Stop counting the time of a job, because it waits for the user."""
        if (job := self.job(job_id)) and job.clock_stopped is None:
            job.clock_stopped = self.now

    def start_clock(self, job_id: str) -> None:
        """Count the time of a job again."""
        job = self.job(job_id)
        if job is None or job.clock_stopped is None:
            return
        if job.started is not None:
            job.started += self.now - job.clock_stopped
        job.clock_stopped = None

    def _read(self, job_id: str) -> JobFacts | None:
        store = self._platform.store if self._platform else None
        row = store.one(JobIdentity, _IDENTITY, job_id) if store else None
        if store is None or row is None:
            return None
        name = job_name(store, row)
        key = (row["executable_name"], name)
        if key not in self.entry_points:
            self.entry_points[key] = EntryPointFacts(*key)
            self._names[name] += 1
        entry_point = self.entry_points[key]
        entry_point.total += 1
        entry_point.states[State.IDLE] += 1
        return JobFacts(job_id, self._labels.label(row, name), row["parent"], entry_point)

    def _update_times(self, job: JobFacts, after: State) -> None:
        if after is State.RUNNING:
            job.started, job.seconds = self.now, None
            self.running[job.id] = job
        elif self.running.pop(job.id, None) and job.started is not None:
            self.start_clock(job.id)
            job.seconds = self.now - job.started
        if after is State.DONE and job.seconds is not None:
            entry_point = job.entry_point
            insort(entry_point.seconds, job.seconds)
            if entry_point.slowest is None or job.seconds > (entry_point.slowest.seconds or 0):
                entry_point.slowest = job

    def _update_waits(self, job: JobFacts, after: State) -> None:
        self._stop_waiting(job)
        if after in _WAITS and self._platform:
            job.entry_point.waiting[job.id] = job
            found = self._platform.store.column("SELECT waits_for FROM wait WHERE job = ?", job.id)
            job.waits_for = set(found)
            for dependency in found:
                self._waiters[dependency].append(job)
                job.entry_point.waits_for[self._entry_point_of(dependency)] += 1
        if after in FINAL:
            for waiter in self._waiters.pop(job.id, ()):
                if job.id in waiter.waits_for:
                    waiter.waits_for.remove(job.id)
                    waiter.entry_point.waits_for[job.entry_point] -= 1

    def _stop_waiting(self, job: JobFacts) -> None:
        job.entry_point.waiting.pop(job.id, None)
        for dependency in job.waits_for:
            job.entry_point.waits_for[self._entry_point_of(dependency)] -= 1
        job.waits_for = set()

    def _entry_point_of(self, entity_id: str) -> EntryPointFacts | None:
        job = self.job(entity_id)
        return job.entry_point if job else None

    def _note(self, job: JobFacts, after: State, outcome: JobOutcome) -> None:
        job.try_number = outcome["try_number"]
        if after is State.FAILED and outcome["failed_first"] in (None, job.id):
            self._note_failure(job)
        if after is State.DONE:
            job.memory = outcome["memory"]
            job.entry_point.memory = max(job.entry_point.memory, job.memory or 0)

    def _note_failure(self, job: JobFacts) -> None:
        from dx_local.engine.reports.failure_report import explain  # no run that succeeds waits for it

        assert self._platform is not None
        self.failures.append(job)
        job.entry_point.failed += 1
        row = self._platform.store.get("job", job.id)
        if row and self._app:
            job.failure = explain(self._platform, row, self._app)
            if source := job.failure.source:
                job.place = f"{source.file.relative_to(self._app)}:{source.number}"
