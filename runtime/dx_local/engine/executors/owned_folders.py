"""Temporary folders with an owner process: if it is killed, another process can detect that and clean up.

The owner holds a lock on its folder.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


_WISH = locks.Wish(of_folder=True, follows=False)


def make(path: Path, mode: int = 0o777) -> locks.Lock:
    """Create a folder and return its lock; release that to give the folder up. Raises OSError."""
    while True:
        path.mkdir(mode)
        with suppress(FileNotFoundError):  # another process may remove it as abandoned before it is locked
            lock = locks.hold(path, _WISH)
            if path.exists():
                return lock
            lock.release()


def abandoned(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield this user's folders that have no owner; each stays locked until the next one is requested."""
    for path in folders:
        with suppress(OSError):
            if path.lstat().st_uid == os.geteuid() and (lock := locks.try_hold(path, _WISH)):
                with lock:
                    yield path
