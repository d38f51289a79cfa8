"""Notice that all workers hold jobs that wait for others, which find no worker therefore."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 10.0
"""Time for which a stall must last, as a job may stop waiting and do something else."""


class StallWatch:
    """Calls `on_stall` in the event loop when a stall has lasted for PATIENCE_SECONDS."""

    def __init__(self, on_stall: Callable[[], None]) -> None:
        self._on_stall = on_stall
        self._timer: asyncio.TimerHandle | None = None

    def update(self, *, is_stalled: bool) -> None:
        """Take the present state into account."""
        if not is_stalled:
            self.close()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._ring)

    def close(self) -> None:
        """Stop watching until the next update."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._on_stall()
