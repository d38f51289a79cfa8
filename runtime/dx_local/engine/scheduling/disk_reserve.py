"""Keep a platform working while its disk is full: a reserve for what must be written, and clear errors."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from dx_local.errors import DiskFullError
from dx_local.platform.core.full_disk import full_folder, has_no_space, is_full_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")

RESERVE = "dx-local.reserve"
"""The file in a state folder that keeps some space free."""

_RESERVED_BYTES = 1 << 20
# Given up at once, as a job that still runs may take it before it is used.
_SLICE_BYTES = 256 << 10


class Reserve:
    """Space on the disk of a state folder that is given up, bit by bit, for the writes that must not fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / RESERVE

    def fill(self) -> None:
        """Take the space. Raises OSError if the disk does not have it, or would then be full."""
        before = self._size()
        if before >= _RESERVED_BYTES:
            return
        try:
            with self._path.open("ab") as file:
                _allocate(file)
            if has_no_space(self._folder):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))  # noqa: TRY301
        except OSError:
            self._shrink(before)
            raise

    def refill(self) -> bool:
        """Take the space again unless that would fill the disk; return whether it is taken."""
        if not has_no_space(self._folder, 2 * _RESERVED_BYTES):
            with suppress(OSError):
                self.fill()
        return self.is_filled()

    def use(self, write: Callable[[], T]) -> T:
        """Return what write returns; while the disk is full, give up some space and call it again."""
        while True:
            try:
                return write()
            except (OSError, sqlite3.OperationalError) as error:  # noqa: PERF203 - it is tried a few times
                size = self._size()
                if not size or not is_full_disk(error, self._folder):
                    raise
                self._shrink(size - _SLICE_BYTES)

    def is_filled(self) -> bool:
        """Return whether all of the space is taken."""
        return self._size() >= _RESERVED_BYTES

    def remove(self) -> None:
        """Give the space back."""
        self._path.unlink(missing_ok=True)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _shrink(self, size: int) -> None:
        if size > 0:
            os.truncate(self._path, size)
        else:
            self.remove()


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
        file.write(os.urandom(_RESERVED_BYTES - file.tell()))
