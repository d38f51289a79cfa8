"""Read the rows of executions, and of the entities that they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.platform.core.schema import JobStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

T = TypeVar("T")

UNFINISHED = "state NOT IN ('done', 'failed', 'terminated')"
"""The SQL condition for executions that have not ended; it must match that of the index `job_unfinished`."""

_STATUS = f"SELECT {', '.join(JobStatus.__annotations__)} FROM job WHERE id = ?"


class Rows:
    """The rows `job`, `object` and `wait`, as one step of the life cycle reads them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._outputs: dict[str, dict[str, Any]] = {}

    def remember_output(self, job_id: str, output: dict[str, Any]) -> None:
        """Return this output with later rows of the job, instead of reading it again: it can be large."""
        self._outputs[job_id] = output

    def job(self, job_id: str) -> JobRow:
        """Return the row of a job or analysis. Raises ValueError if it does not exist."""
        if job_id not in self._outputs:
            return _found(job_id, self.store.get("job", job_id))
        row = _found(job_id, self.store.get("job", job_id, without="output"))
        return {**row, "output": self._outputs[job_id]}

    def status(self, job_id: str) -> JobStatus:
        """Return the status of a job or analysis. Raises ValueError if it does not exist."""
        return _found(job_id, self.store.one(JobStatus, _STATUS, job_id))

    def state_of(self, entity_id: str) -> str | None:
        """Return the state of an execution or a data object, or None if it does not exist."""
        table = "job" if class_of(entity_id) in EXECUTIONS else "object"
        state: str | None = self.store.value(f"SELECT state FROM {table} WHERE id = ?", entity_id)
        return state

    def with_ancestors(self, execution_id: str) -> Iterator[str]:
        """Yield an execution, its parent, and so on up to the root."""
        current: str | None = execution_id
        while current is not None:
            yield current
            current = self.store.value("SELECT parent FROM job WHERE id = ?", current)

    def with_descendants(self, job_id: str) -> list[str]:
        """Return a job and all its descendants, parents before children."""
        members = [job_id]
        for member in members:
            members += self.store.column("SELECT id FROM job WHERE parent = ? ORDER BY sequence", member)
        return members

    def has_unfinished_children(self, execution_id: str) -> bool:
        """Return whether a child of an execution has not reached a final state."""
        return self.store.exists(f"SELECT 1 FROM job WHERE parent = ? AND {UNFINISHED} LIMIT 1", execution_id)

    def is_waiting(self, job_id: str) -> bool:
        """Return whether a job waits for another execution or a data object."""
        return self.store.exists("SELECT 1 FROM wait WHERE job = ? LIMIT 1", job_id)

    def waiters_of(self, entity_id: str) -> list[str]:
        """Return the jobs that wait for an execution or a data object."""
        return self.store.column("SELECT job FROM wait WHERE waits_for = ?", entity_id)

    def dependencies_of(self, job_id: str) -> list[str]:
        """Return the executions and data objects that a job still waits for."""
        return self.store.column("SELECT waits_for FROM wait WHERE job = ?", job_id)

    def is_open_object(self, entity_id: str) -> bool:
        """Return whether this is a data object that is neither closed nor being closed."""
        return class_of(entity_id) not in EXECUTIONS and self.state_of(entity_id) == "open"


def is_analysis(execution_id: str) -> bool:
    """Return whether an execution is an analysis rather than a job."""
    return class_of(execution_id) == "analysis"


def _found(job_id: str, job: T | None) -> T:
    if job is None:
        raise ValueError(f"there is no job {job_id}")
    return job
