"""End a try on its node if the submitting machine orders so or is silent, or if the parent process ends."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.engine.executors.remote.node.link import Link, LinkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.executors.remote.assignment import Assignment

FENCE_SECONDS = 10.0
"""Time without an answer of the submitting machine after which a node kills the job.

Engines must take longer to declare a node lost, so that a job has ended before its next try begins.
"""

_FIRST_POLL_SECONDS = 0.3  # most of the jobs that are over by then need none
_CHECK_SECONDS = 0.5
_RETRY_SECONDS = 0.5
_PAUSE_SECONDS = 0.05  # in case the server does not hold its answers back


class Guard:
    """Calls `end` once in the running loop, with True if the node is cut off, as soon as a try must end.

    `parent` is the process without which this one is not to run jobs, or None.
    """

    def __init__(self, assignment: Assignment, parent: int | None, end: Callable[[bool], None]) -> None:
        self._link = Link(assignment)
        self._parent = parent
        self._end: Callable[[bool], None] | None = end
        self._loop = asyncio.get_running_loop()
        self._answered = time.monotonic()
        self._is_closed = threading.Event()
        self._timer = self._loop.call_later(_FIRST_POLL_SECONDS, self._start)

    def close(self) -> None:
        """Stop watching."""
        self._end = None
        self._timer.cancel()
        self._is_closed.set()
        self._link.close()

    def _start(self) -> None:
        threading.Thread(target=self._poll, daemon=True).start()
        self._check()

    def _poll(self) -> None:
        while not self._is_closed.is_set():
            try:
                may_go_on = self._link.may_go_on()
            except LinkError:
                self._is_closed.wait(_RETRY_SECONDS)
                continue
            self._answered = time.monotonic()
            if not may_go_on:
                with suppress(RuntimeError):  # the loop is closed
                    self._loop.call_soon_threadsafe(self._report, False)
                break
            self._is_closed.wait(_PAUSE_SECONDS)
        self._link.close()

    def _check(self) -> None:
        is_orphan = self._parent is not None and os.getppid() != self._parent
        if is_orphan or time.monotonic() - self._answered > FENCE_SECONDS:
            self._report(True)
        else:
            self._timer = self._loop.call_later(_CHECK_SECONDS, self._check)

    def _report(self, is_cut_off: bool) -> None:
        if end := self._end:
            self._end = None
            end(is_cut_off)
