"""Stop programs that run too long, or write too much."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_INTERVAL = 0.5
"""Seconds between two looks at the size of a folder."""


class Stopped(Enum):
    """The limit at which a program was stopped."""

    TIME = "time"
    SIZE = "size"


@dataclass(frozen=True)
class Limits:
    """The seconds that a program may run, and the bytes that the files in a folder may have together."""

    seconds: float
    size: int
    folder: Path


def wait_within(process: subprocess.Popen[bytes], limits: Limits) -> Stopped | None:
    """Wait for a process that leads its own session, and end everything that it left running.

    Return the limit at which it was stopped, None if it ended by itself.
    """
    end = time.monotonic() + limits.seconds
    try:
        while _is_running(process, end):
            if time.monotonic() >= end:
                return Stopped.TIME
            if size_below(limits.folder) > limits.size:
                return Stopped.SIZE
        return None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_running(process: subprocess.Popen[bytes], end: float) -> bool:
    """Wait for a process for a short time, and not longer than up to `end`; return whether it still runs."""
    try:
        process.wait(min(_INTERVAL, max(0.0, end - time.monotonic())))
    except subprocess.TimeoutExpired:
        return True
    return False


def size_below(folder: Path) -> int:
    """Return the bytes on the disk of all files below a folder; files that vanish meanwhile have none."""
    total = 0
    for place, _folders, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(place, name).lstat().st_blocks * 512
    return total
