"""The life cycle of jobs and analyses: a pure state machine over the rows `job` and `wait`.

It decides *when* a job moves on, and is agnostic to how and where jobs run: it knows no clock, no process and
no file. Each function is told one thing that happened and the time (ms), changes rows, and returns every
transition that followed, in order. The caller makes each call one transaction, so that the rows alone tell
where every job stands, also after a crash.

An analysis is a row of `job` as well, that of an execution which runs no program: the executions of its
stages are its children. They share no tree: when one fails, the others go on.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

import json
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.spec.classes import mismatch
from dx_app_wizard.spec.links import links_in, references_in
from dx_local.platform import analysis_outcome, delivery
from dx_local.platform.ids import EXECUTIONS, class_of
from dx_local.platform.references import Resolver, UnresolvableReference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dx_local.platform.store import Row, Store


class State(str, Enum):
    """The states of a job or an analysis, by the platform's names."""

    IDLE = "idle"
    WAITING_ON_INPUT = "waiting_on_input"
    RUNNABLE = "runnable"
    RUNNING = "running"
    WAITING_ON_OUTPUT = "waiting_on_output"
    DONE = "done"
    FAILED = "failed"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    IN_PROGRESS = "in_progress"
    PARTIALLY_FAILED = "partially_failed"


FINAL = frozenset({State.DONE, State.FAILED, State.TERMINATED})

