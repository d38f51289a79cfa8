"""Detect jobs that would wait for each other forever."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.platform.core.schema import JobState
from dx_local.platform.core.states import Failure, State
from dx_local.platform.lifecycle.queries import UNFINISHED

if TYPE_CHECKING:
    from dx_local.platform.lifecycle.queries import Rows


class DeadlockCheck:
    """Checks whether one job may wait for others.

    It may not wait for itself, for its ancestors (which wait for it), or for any execution that waits for
    one of these. The dependencies of other jobs matter only if the job has run: no other job can depend on
    a new one but its ancestors. Each dependency is read once for all checks.
    """

    def __init__(self, rows: Rows, job_id: str) -> None:
        self._rows = rows
        self._job_id = job_id
        self._seen: set[str] = set()

    @cached_property
    def _is_new(self) -> bool:
        return self._rows.state_of(self._job_id) == State.IDLE

    @cached_property
    def _forbidden(self) -> set[str]:
        return set(self._rows.with_ancestors(self._job_id))

    def would_deadlock(self, dependency: str) -> bool:
        """Return whether the job would never stop waiting for this execution or data object."""
        to_check = [dependency]
        while to_check:
            current = to_check.pop()
            if current in self._forbidden:
                return True
            if current in self._seen or class_of(current) not in EXECUTIONS:
                continue
            self._seen.add(current)
            if not self._is_new:
                to_check += self._rows.dependencies_of(current)
        return False

    def failure(self, dependency: str) -> Failure:
        """Return the failure of a job that would deadlock by waiting for this."""
        return Failure("InputError" if self._is_new else "OutputError", _circle([dependency]))


def find_deadlocked_job(rows: Rows) -> tuple[str, Failure] | None:
    """Return a waiting job that nothing can wake, and its failure; None if some job runs or can run."""
    if rows.store.exists(
        "SELECT 1 FROM job WHERE state IN ('runnable', 'running', 'restartable', 'terminating') LIMIT 1"
    ):
        return None
    # The youngest job is the closest to the cause: its ancestors only wait for it.
    job = rows.store.one(
        JobState,
        "SELECT id, state, try_number FROM job"
        f" WHERE {UNFINISHED} AND id GLOB 'job-*' ORDER BY sequence DESC LIMIT 1",
    )
    if job is None:
        return None
    reason = "OutputError" if job["state"] == State.WAITING_ON_OUTPUT else "InputError"
    return job["id"], Failure(reason, explanation(rows, job["id"]))


def explanation(rows: Rows, job_id: str) -> str:
    """Return a message on the dependencies of a job that will never be met."""
    dependencies = rows.dependencies_of(job_id)
    executions = [each for each in dependencies if class_of(each) in EXECUTIONS]
    if executions:
        return _circle(executions)
    return f"waits for {', '.join(dependencies)} to be closed, and no job is left that could close it"


def _circle(executions: list[str]) -> str:
    return f"waits for {', '.join(executions)}, which in turn waits for this job: a circle of references"
