"""The time limits of running jobs; the clock of a job is stopped while it waits for the user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class _Limit(NamedTuple):
    timeout: int
    """The whole limit in ms."""
    alarm: asyncio.TimerHandle | None
    """None while the clock is stopped."""
    left: float = 0.0
    """The seconds that were left when the clock was stopped."""


class TimeLimits:
    """Calls `on_timeout` in the event loop, with the ID and the limit in ms of a job that has reached it."""

    def __init__(self, on_timeout: Callable[[str, int], None]) -> None:
        self._on_timeout = on_timeout
        self._limits: dict[str, _Limit] = {}

    def begin(self, job_id: str, timeout: int) -> None:
        """Start the clock of a job with a limit in ms."""
        self._set(job_id, timeout, timeout / 1000)

    def end(self, job_id: str) -> None:
        """Forget a job that has ended, if it had a limit."""
        limit = self._limits.pop(job_id, None)
        if limit and limit.alarm:
            limit.alarm.cancel()

    def stop(self, job_id: str) -> None:
        """Stop the clock of a job, if it runs."""
        limit = self._limits.get(job_id)
        if limit and limit.alarm:
            limit.alarm.cancel()
            left = limit.alarm.when() - asyncio.get_running_loop().time()
            self._limits[job_id] = _Limit(limit.timeout, None, max(left, 0.0))

    def go_on(self, job_id: str) -> None:
        """Start the clock of a job again, if it was stopped."""
        limit = self._limits.get(job_id)
        if limit and limit.alarm is None:
            self._set(job_id, limit.timeout, limit.left)

    def close(self) -> None:
        """Stop all clocks."""
        for job_id in list(self._limits):
            self.end(job_id)

    def _set(self, job_id: str, timeout: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._limits[job_id] = _Limit(timeout, loop.call_later(seconds, self._ring, job_id))

    def _ring(self, job_id: str) -> None:
        self._on_timeout(job_id, self._limits.pop(job_id).timeout)