# From each state, the states that may come next.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset({State.WAITING_ON_INPUT, State.RUNNABLE, State.FAILED, State.TERMINATED}),
    State.WAITING_ON_INPUT: frozenset({State.RUNNABLE, State.FAILED, State.TERMINATED}),
    State.RUNNABLE: frozenset({State.RUNNING, State.FAILED, State.TERMINATED}),
    State.RUNNING: frozenset({State.WAITING_ON_OUTPUT, State.FAILED, State.TERMINATING}),
    State.WAITING_ON_OUTPUT: frozenset({State.DONE, State.FAILED, State.TERMINATED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.TERMINATED: frozenset(),
}

# The same for analyses.
ANALYSIS_TRANSITIONS: dict[State, frozenset[State]] = {
    State.IDLE: frozenset({State.IN_PROGRESS}),
    State.IN_PROGRESS: frozenset(
        {State.PARTIALLY_FAILED, State.DONE, State.FAILED, State.TERMINATING, State.TERMINATED}
    ),
    State.PARTIALLY_FAILED: frozenset({State.FAILED, State.TERMINATING, State.TERMINATED}),
    State.TERMINATING: frozenset({State.TERMINATED}),
    **{state: frozenset() for state in FINAL},
}

_WAITING = frozenset({State.IDLE, State.WAITING_ON_INPUT, State.WAITING_ON_OUTPUT})
_UNFINISHED = "state NOT IN ('done', 'failed', 'terminated')"


class Transition(NamedTuple):
    """One job or analysis moved from one state to another."""

    job: str
    before: State
    after: State


class Failure(NamedTuple):
    """Why a job failed: one of the platform's reasons, and a message for people.

    `origin` is described where it is another job whose failure this one follows from (`failureFrom`).
    """

    reason: str
    message: str
    origin: dict[str, Any] | None = None


def added(store: Store, job_id: str, now: int) -> list[Transition]:
    """Take up a new job, whose row is there in state idle: it waits for its input or is runnable.

    An analysis is taken up after the executions of all its stages, and is then in progress.
    """
    return _Machine(store, now).run(lambda machine: machine.take_up(job_id))


def started(store: Store, job_id: str, now: int) -> list[Transition]:
    """Note that a runnable job now runs on a worker."""
    return _Machine(store, now).run(lambda machine: machine.move(job_id, State.RUNNING, started=now))


def finished(store: Store, job_id: str, output: dict[str, Any], now: int) -> list[Transition]:
    """Note that a job's program ended well, with this output; does nothing unless the job is running."""
    return _Machine(store, now).run(lambda machine: machine.finish(job_id, output))


def failed(store: Store, job_id: str, failure: Failure, now: int) -> list[Transition]:
    """Fail a job, and with it its tree and what depends on that; does nothing to a job that has ended.

    A job that is being terminated ends as terminated, whatever its program said last.
    """
    return _Machine(store, now).run(lambda machine: machine.end_badly(job_id, failure))


def terminated(store: Store, job_id: str, now: int) -> list[Transition]:
    """Terminate a job and its descendants; those that run are `terminating` until their worker is gone."""
    return _Machine(store, now).run(lambda machine: machine.terminate(job_id))


def object_closed(store: Store, object_id: str, now: int) -> list[Transition]:
    """Wake the jobs that wait for a data object to be closed."""
    return _Machine(store, now).run(lambda machine: machine.wake_waiters_of(object_id))


def object_removed(store: Store, object_id: str, now: int) -> list[Transition]:
    """Fail the jobs that wait for a data object that is gone."""
    failure = Failure("InputError", f"{object_id} was removed before it was closed")
    return _Machine(store, now).run(lambda machine: machine.fail_waiters_of(object_id, failure))


def deadlocked(store: Store, now: int) -> list[Transition]:
    """Fail the first waiting job, when no job runs or can run and so nothing can ever end the waiting.

    Returns nothing when some job runs or is runnable, or none waits. To be called where nobody but jobs
    closes data objects.
    """
    return _Machine(store, now).run(lambda machine: machine.break_deadlock())


class _Machine:
    """One step: what happened, and all that follows from it, worked off as a queue of jobs to look at."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now
        self._transitions: list[Transition] = []
        self._to_settle: deque[str] = deque()

    def run(self, event: Callable[[_Machine], None]) -> list[Transition]:
        event(self)
        while self._to_settle:
            self._settle(self._to_settle.popleft())
        return self._transitions

    def move(self, job_id: str, after: State, **columns: Any) -> None:
        """Change a job's state, which the table of transitions must allow, and other columns with it."""
        job = self._job(job_id)
        before = State(job["state"])
        allowed = ANALYSIS_TRANSITIONS if _is_analysis(job_id) else TRANSITIONS
        if after not in allowed[before]:
            raise ValueError(f"{job_id} cannot go from {before.value} to {after.value}")
        if before in (State.RUNNING, State.TERMINATING):
            columns["stopped"] = self._now
        history = [*job["transitions"], {"newState": after.value, "setAt": self._now}]
        self._store.update(
            "job", job_id, state=after.value, modified=self._now, transitions=history, **columns
        )
        self._transitions.append(Transition(job_id, before, after))
        if after in FINAL:
            self._leave(job)

    def take_up(self, job_id: str) -> None:
        job = self._job(job_id)
        if job["parent"]:
            self._store.execute(
                "UPDATE job SET open_children = open_children + 1 WHERE id = ?", job["parent"]
            )
        if _is_analysis(job_id):
            self.move(job_id, State.IN_PROGRESS)
            self._to_settle.append(job_id)
            return
        causes = [*job["depends_on"], *_executions_in(job["original_input"])]
        causes += self._input_objects(job)
        if self._wait_for(job_id, causes):
            if self._job(job_id)["state"] == State.IDLE:
                self.move(job_id, State.WAITING_ON_INPUT)
        else:
            self._to_settle.append(job_id)

    def finish(self, job_id: str, output: dict[str, Any]) -> None:
        job = self._job(job_id)
        if job["state"] == State.TERMINATING:
            self.move(job_id, State.TERMINATED)
        if job["state"] != State.RUNNING:
            return
        if complaint := _undeclared_or_missing(job["output_spec"], output):
            self._fail_tree(job_id, Failure("OutputError", complaint))
            return
        self.move(job_id, State.WAITING_ON_OUTPUT, output=output)
        self._wait_for(job_id, [*_executions_in(output), *links_in(output)])
        self._to_settle.append(job_id)

    def end_badly(self, job_id: str, failure: Failure) -> None:
        state = self._job(job_id)["state"]
        if state == State.TERMINATING:
            self.move(job_id, State.TERMINATED)
        elif state not in FINAL:
            self._fail_tree(job_id, failure)

    def terminate(self, job_id: str) -> None:
        members = self._subtree(job_id)
        # Nobody who is terminated now may fail because of another one who is.
        for member in members:
            self._store.execute("DELETE FROM wait WHERE job = ?", member)
        for member in reversed(members):
            row = self._job(member)
            state = State(row["state"])
            has_running_stages = _is_analysis(member) and row["open_children"]
            if state is State.RUNNING or (has_running_stages and state not in FINAL):
                if state is not State.TERMINATING:
                    self.move(member, State.TERMINATING)
            elif state not in FINAL and state is not State.TERMINATING:
                self.move(member, State.TERMINATED)

    def wake_waiters_of(self, cause: str) -> None:
        for waiter in self._waiters_of(cause):
            self._to_settle.append(waiter)
        self._store.execute("DELETE FROM wait WHERE waits_for = ?", cause)

    def fail_waiters_of(self, cause: str, failure: Failure) -> None:
        for waiter in self._waiters_of(cause):
            self.end_badly(waiter, failure)

    def break_deadlock(self) -> None:
        if self._store.one("SELECT 1 FROM job WHERE state IN ('runnable', 'running', 'terminating') LIMIT 1"):
            return
        # The youngest job waits for something that is nearest to the cause: a child rather than its parent.
        job = self._store.one(
            f"SELECT id, state FROM job WHERE {_UNFINISHED} AND id GLOB 'job-*'"
            " ORDER BY sequence DESC LIMIT 1"
        )
        if job is not None:
            reason = "OutputError" if job["state"] == State.WAITING_ON_OUTPUT else "InputError"
            self._fail_tree(job["id"], Failure(reason, self._why_stuck(job["id"])))

    def _why_stuck(self, job_id: str) -> str:
        causes = self._causes_of(job_id)
        jobs = [cause for cause in causes if class_of(cause) in EXECUTIONS]
        if jobs:
            return f"waits for {', '.join(jobs)}, which in turn waits for this job: a circle of references"
        return f"waits for {', '.join(causes)} to be closed, and no job is left that could close it"

    def _settle(self, job_id: str) -> None:
        """Move a waiting job on if nothing is left that it waits for.

        Called once for each thing that ends, so it must not read what grows with their number.
        """
        if _is_analysis(job_id):
            self._settle_analysis(job_id)
            return
        job = self._store.one("SELECT state, open_children FROM job WHERE id = ?", job_id)
        if job is None or job["state"] not in _WAITING:
            return
        waits = self._store.one("SELECT 1 FROM wait WHERE job = ? LIMIT 1", job_id) is not None
        if job["state"] != State.WAITING_ON_OUTPUT:
            if not waits:
                self._make_runnable(self._job(job_id))
        elif job["open_children"] == 0:
            if not waits:
                self._make_done(self._job(job_id))
            elif all(self._is_left_open(cause) for cause in self._causes_of(job_id)):
                self._fail_tree(job_id, Failure("OutputError", self._why_stuck(job_id)))

    def _settle_analysis(self, analysis_id: str) -> None:
        """Move an analysis to where its stages stand."""
        before = State(self._job(analysis_id)["state"])
        if before in FINAL or before is State.IDLE:
            return
        stages = self._store.all("SELECT * FROM job WHERE parent = ? ORDER BY sequence", analysis_id)
        if any(analysis_outcome.ends_others(stage) for stage in stages):
            for stage in stages:
                self.terminate(stage["id"])
        analysis = self._job(analysis_id)
        failure = analysis_outcome.failure(stages)
        if analysis["open_children"]:
            if failure and before is State.IN_PROGRESS:
                self.move(analysis_id, State.PARTIALLY_FAILED, **failure)
        elif before is State.TERMINATING:
            self.move(analysis_id, State.TERMINATED)
        elif failure:
            self.move(analysis_id, State.FAILED, **failure)
            self._fail_dependents_of_analysis(self._job(analysis_id))
        else:
            self.move(analysis_id, State.DONE, output=analysis_outcome.output(analysis, stages))

    def _fail_dependents_of_analysis(self, analysis: Row) -> None:
        analysis_id, origin = analysis["id"], analysis["failure_from"]
        message = f"{analysis['name']} ({analysis_id}) failed: {analysis['failure_message']}"
        if analysis["parent"]:
            self._fail_tree(analysis["parent"], Failure("JobTreeFailure", message, origin))
        for waiter in self._waiters_of(analysis_id):
            self._fail_tree(waiter, Failure("DependencyUnsatisfiable", message, origin))

    def _make_runnable(self, job: Row) -> None:
        optional = frozenset(job["requested"].get("optionalInputs", ()))
        try:
            resolved = self._resolved(job["original_input"], optional)
            delivery.bring_in(self._store, job, resolved)
        except (UnresolvableReference, delivery.ObjectNotFound) as error:
            self._fail_tree(job["id"], Failure("InputError", str(error)))
            return
        spec = job["requested"].get("inputSpec")
        if spec and (complaint := _wrong_class(spec, resolved)):
            self._fail_tree(job["id"], Failure("InputError", complaint))
            return
        self.move(job["id"], State.RUNNABLE, input=resolved)

    def _make_done(self, job: Row) -> None:
        try:
            output = delivery.plain_links(self._resolved(job["output"]))
        except UnresolvableReference as error:
            self._fail_tree(job["id"], Failure("OutputError", str(error)))
            return
        if complaint := _wrong_class(job["output_spec"] or [], output):
            self._fail_tree(job["id"], Failure("OutputError", complaint))
            return
        try:
            delivery.hand_over(self._store, job, output)
        except delivery.ObjectNotFound as error:
            self._fail_tree(job["id"], Failure("OutputError", str(error)))
            return
        self.move(job["id"], State.DONE, output=output)

    def _fail_tree(self, job_id: str, failure: Failure) -> None:
        """Fail a job with its whole tree, then the trees that depend on one of its jobs, and so on."""
        failing = deque([(job_id, failure)])
        while failing:
            first, why = failing.popleft()
            if self._job(first)["state"] in FINAL:
                continue
            for member in self._fail_one_tree(first, why):
                for waiter in self._waiters_of(member):
                    dependent = Failure("DependencyUnsatisfiable", f"{member}, which it depends on, failed")
                    failing.append((waiter, dependent))

    def _fail_one_tree(self, first: str, why: Failure) -> list[str]:
        job = self._job(first)
        origin = why.origin or {
            "id": first,
            "name": job["name"],
            "executable": job["executable"],
            "executableName": job["executable_name"],
            "function": job["function"],
            "failureReason": why.reason,
            "failureMessage": why.message,
        }
        members = self._store.all(
            f"SELECT id, state FROM job WHERE origin = ? AND id != ? AND {_UNFINISHED} "
            "ORDER BY sequence DESC",
            job["origin"],
            first,
        )
        self._fail_row(first, why, origin)
        follow_up = Failure("JobTreeFailure", f"{job['name']} ({first}) failed: {why.message}")
        for member in members:
            if member["state"] != State.TERMINATING:
                self._fail_row(member["id"], follow_up, origin)
        return [first, *(member["id"] for member in members)]

    def _fail_row(self, job_id: str, why: Failure, origin: dict[str, Any]) -> None:
        self.move(
            job_id,
            State.FAILED,
            failure_reason=why.reason,
            failure_message=why.message,
            failure_from=origin,
        )

    def _leave(self, job: Row) -> None:
        """Do what follows for others when a job has reached a final state."""
        job_id = job["id"]
        self._store.execute("DELETE FROM wait WHERE job = ?", job_id)
        if job["parent"]:
            self._store.execute(
                "UPDATE job SET open_children = open_children - 1 WHERE id = ?", job["parent"]
            )
            self._to_settle.append(job["parent"])
        state = self._job(job_id)["state"]
        if state == State.DONE:
            self.wake_waiters_of(job_id)
        elif state == State.TERMINATED:
            why = Failure("DependencyUnsatisfiable", f"{job_id}, which it depends on, was terminated")
            self.fail_waiters_of(job_id, why)
        else:
            for row in self._store.all(
                f"SELECT id FROM job WHERE parent = ? AND id GLOB 'analysis-*' AND {_UNFINISHED}", job_id
            ):
                self.terminate(row["id"])

    def _wait_for(self, job_id: str, causes: Iterable[str]) -> bool:
        """Write down what a job waits for; tell whether there is anything.

        A cause that can no longer come true fails the job.
        """
        waits = False
        for cause in dict.fromkeys(causes):
            state = self._state_of(cause)
            if state in (State.FAILED, State.TERMINATED):
                how = "failed" if state == State.FAILED else "was terminated"
                message = f"{cause}, which it depends on, {how}"
                self._fail_tree(job_id, Failure("DependencyUnsatisfiable", message))
                return True
            if state not in (State.DONE, "closed", None):
                self._store.execute("INSERT OR IGNORE INTO wait VALUES (?, ?)", job_id, cause)
                waits = True
        return waits

    def _state_of(self, entity_id: str) -> str | None:
        table = "job" if class_of(entity_id) in EXECUTIONS else "object"
        state: str | None = self._store.value(f"SELECT state FROM {table} WHERE id = ?", entity_id)
        return state

    def _is_left_open(self, cause: str) -> bool:
        return class_of(cause) not in EXECUTIONS and self._state_of(cause) == "open"

    def _input_objects(self, job: Row) -> list[str]:
        """Return the data objects in the input, and the hidden ones that their details link to."""
        found = list(links_in(job["original_input"]))
        hidden = [
            linked
            for entity in found
            for row in self._store.all("SELECT links FROM object WHERE id = ?", entity)
            for linked in row["links"]
            if self._store.value("SELECT hidden FROM object WHERE id = ?", linked)
        ]
        return [*found, *hidden]

    def _subtree(self, job_id: str) -> list[str]:
        """Return a job and its unfinished descendants, parents before children."""
        members = [job_id]
        for member in members:
            children = self._store.all("SELECT id FROM job WHERE parent = ? ORDER BY sequence", member)
            members.extend(row["id"] for row in children)
        return members

    def _resolved(self, fields: dict[str, Any], optional: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the fields of a job that waits for nothing any more, with no reference left in them."""
        resolver = Resolver(self._output_of, lambda entity, path: object_metadata(self._store, entity, path))
        resolved = resolver.resolve(fields, optional=optional)
        for reference in references_in(resolved):
            raise UnresolvableReference(reference, "there is no such job")
        return resolved

    def _output_of(self, job_id: str) -> dict[str, Any] | None:
        return output_if_done(self._store, job_id)

    def _job(self, job_id: str) -> Row:
        job = self._store.get("job", job_id)
        if job is None:
            raise ValueError(f"there is no job {job_id}")
        return job

    def _waiters_of(self, cause: str) -> list[str]:
        rows = self._store.all("SELECT job FROM wait WHERE waits_for = ?", cause)
        return [row["job"] for row in rows]

    def _causes_of(self, job_id: str) -> list[str]:
        rows = self._store.all("SELECT waits_for FROM wait WHERE job = ?", job_id)
        return [row["waits_for"] for row in rows]


def output_if_done(store: Store, job_id: str) -> dict[str, Any] | None:
    """Return the output of a job that is done, or None."""
    row = store.one("SELECT output FROM job WHERE id = ? AND state = 'done'", job_id)
    output: dict[str, Any] | None = row["output"] if row else None
    return output


def object_metadata(store: Store, entity: str, path: str) -> Any:
    """Return what `metadata` of a reference asks of a data object: `name`, `properties.K` or `details.K`."""
    kind, _, key = path.partition(".")
    if kind == "details":
        text = store.value("SELECT details AS text FROM object WHERE id = ?", entity)
    elif kind == "properties":
        text = store.value("SELECT properties AS text FROM placement WHERE object = ? LIMIT 1", entity)
    else:
        return store.value("SELECT name FROM placement WHERE object = ? LIMIT 1", entity)
    return json.loads(text or "{}").get(key)


def _is_analysis(execution_id: str) -> bool:
    return class_of(execution_id) == "analysis"


def _executions_in(value: Any) -> list[str]:
    return [reference.execution for reference in references_in(value)]


def _undeclared_or_missing(spec: list[dict[str, Any]] | None, output: dict[str, Any]) -> str | None:
    """Say what is wrong with the names in an output, or None; nothing is where nothing is declared."""
    if spec is None:
        return None
    declared = {field["name"]: field for field in spec}
    if unknown := [name for name in output if name not in declared]:
        return f"the output has {_list(unknown)}, which outputSpec does not declare"
    required = [name for name, field in declared.items() if not field.get("optional")]
    if missing := [name for name in required if output.get(name) is None]:
        return f"the output lacks {_list(missing)}, which outputSpec requires"
    return None


def _wrong_class(spec: list[dict[str, Any]], values: dict[str, Any]) -> str | None:
    for field in spec:
        value = values.get(field["name"])
        complaint = mismatch(field["class"], value) if value is not None else None
        if complaint:
            return f"{field['name']!r} is declared as {field['class']}: {complaint}"
    return None


def _list(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
