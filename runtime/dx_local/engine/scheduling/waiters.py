"""Who waits for executions to end, and how they hear of it: when it happens, without asking again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.platform.core.states import FINAL, State

if TYPE_CHECKING:
    from dx_local.platform.core.states import Transition
    from dx_local.platform.core.store import Store

HOLD_SECONDS = 2.0
"""How long a question for an execution's state may stay unanswered while that one is unfinished.

It is dxpy's own interval between two such questions, so that no client waits longer than it expects to.
"""

# What whoever waits for an execution wants to hear of.
_WORTH_TELLING = FINAL | {State.PARTIALLY_FAILED}


class Ends:
    """The executions that somebody waits for, in one event loop; told of each change of state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events: dict[str, asyncio.Event] = {}

    def take_note(self, transition: Transition) -> None:
        """Wake who waits for an execution that has come to an end."""
        if transition.after in _WORTH_TELLING and (event := self._events.pop(transition.job, None)):
            event.set()

    def state(self, execution_id: str) -> str | None:
        """Return the state of an execution; None for what is none, or is not there any more."""
        state: str | None = self._store.value("SELECT state FROM job WHERE id = ?", execution_id)
        return state

    def is_unfinished(self, entity_id: str) -> bool:
        """Tell whether this is an execution that has not ended."""
        state = self.state(entity_id)
        return state is not None and state not in FINAL

    async def until_final(self, execution_id: str) -> None:
        """Wait until an execution has reached a final state."""
        while self.state(execution_id) not in FINAL:
            await self._next(execution_id)

    async def state_worth_telling(self, execution_id: str) -> str | None:
        """Return an execution's state once it has come to an end, or else after HOLD_SECONDS."""
        if self.state(execution_id) not in _WORTH_TELLING:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._next(execution_id), HOLD_SECONDS)
        return self.state(execution_id)

    async def _next(self, execution_id: str) -> None:
        await self._events.setdefault(execution_id, asyncio.Event()).wait()
