"""How jobs end otherwise than done, and what follows from it: for their trees, for who depends on them.

A failed job fails its tree, unless its execution policy has a job above it, or itself, tried again.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.platform.core.states import ANALYSIS_TRANSITIONS, FINAL, TRANSITIONS, Failure, State, Transition
from dx_local.platform.lifecycle import restarts
from dx_local.platform.lifecycle.queries import UNFINISHED, Step, is_analysis

if TYPE_CHECKING:
    from dx_local.platform.core.store import Row

_MAY_BE_TRIED_AGAIN = frozenset({State.RUNNING, State.WAITING_ON_OUTPUT})


class Ending(Step):
    """The part of a step in which executions come to an end."""

    def move(self, job_id: str, after: State, **columns: Any) -> None:
        """Change a job's state, which the table of transitions must allow, and other columns with it."""
        job = self.standing(job_id)
        before = State(job["state"])
        allowed = ANALYSIS_TRANSITIONS if is_analysis(job_id) else TRANSITIONS
        if after not in allowed[before]:
            raise ValueError(f"{job_id} cannot go from {before.value} to {after.value}")
        if before in (State.RUNNING, State.TERMINATING):
            columns = {"stopped": self.now, **columns}
        history = [*job["transitions"], {"newState": after.value, "setAt": self.now}]
        self.store.update("job", job_id, state=after.value, modified=self.now, transitions=history, **columns)
        self.transitions.append(Transition(job_id, before, after))
        if after in FINAL:
            self._leave(job, after)

    def end_badly(self, job_id: str, failure: Failure) -> None:
        """Note that a job has failed, which has no worker, or none any more."""
        job = self.job(job_id)
        if job["state"] in (State.TERMINATING, State.RESTARTABLE):
            self.lose_worker(job)
        elif job["state"] not in FINAL and not self._try_again(job, failure):
            self.fail_tree(job_id, failure)

    def lose_worker(self, job: Row) -> None:
        """Note that the worker is gone of a job that was told to end."""
        if job["state"] == State.TERMINATING:
            self.move(job["id"], State.TERMINATED)
        elif job["state"] == State.RESTARTABLE and job["stopped"] is None:
            self.store.update("job", job["id"], stopped=self.now)
            self.to_settle.append(job["id"])

    def try_again_if_alone(self, job_id: str) -> None:
        """Begin the next try of a restartable job, once nothing of the last one runs."""
        job = self.standing(job_id)
        if job["stopped"] is not None and not self.has_open_children(job_id):
            restarts.keep_try(self.store, self.job(job_id), self.now)
            self.move(job_id, State.RUNNABLE)

    def unsatisfiable(self, cause: str) -> Failure:
        """Return why a job fails that depends on an execution which has failed or was terminated."""
        row = self.job(cause)
        if row["state"] == State.TERMINATED:
            return Failure("DependencyUnsatisfiable", f"{cause} was a job dependency but was terminated")
        message = f"{cause} was a job dependency but failed: {row['failure_message']}"
        return Failure("DependencyUnsatisfiable", message, row["failure_from"])

    def fail_waiters_of(self, cause: str, failure: Failure) -> None:
        """Fail the jobs that wait for what will never come."""
        for waiter in self.waiters_of(cause):
            self.end_badly(waiter, failure)

    def fail_tree(self, job_id: str, failure: Failure) -> None:
        """Fail a job with its whole tree, then the trees that depend on one of its jobs, and so on."""
        failing = deque([(job_id, failure)])
        while failing:
            first, why = failing.popleft()
            if self.job(first)["state"] in FINAL:
                continue
            for member in self._fail_one_tree(first, why):
                failing += [(waiter, self.unsatisfiable(member)) for waiter in self.waiters_of(member)]

    def terminate(self, job_id: str) -> None:
        """Terminate an execution with all its descendants."""
        self._terminate(self.subtree(job_id))

    def break_deadlock(self) -> None:
        """Fail the job that is nearest to the cause, when no job runs and so nobody can end the waiting."""
        if self.store.one(
            "SELECT 1 FROM job WHERE state IN ('runnable', 'running', 'restartable', 'terminating') LIMIT 1"
        ):
            return
        # The youngest job waits for something that is nearest to the cause: a child rather than its parent.
        job = self.store.one(
            f"SELECT id, state FROM job WHERE {UNFINISHED} AND id GLOB 'job-*' ORDER BY sequence DESC LIMIT 1"
        )
        if job is not None:
            reason = "OutputError" if job["state"] == State.WAITING_ON_OUTPUT else "InputError"
            self.fail_tree(job["id"], Failure(reason, self.why_stuck(job["id"])))

    def why_stuck(self, job_id: str) -> str:
        """Say what a job waits for in vain."""
        causes = self.causes_of(job_id)
        jobs = [cause for cause in causes if class_of(cause) in EXECUTIONS]
        if jobs:
            return f"waits for {', '.join(jobs)}, which in turn waits for this job: a circle of references"
        return f"waits for {', '.join(causes)} to be closed, and no job is left that could close it"

    def _leave(self, job: Row, state: State) -> None:
        """Do what follows for others when a job has reached a final state."""
        job_id = job["id"]
        self.store.execute("DELETE FROM wait WHERE job = ?", job_id)
        if job["parent"]:
            self.to_settle.append(job["parent"])
        if state is State.DONE:
            self.wake_waiters_of(job_id)
        elif state is State.TERMINATED:
            self.fail_waiters_of(job_id, self.unsatisfiable(job_id))
        else:
            for row in self.store.all(
                f"SELECT id FROM job WHERE parent = ? AND id GLOB 'analysis-*' AND {UNFINISHED}", job_id
            ):
                self.terminate(row["id"])

    def wake_waiters_of(self, cause: str) -> None:
        """Let the jobs go on that wait for what has come."""
        self.to_settle.extend(self.waiters_of(cause))
        self.store.execute("DELETE FROM wait WHERE waits_for = ?", cause)

    def _fail_one_tree(self, first: str, why: Failure) -> list[str]:
        job = self.job(first)
        origin = why.origin or _as_origin(job, why)
        members = self.store.all(
            f"SELECT id, state FROM job WHERE origin = ? AND id != ? AND {UNFINISHED} ORDER BY sequence DESC",
            job["origin"],
            first,
        )
        self._fail_row(job, why, origin)
        follow_up = Failure("JobTreeFailure", f"{first} failed because of {why.reason}: {why.message}")
        for member in members:
            if member["state"] != State.TERMINATING:
                self._fail_row(self.job(member["id"]), follow_up, origin)
        return [first, *(member["id"] for member in members)]

    def _fail_row(self, job: Row, why: Failure, origin: dict[str, Any]) -> None:
        self.move(job["id"], State.FAILED, **_columns_of(job, why, origin))

    def _terminate(self, members: list[str]) -> None:
        # Nobody who is terminated now may fail because of another one who is.
        for member in members:
            self.store.execute("DELETE FROM wait WHERE job = ?", member)
        for member in reversed(members):
            row = self.job(member)
            if row["state"] in FINAL or row["state"] == State.TERMINATING:
                continue
            has_worker = row["state"] == State.RUNNING or _is_losing_worker(row)
            has_running_stages = is_analysis(member) and self.has_open_children(member)
            self.move(member, State.TERMINATING if has_worker or has_running_stages else State.TERMINATED)

    def _try_again(self, job: Row, failure: Failure) -> bool:
        """Have a failed job tried again, or the nearest one above it that may be, if its policy says so.

        What that job has started ends; the next try starts its own.
        """
        again = restarts.job_to_restart(self.store, job)
        if again["state"] not in _MAY_BE_TRIED_AGAIN or not restarts.is_allowed(again, failure.reason):
            return False
        origin = failure.origin or _as_origin(job, failure)
        members = self.subtree(again["id"])
        for member in members:
            self.store.execute("DELETE FROM wait WHERE job = ?", member)
        columns = _columns_of(again, failure, origin)
        if again["id"] != job["id"]:
            columns["stopped"] = again["stopped"]
        self.move(again["id"], State.RESTARTABLE, **columns)
        self.to_settle.append(again["id"])
        restarts.mark_superseded(self.store, members[1:])
        if again["id"] != job["id"]:
            self._fail_row(job, failure, origin)
            self.fail_waiters_of(job["id"], self.unsatisfiable(job["id"]))
        self._terminate(members[1:])
        return True


def _as_origin(job: Row, why: Failure) -> dict[str, Any]:
    """Return a failed job as `failureFrom` describes it."""
    return {
        "id": job["id"],
        "try": job["try_number"],
        "name": job["name"],
        "executable": job["executable"],
        "executableName": job["executable_name"],
        "function": job["function"],
        "failureReason": why.reason,
        "failureMessage": why.message,
    }


def _columns_of(job: Row, why: Failure, origin: dict[str, Any]) -> dict[str, Any]:
    counts = job["failure_counts"]
    return {
        "failure_reason": why.reason,
        "failure_message": why.message,
        "failure_from": origin,
        "failure_counts": {**counts, why.reason: counts.get(why.reason, 0) + 1},
    }


def _is_losing_worker(job: Row) -> bool:
    return bool(job["state"] == State.RESTARTABLE and job["stopped"] is None)
