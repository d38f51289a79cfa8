"""Send the log lines of a job to the submitting machine while it runs, in batches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dx_local.engine.executors.remote.node.link import Link, LinkError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from dx_local.engine.executors.protocol import LogLine
    from dx_local.engine.executors.remote.assignment import Assignment, LogLineData

_BATCH_SECONDS = 0.1
_RETRY_SECONDS = 1.0
_MOST_LINES = 5000
_FEW_LINES = 500


class LineSender:
    """Sends lines soon after they were added, and the notes of `take_notes`, in one asyncio loop."""

    def __init__(
        self, assignment: Assignment, threads: ThreadPoolExecutor, take_notes: Callable[[], list[str]]
    ) -> None:
        self._link = Link(assignment)
        self._threads = threads
        self._take_notes = take_notes
        self._notes: list[str] = []
        self._lines: list[LogLineData] = []
        self._sent = 0
        self._sending: asyncio.Task[None] | None = None
        self._is_ending = asyncio.Event()

    def add(self, line: LogLine) -> None:
        """Send a line with the next batch."""
        self._lines.append((line.source, line.level, line.message, line.timestamp_ms))
        self.send_soon()

    def send_soon(self) -> None:
        """Begin a batch, unless there is one."""
        if self._sending is None and not self._is_ending.is_set():
            self._sending = asyncio.ensure_future(self._send())

    async def finish(self) -> tuple[int, list[LogLineData]]:
        """Return the number of lines that were sent, and the few lines left for the result.

        Raises LinkError if there are many, and they cannot be sent.
        """
        self._is_ending.set()
        if self._sending:
            await self._sending
        while len(self._lines) > _FEW_LINES:
            await self._send_batch()
        self._link.close()
        return self._sent, self._lines

    def close(self) -> None:
        """Send nothing any more."""
        self._is_ending.set()
        if self._sending:
            self._sending.cancel()
        self._link.close()

    async def _send(self) -> None:
        pause = _BATCH_SECONDS
        while True:
            try:
                await asyncio.wait_for(self._is_ending.wait(), pause)
                break
            except asyncio.TimeoutError:
                pass
            try:
                await self._send_batch()
            except LinkError:
                pause = _RETRY_SECONDS
                continue
            if not self._lines:
                break
            pause = 0.0
        self._sending = None

    async def _send_batch(self) -> None:
        batch = self._lines[:_MOST_LINES]
        self._notes += self._take_notes()
        notes = list(self._notes)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._link.send_lines, self._sent, batch, notes)
        del self._lines[: len(batch)]
        del self._notes[: len(notes)]
        self._sent += len(batch)
