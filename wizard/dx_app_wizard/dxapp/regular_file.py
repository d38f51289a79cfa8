"""Read regular files of an app or a job, and reject anything else: reading a named pipe might never end.

Do not use it for paths that the user names, which may be pipes on purpose.
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
    """Return the contents of a regular file. Raises OSError, including for other files and invalid names."""
    check(path)
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        return file.readall()


def check(path: Path) -> None:
    """Raise OSError unless path is a regular file, a folder or a link to one."""
    try:
        mode = path.stat().st_mode
    except ValueError:  # a NUL byte, or an unpaired surrogate
        raise OSError(errno.EINVAL, "Invalid name", str(path)) from None
    if stat.S_ISREG(mode):
        return
    if kind := next((name for is_kind, name in _KINDS if is_kind(mode)), None):
        raise OSError(errno.EINVAL, f"It is {kind}, not a regular file", str(path))


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without blocking, in case it was replaced by a pipe after the check."""
    return os.open(path, flags | os.O_NONBLOCK)
