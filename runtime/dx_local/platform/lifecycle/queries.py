"""Read the rows of executions, and of the entities that they wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.schema import JobStatus, JobWorkspace
from dx_local.platform.core.store import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

T = TypeVar("T")

UNFINISHED = "state NOT IN ('done', 'failed', 'terminated')"
"""The SQL condition for executions that have not ended; it must match that of the index `job_unfinished`."""

_STATUS = f"SELECT {', '.join(JobStatus.__annotations__)} FROM job WHERE id = ?"


class Rows:
    """The rows `job`, `object` and `wait`, as one step of the life cycle reads and changes them.

    The row of the job that the event is about can be held: then it is read once, and all of its changes are
    written at once, at the end of the step or before anything else reads the states of jobs.
    """

    def __init__(self, store: Store) -> None:
        self.data = store
        """The store without the changes of the held row, which only affect the states of jobs."""
        self._held: JobRow | None = None
        self._changes: dict[str, Any] = {}
        self._is_new = False
        self._has_waits = False  # whether the held job may wait for something

    @property
    def store(self) -> Store:
        """The store with all changes; no row is held from now on, because the caller may change it."""
        self.write()
        self._held = None
        return self.data

    def hold(self, job: JobRow, *, is_new: bool = False) -> None:
        """Hold the row of a job that waits for nothing; it is changed in place.

        A new row is inserted when its changes are written.
        """
        self._held, self._is_new, self._has_waits = job, is_new, False

    def write(self) -> None:
        """Write the changes of the held row, if there are any."""
        job = self._held
        if job is None:
            return
        changes, self._changes = self._changes, {}
        if self._is_new:
            self._is_new = False
            job["sequence"] = self.data.insert("job", **_without_sequence(job))
        elif changes:
            self.data.update("job", job["id"], **changes)

    def change(self, job_id: str, **columns: Any) -> None:
        """Change columns of an execution."""
        if self._held is not None and self._held["id"] == job_id:
            self._held.update(columns)  # type: ignore[typeddict-item]  # they are columns of `job`
            self._changes.update(columns)
        else:
            self.data.update("job", job_id, **columns)

    def job(self, job_id: str) -> JobRow:
        """Return the row of a job or analysis. Raises ValueError if it does not exist."""
        held = self._held_row(job_id)
        return _found(job_id, self.data.get("job", job_id)) if held is None else held

    def status(self, job_id: str) -> JobStatus:
        """Return the status of a job or analysis. Raises ValueError if it does not exist."""
        held = self._held_row(job_id)
        return _found(job_id, self.data.one(JobStatus, _STATUS, job_id)) if held is None else held

    def state_of(self, entity_id: str) -> str | None:
        """Return the state of an execution or a data object, or None if it does not exist."""
        held = self._held_row(entity_id)
        if held is not None:
            return held["state"]
        table = "job" if class_of(entity_id) in EXECUTIONS else "object"
        state: str | None = self.data.value(f"SELECT state FROM {table} WHERE id = ?", entity_id)
        return state

    def states_of(self, entity_ids: Iterable[str]) -> dict[str, str]:
        """Return the states of the executions and data objects that exist, by ID."""
        held = self._held
        found = {} if held is None else {held["id"]: held["state"]}
        by_table: dict[str, list[str]] = {"job": [], "object": []}
        for entity_id in entity_ids:
            if entity_id not in found:
                by_table["job" if class_of(entity_id) in EXECUTIONS else "object"].append(entity_id)
        for table, ids in by_table.items():
            if ids:
                query = f"SELECT id, state FROM {table} WHERE id IN (SELECT value FROM json_each(?))"
                found |= {row["id"]: row["state"] for row in self.data.all(Row, query, to_json(ids))}
        return found

    def _held_row(self, job_id: str) -> JobRow | None:
        return self._held if self._held is not None and self._held["id"] == job_id else None

    def with_ancestors(self, execution_id: str) -> Iterator[str]:
        """Yield an execution, its parent, and so on up to the root."""
        current: str | None = execution_id
        while current is not None:
            yield current
            current = self._parent_of(current)

    def _parent_of(self, execution_id: str) -> str | None:
        held = self._held_row(execution_id)
        if held is not None:
            return held["parent"]
        parent: str | None = self.data.value("SELECT parent FROM job WHERE id = ?", execution_id)
        return parent

    def with_descendants(self, job_id: str) -> list[str]:
        """Return a job and all its descendants, parents before children."""
        members = [job_id]
        for member in members:
            members += self.store.column("SELECT id FROM job WHERE parent = ? ORDER BY sequence", member)
        return members

    def has_unfinished_children(self, execution_id: str) -> bool:
        """Return whether a child of an execution has not reached a final state."""
        is_parent = self._held is not None and self._held["parent"] == execution_id
        store = self.store if is_parent else self.data
        return store.exists(f"SELECT 1 FROM job WHERE parent = ? AND {UNFINISHED} LIMIT 1", execution_id)

    def add_waits(self, job_id: str, entity_ids: list[str]) -> None:
        """Record that a job waits for executions or data objects."""
        self._has_waits = True
        insert = "INSERT OR IGNORE INTO wait SELECT ?, value FROM json_each(?)"
        self.data.execute(insert, job_id, to_json(entity_ids))

    def is_waiting(self, job_id: str) -> bool:
        """Return whether a job waits for another execution or a data object."""
        if self._held_row(job_id) and not self._has_waits:
            return False
        return self.data.exists("SELECT 1 FROM wait WHERE job = ? LIMIT 1", job_id)

    def waiters_of(self, entity_id: str) -> list[str]:
        """Return the jobs that wait for an execution or a data object."""
        return self.data.column("SELECT job FROM wait WHERE waits_for = ?", entity_id)

    def dependencies_of(self, job_id: str) -> list[str]:
        """Return the executions and data objects that a job still waits for."""
        return self.data.column("SELECT waits_for FROM wait WHERE job = ?", job_id)

    def is_open_object(self, entity_id: str) -> bool:
        """Return whether this is a data object that is neither closed nor being closed."""
        return class_of(entity_id) not in EXECUTIONS and self.state_of(entity_id) == "open"


def is_analysis(execution_id: str) -> bool:
    """Return whether an execution is an analysis rather than a job."""
    return class_of(execution_id) == "analysis"


def workspace_of(store: Store, execution_id: str | None) -> JobWorkspace | None:
    """Return the columns of an execution that never change, or None if it does not exist."""
    if execution_id is None:
        return None
    query = "SELECT id, parent, workspace FROM job WHERE id = ?"
    return store.constant("workspace", execution_id, lambda: store.one(JobWorkspace, query, execution_id))


def _without_sequence(job: JobRow) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != "sequence"}


def _found(job_id: str, job: T | None) -> T:
    if job is None:
        raise ValueError(f"there is no job {job_id}")
    return job
