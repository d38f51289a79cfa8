"""Keep a platform working while its disk is full: a reserve for what must be written, and clear errors."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from dx_local.errors import DiskFullError
from dx_local.platform.full_disk import full_folder, has_no_space, is_full_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

RESERVE = "dx-local.reserve"
"""The file in a state folder that keeps some space free."""

_RESERVED_BYTES = 1 << 20


class Reserve:
    """Space on the disk of a state folder that is given up for the writes that must not fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / RESERVE

    def fill(self) -> None:
        """Take the space. Raises OSError if the disk does not have it, or would then be full."""
        if self._path.exists():
            return
        try:
            with self._path.open("xb") as file:
                _allocate(file)
        except OSError:
            self.remove()
            raise
        if has_no_space(self._folder):
            self.remove()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def refill(self) -> bool:
        """Take the space again unless that would fill the disk; return whether it is taken."""
        if not has_no_space(self._folder, 2 * _RESERVED_BYTES):
            with suppress(OSError):
                self.fill()
        return self.is_filled()

    def use(self, write: Callable[[], T]) -> T:
        """Return what write returns; if the disk is full, call it again in the space of the reserve."""
        try:
            return write()
        except (OSError, sqlite3.OperationalError) as error:
            if not is_full_disk(error, self._folder) or not self.is_filled():
                raise
            self.remove()
            return write()

    def is_filled(self) -> bool:
        """Return whether the space is taken, and so can be given up."""
        return self._path.exists()

    def remove(self) -> None:
        """Give the space back."""
        self._path.unlink(missing_ok=True)


@contextmanager
def reporting_full_disk(folder: Path, option: str) -> Iterator[None]:
    """Raise DiskFullError if a write below folder, which option chooses, finds the disk full."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if not is_full_disk(error, folder):
            raise
        full = full_folder(error, folder)
        if full in folder.parents:
            full = folder  # which could not be made
        raise DiskFullError(full, option if folder in (full, *full.parents) else None) from error


def _allocate(file: BinaryIO) -> None:
    try:
        os.posix_fallocate(file.fileno(), 0, _RESERVED_BYTES)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        # Not zeros, which a disk that compresses would not store.
        file.write(os.urandom(_RESERVED_BYTES))
