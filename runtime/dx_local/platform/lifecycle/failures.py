"""Fail, terminate and restart executions, with the consequences for their trees and their dependents.

A failed job fails its tree, unless the execution policy restarts the job itself or one of its ancestors.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.schema import JobState
from dx_local.platform.core.states import FINAL, Failure, State
from dx_local.platform.lifecycle import restarts
from dx_local.platform.lifecycle.queries import UNFINISHED, is_analysis

if TYPE_CHECKING:
    from dx_local.platform.core.schema import JobRow, JobStatus
    from dx_local.platform.core.store import Store
    from dx_local.platform.lifecycle.step import Step

_RESTARTABLE_STATES = frozenset({State.RUNNING, State.WAITING_ON_OUTPUT})


class Failures:
    """Ends executions within one step of the life cycle in any state but `done`."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._rows = step.rows

    @property
    def _store(self) -> Store:
        return self._step.store

    def fail(self, job_id: str, failure: Failure) -> None:
        """Fail or restart a job that has no worker, or has just lost it."""
        job = self._rows.job(job_id)
        if job["state"] in (State.TERMINATING, State.RESTARTABLE):
            self.release_worker(job)
        elif job["state"] not in FINAL and (failure.is_final or not self._restart(job, failure)):
            self.fail_tree(job_id, failure)

    def release_worker(self, job: JobStatus) -> None:
        """Record that a job which was told to end has lost its worker."""
        if job["state"] == State.TERMINATING:
            self.end_terminated(job["id"])
        elif job["state"] == State.RESTARTABLE and job["stopped"] is None:
            self._rows.change(job["id"], stopped=self._step.now)
            self._step.to_advance.append(job["id"])

    def start_next_try(self, job_id: str) -> None:
        """Make a restartable job runnable, once its last try and all its children have ended."""
        job = self._rows.status(job_id)
        if job["stopped"] is not None and not self._rows.has_unfinished_children(job_id):
            restarts.archive_try(self._store, self._rows.job(job_id), self._step.now)
            self._step.move(job_id, State.RUNNABLE)

    def of_dependency(self, execution_id: str) -> Failure:
        """Return the failure of a job that depends on an execution which has failed or was terminated."""
        row = self._rows.job(execution_id)
        if row["state"] == State.TERMINATED:
            return Failure(
                "DependencyUnsatisfiable", f"{execution_id} was a job dependency but was terminated"
            )
        message = f"{execution_id} was a job dependency but failed: {row['failure_message']}"
        return Failure("DependencyUnsatisfiable", message, row["failure_from"])

    def fail_waiters_of(self, entity_id: str, failure: Failure) -> None:
        """Fail the jobs that wait for something that will never come."""
        for waiter in self._rows.waiters_of(entity_id):
            self.fail(waiter, failure)

    def fail_tree(self, job_id: str, failure: Failure) -> None:
        """Fail a job with its whole tree, then the trees that depend on any of its jobs, and so on."""
        # A queue rather than recursion, because chains of dependents can be longer than Python's stack.
        failing = deque([(job_id, failure)])
        while failing:
            first, why = failing.popleft()
            if self._rows.job(first)["state"] in FINAL:
                continue
            for member in self._fail_one_tree(first, why):
                failing += [(waiter, self.of_dependency(member)) for waiter in self._rows.waiters_of(member)]

    def fail_analysis(self, analysis_id: str, columns: dict[str, Any]) -> None:
        """Fail an analysis whose stages have ended, then its parent and its dependents."""
        self._step.move(analysis_id, State.FAILED, **columns)
        analysis = self._rows.job(analysis_id)
        origin = analysis["failure_from"]
        why = f"{analysis['failure_reason']}: {analysis['failure_message']}"
        message = f"{analysis_id} failed because of {why}"
        if analysis["parent"]:
            self.fail_tree(analysis["parent"], Failure("JobTreeFailure", message, origin))
        for waiter in self._rows.waiters_of(analysis_id):
            self.fail_tree(waiter, Failure("DependencyUnsatisfiable", message, origin))

    def terminate(self, job_id: str) -> None:
        """Terminate an execution and all its descendants."""
        self._terminate(self._rows.with_descendants(job_id))

    def end_terminated(self, job_id: str) -> None:
        """Move an execution to `terminated`, and fail the jobs that wait for it."""
        self._step.move(job_id, State.TERMINATED)
        self.fail_waiters_of(job_id, self.of_dependency(job_id))

    def _fail_one_tree(self, first: str, why: Failure) -> list[str]:
        job = self._rows.job(first)
        origin = why.origin or _as_origin(job, why)
        members = self._store.all(
            JobState,
            "SELECT id, state, try_number FROM job"
            f" WHERE origin = ? AND id != ? AND {UNFINISHED} ORDER BY sequence DESC",
            job["origin"],
            first,
        )
        self._fail_job(job, why, origin)
        follow_up = Failure("JobTreeFailure", f"{first} failed because of {why.reason}: {why.message}")
        for member in members:
            if member["state"] != State.TERMINATING:
                self._fail_job(self._rows.job(member["id"]), follow_up, origin)
        return [first, *(member["id"] for member in members)]

    def _fail_job(self, job: JobRow, why: Failure, origin: dict[str, Any]) -> None:
        self._step.move(job["id"], State.FAILED, **_failure_columns(job, why, origin))
        # Analyses are no part of the tree of the job that started them.
        for analysis_id in self._store.column(
            f"SELECT id FROM job WHERE parent = ? AND id GLOB 'analysis-*' AND {UNFINISHED}", job["id"]
        ):
            self.terminate(analysis_id)

    def _terminate(self, members: list[str]) -> None:
        # A job that is about to be terminated must not fail because another one has just been terminated.
        for member in members:
            self._step.stop_waiting(member)
        # Children first, because an analysis whose stages have all ended is terminated at once.
        for member in reversed(members):
            row = self._rows.job(member)
            if row["state"] in FINAL or row["state"] == State.TERMINATING:
                continue
            has_worker = row["state"] == State.RUNNING or _is_losing_worker(row)
            if has_worker or (is_analysis(member) and self._rows.has_unfinished_children(member)):
                self._step.move(member, State.TERMINATING)
            else:
                self.end_terminated(member)

    def _restart(self, job: JobRow, failure: Failure) -> bool:
        """Restart a failed job or its nearest restartable ancestor; return whether its policy allows that.

        The descendants of the restarted job are terminated; its next try starts its own.
        """
        again = restarts.job_to_restart(self._store, job)
        if again["state"] not in _RESTARTABLE_STATES or not restarts.is_allowed(again, failure.reason):
            return False
        origin = failure.origin or _as_origin(job, failure)
        members = self._rows.with_descendants(again["id"])
        for member in members:
            self._step.stop_waiting(member)
        columns = _failure_columns(again, failure, origin)
        if again["id"] != job["id"]:
            # Only the failed job has lost its worker; that of its ancestor is still to be stopped.
            columns["stopped"] = again["stopped"]
        self._step.move(again["id"], State.RESTARTABLE, **columns)
        self._step.to_advance.append(again["id"])
        restarts.mark_superseded(self._store, members[1:])
        if again["id"] != job["id"]:
            self._fail_job(job, failure, origin)
            self.fail_waiters_of(job["id"], self.of_dependency(job["id"]))
        self._terminate(members[1:])
        return True


def _as_origin(job: JobRow, why: Failure) -> dict[str, Any]:
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


def _failure_columns(job: JobRow, why: Failure, origin: dict[str, Any]) -> dict[str, Any]:
    counts = job["failure_counts"]
    return {
        "failure_reason": why.reason,
        "failure_message": why.message,
        "failure_from": origin,
        "failure_counts": {**counts, why.reason: counts.get(why.reason, 0) + 1},
    }


def _is_losing_worker(job: JobRow) -> bool:
    return job["state"] == State.RESTARTABLE and job["stopped"] is None
