"""One step of the life cycle: changes of state, and the queue of executions that may move on next."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.states import ANALYSIS_TRANSITIONS, FINAL, TRANSITIONS, State, Transition
from dx_local.platform.lifecycle.queries import Rows, is_analysis

if TYPE_CHECKING:
    from dx_local.platform.core.store import Store


class Step:
    """The changes of one step, made at the time `now` (ms).

    `transitions` lists the changes of state so far. `to_advance` queues the executions that may be able to
    move on because of them.
    """

    def __init__(self, store: Store, now: int) -> None:
        self.now = now
        self.rows = Rows(store)
        self.transitions: list[Transition] = []
        self.to_advance: deque[str] = deque()

    @property
    def store(self) -> Store:
        """The store, in which all changes of this step are written by now."""
        return self.rows.store

    def move(self, job_id: str, after: State, **columns: Any) -> None:
        """Change the state of an execution, and other columns with it.

        Raises ValueError if the table of transitions does not allow it.
        """
        job = self.rows.status(job_id)
        before = State(job["state"])
        allowed = ANALYSIS_TRANSITIONS if is_analysis(job_id) else TRANSITIONS
        if after not in allowed[before]:
            raise ValueError(f"{job_id} cannot go from {before.value} to {after.value}")
        if before in (State.RUNNING, State.TERMINATING):
            # `columns` may override this: a job restarted because of a child still has its worker.
            columns = {"stopped": self.now, **columns}
        history = [*job["transitions"], {"newState": after.value, "setAt": self.now}]
        parent = job["parent"]
        self.rows.change(job_id, state=after.value, modified=self.now, transitions=history, **columns)
        self.transitions.append(Transition(job_id, before, after))
        if after in FINAL:
            self._end(job_id, parent, after)

    def stop_waiting(self, job_id: str) -> None:
        """Remove everything that a job waits for."""
        self.rows.data.execute("DELETE FROM wait WHERE job = ?", job_id)

    def wake_waiters_of(self, entity_id: str) -> None:
        """Let the jobs move on that wait for an execution which is done, or an object which is closed."""
        if waiters := self.rows.waiters_of(entity_id):
            self.to_advance.extend(waiters)
            self.rows.data.execute("DELETE FROM wait WHERE waits_for = ?", entity_id)

    def _end(self, job_id: str, parent: str | None, after: State) -> None:
        if after is not State.DONE:  # a job that waits for something is never done
            self.stop_waiting(job_id)
        if parent:
            self.to_advance.append(parent)
        if after is State.DONE:
            self.wake_waiters_of(job_id)
