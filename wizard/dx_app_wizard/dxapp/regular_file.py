"""Read files of an app or a job, which may be anything: a named pipe, for example, may never end.

Paths that a user names may lead to pipes; they are not read by this.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read(path: Path) -> bytes:
    """Return what a regular file holds. Raises OSError, also for anything else and for an impossible name."""
    check(path)
    with open(path, "rb", opener=_open_at_once) as file:
        return file.read()


def check(path: Path) -> None:
    """Raise OSError unless path leads to a regular file or a folder."""
    try:
        mode = path.stat().st_mode
    except ValueError:  # NUL, or half a character
        raise OSError(errno.EINVAL, "The name is impossible", str(path)) from None
    if kind := next((name for is_kind, name in _KINDS if is_kind(mode)), None):
        raise OSError(errno.EINVAL, f"It is {kind}, not a regular file", str(path))


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for who writes to it, should it have become a pipe since it was checked."""
    return os.open(path, flags | os.O_NONBLOCK)
