"""Record the outcomes of jobs even on a full disk: in the space of the reserve, or when there is space."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar

from dx_local.platform.core.full_disk import is_full_disk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from dx_local.engine.scheduling.disk_reserve import DiskReserve

T = TypeVar("T")

_RETRY_SECONDS = 0.5
_STUCK_SECONDS = 5.0


class DeferredRecords:
    """Records that must reach the store in order; each is a function that performs one transaction.

    For use in one asyncio loop. While records wait or the reserve is used up, a timer retries twice a second.
    """

    def __init__(self, folder: Path, reserve: DiskReserve) -> None:
        self._folder = folder
        self._reserve = reserve
        self._waiting: deque[Callable[[], object]] = deque()
        self._waiting_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stuck = asyncio.Event()

    def write(self, record: Callable[[], object]) -> None:
        """Call a record now, or again when the disk has space. Any other error of the record is raised."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(record)
        self._write_waiting()

    def try_now(self, record: Callable[[], object]) -> bool:
        """Call a record, with the reserve if needed; return False if the disk is too full even then."""
        try:
            self.use_reserve(record)
        except (OSError, sqlite3.OperationalError) as error:
            if not is_full_disk(error, self._folder):
                raise
            return False
        return True

    def use_reserve(self, write: Callable[[], T]) -> T:
        """Return the result of `write`, which is called again in the space of the reserve if needed."""
        try:
            return self._reserve.use(write)
        finally:
            if not self._reserve.is_filled():
                self._try_again_later()

    async def wait_unless_stuck(self, waiting: Awaitable[None]) -> None:
        """Await something that depends on a record. Raises OSError if one cannot be written for seconds."""
        awaited = asyncio.ensure_future(waiting)
        stuck = asyncio.ensure_future(self._stuck.wait())
        try:
            await asyncio.wait({awaited, stuck}, return_when=asyncio.FIRST_COMPLETED)
            if not awaited.done():
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            awaited.result()
        finally:
            awaited.cancel()
            stuck.cancel()

    def close(self, last: Callable[[], object]) -> None:
        """Write the waiting records and a last one if there is space; discard them otherwise."""
        while self._waiting and self.try_now(self._waiting[0]):
            self._waiting.popleft()
        self.try_now(last)
        if self._timer:
            self._timer.cancel()

    def _write_waiting(self) -> None:
        while self._waiting:
            # A record may add others before it returns.
            record = self._waiting.popleft()
            if not self.try_now(record):
                self._waiting.appendleft(record)
                self._try_again_later()
                return
        self._stuck.clear()

    def _try_again_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        try:
            self._write_waiting()
        finally:
            if self._waiting or not self._reserve.refill():
                self._try_again_later()
        if self._waiting and time.monotonic() - self._waiting_since > _STUCK_SECONDS:
            self._stuck.set()
