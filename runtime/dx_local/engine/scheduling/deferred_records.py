"""Record the ends of jobs even if the disk is full: in the space of the reserve, or once there is space."""

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

    from dx_local.engine.scheduling.disk_reserve import Reserve

T = TypeVar("T")

_RETRY_SECONDS = 0.5
_STUCK_SECONDS = 5.0


class PatientRecords:
    """Records that must reach the store of a platform in their order; each is one transaction.

    Used in one asyncio loop. While records wait or the reserve is spent, both are tried again twice a second.
    """

    def __init__(self, folder: Path, reserve: Reserve) -> None:
        self._folder = folder
        self._reserve = reserve
        self._waiting: deque[Callable[[], object]] = deque()
        self._waiting_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stuck = asyncio.Event()

    def write(self, record: Callable[[], object]) -> None:
        """Call record now, or again when the disk has space. Raises what it raises for other reasons."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        self._waiting.append(record)
        self._write_waiting()

    def try_now(self, record: Callable[[], object]) -> bool:
        """Call record, from the reserve if needed; return False if the disk is too full even so."""
        try:
            self.use_reserve(record)
        except (OSError, sqlite3.OperationalError) as error:
            if not is_full_disk(error, self._folder):
                raise
            return False
        return True

    def use_reserve(self, write: Callable[[], T]) -> T:
        """Return what write returns, which is called again in the space of the reserve if needed."""
        try:
            return self._reserve.use(write)
        finally:
            if not self._reserve.is_filled():
                self._try_again_later()

    async def unless_stuck(self, waiting: Awaitable[None]) -> None:
        """Wait for what waits for a record. Raises OSError if one could not be written for seconds."""
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
        """Write what waits, and a last record, if there is space; wait no longer."""
        while self._waiting and self.try_now(self._waiting[0]):
            self._waiting.popleft()
        self.try_now(last)
        if self._timer:
            self._timer.cancel()

    def _write_waiting(self) -> None:
        while self._waiting:
            # A record may bring about others before it returns.
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
