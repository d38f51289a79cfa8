"""Wake clients and runs that wait for an execution as soon as it ends; nothing polls."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.platform.core.states import FINAL, State

if TYPE_CHECKING:
    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Store

HOLD_SECONDS = 2.0
"""Longest delay of an answer about the state of an unfinished execution.

It is dxpy's own polling interval, so no client waits longer than it expects to.
"""

# The states that clients wait for.
_AWAITED = FINAL | {State.PARTIALLY_FAILED}


class ExecutionWaiters:
    """Waiters for the ends of executions, in one event loop; `notify` receives each transition."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events: dict[str, asyncio.Event] = {}

    def notify(self, transition: Transition) -> None:
        """Wake the waiters of an execution that has ended."""
        if transition.after in _AWAITED and (event := self._events.pop(transition.job, None)):
            event.set()

    def state(self, execution_id: str) -> str | None:
        """Return the state of an execution, or None if there is no such execution."""
        state: str | None = self._store.value("SELECT state FROM job WHERE id = ?", execution_id)
        return state

    def is_unfinished(self, entity_id: str) -> bool:
        """Return whether an ID is that of an execution that has not ended."""
        state = self.state(entity_id)
        return state is not None and state not in FINAL

    async def until_final(self, execution_id: str) -> None:
        """Wait until an execution has reached a final state."""
        while self.state(execution_id) not in FINAL:
            await self._next(execution_id)

    async def await_state(self, execution_id: str) -> str | None:
        """Return the state of an execution when it has ended, or after HOLD_SECONDS."""
        if self.state(execution_id) not in _AWAITED:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._next(execution_id), HOLD_SECONDS)
        return self.state(execution_id)

    async def _next(self, execution_id: str) -> None:
        await self._events.setdefault(execution_id, asyncio.Event()).wait()
