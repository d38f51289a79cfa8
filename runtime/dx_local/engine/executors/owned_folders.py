"""Temporary folders with an owner process: if it is killed, another process can detect that and clean up.

The owner holds a lock on its folder, which the kernel releases when the process ends.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


def make(path: Path, mode: int = 0o777) -> int:
    """Create a folder and return it open and locked; close it to give it up. Raises OSError."""
    while True:
        path.mkdir(mode)
        with suppress(FileNotFoundError):  # another process may remove it as abandoned before it is locked
            lock = _open(path)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return lock
            os.close(lock)


def abandoned(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield this user's folders that have no owner; each stays locked until the next one is requested."""
    for path in folders:
        with suppress(OSError):
            lock = _open(path)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(lock).st_uid == os.geteuid():
                    yield path
            finally:
                os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
