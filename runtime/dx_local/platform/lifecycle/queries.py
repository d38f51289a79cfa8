"""One step of the life cycle: the time, the rows, what has changed, and which jobs to look at next.

What extends this is told one thing that happened (`lifecycle`), and changes rows until nothing follows.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.ids import EXECUTIONS, class_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Row, Store

UNFINISHED = "state NOT IN ('done', 'failed', 'terminated')"
"""The condition on `job` that an execution has not ended, in the words of the index `job_unfinished`."""


class Step:
    """What every part of a step reads and writes; `to_settle` are jobs that may be able to move on."""

    def __init__(self, store: Store, now: int) -> None:
        self.store = store
        self.now = now
        self.transitions: list[Transition] = []
        self.to_settle: deque[str] = deque()
        self.outputs: dict[str, dict[str, Any]] = {}
        """Outputs that have just been written, and need not be read again."""

    def job(self, job_id: str) -> Row:
        """Return the row of a job or analysis, which must be there."""
        if job_id not in self.outputs:
            return self._there(job_id, self.store.get("job", job_id))
        row = self._there(job_id, self.store.get("job", job_id, without="output"))
        return {**row, "output": self.outputs[job_id]}

    def standing(self, job_id: str) -> Row:
        """Return where a job or analysis stands, without what can be large: its input and output."""
        columns = "id, state, parent, stopped, transitions"
        return self._there(job_id, self.store.one(f"SELECT {columns} FROM job WHERE id = ?", job_id))

    def _there(self, job_id: str, job: Row | None) -> Row:
        if job is None:
            raise ValueError(f"there is no job {job_id}")
        return job

    def state_of(self, entity_id: str) -> str | None:
        """Return the state of an execution or a data object, or None where there is none."""
        table = "job" if class_of(entity_id) in EXECUTIONS else "object"
        state: str | None = self.store.value(f"SELECT state FROM {table} WHERE id = ?", entity_id)
        return state

    def and_above(self, execution_id: str) -> Iterator[str]:
        """Yield an execution, the one that started it, and so on."""
        above: str | None = execution_id
        while above is not None:
            yield above
            above = self.store.value("SELECT parent FROM job WHERE id = ?", above)

    def is_left_open(self, cause: str) -> bool:
        """Tell whether what a job waits for is a data object that nobody has begun to close."""
        return class_of(cause) not in EXECUTIONS and self.state_of(cause) == "open"

    def has_open_children(self, execution_id: str) -> bool:
        """Tell whether something that an execution has started has not reached a final state."""
        found = self.store.one(f"SELECT 1 FROM job WHERE parent = ? AND {UNFINISHED} LIMIT 1", execution_id)
        return found is not None

    def is_waiting(self, job_id: str) -> bool:
        """Tell whether a job waits for another execution or a data object."""
        return self.store.one("SELECT 1 FROM wait WHERE job = ? LIMIT 1", job_id) is not None

    def subtree(self, job_id: str) -> list[str]:
        """Return a job and all its descendants, parents before children."""
        members = [job_id]
        for member in members:
            children = self.store.all("SELECT id FROM job WHERE parent = ? ORDER BY sequence", member)
            members.extend(row["id"] for row in children)
        return members

    def waiters_of(self, cause: str) -> list[str]:
        """Return the jobs that wait for an execution or a data object."""
        rows = self.store.all("SELECT job FROM wait WHERE waits_for = ?", cause)
        return [row["job"] for row in rows]

    def causes_of(self, job_id: str) -> list[str]:
        """Return what a job waits for."""
        rows = self.store.all("SELECT waits_for FROM wait WHERE job = ?", job_id)
        return [row["waits_for"] for row in rows]


def is_analysis(execution_id: str) -> bool:
    """Tell whether an execution is an analysis rather than a job."""
    return class_of(execution_id) == "analysis"
