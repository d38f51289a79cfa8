"""Stop work on a signal: cancel it, wait for its orderly end, and derive the exit code from the signal."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def signals_that_stop() -> list[signal.Signals]:
    """Return SIGINT, SIGTERM, and SIGHUP unless it is ignored, as under nohup."""
    ignores_hangup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if ignores_hangup else [signal.SIGHUP])]


async def until_stopped(work: Coroutine[object, object, T]) -> tuple[T | None, int]:
    """Return the result of work and 0, or None and 128 plus the number of the signal that cancelled it.

    Cancelled work may clean up. Further signals are ignored, because they would interrupt the cleanup.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    stopped_by: list[int] = []

    def stop(number: int) -> None:
        if not stopped_by:
            stopped_by.append(number)
            task.cancel()

    for number in signals_that_stop():
        loop.add_signal_handler(number, stop, number)
    try:
        return await task, 0
    except asyncio.CancelledError:
        if not stopped_by:
            raise
        _end_helpers()
        return None, 128 + stopped_by[0]


def _end_helpers() -> None:
    """Terminate programs for which threads still wait, such as one that builds a worker environment.

    Source: proc(5), /proc/PID/task/TID/children.
    """
    for children in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            for pid in children.read_text(encoding="ascii").split():
                os.kill(int(pid), signal.SIGTERM)
