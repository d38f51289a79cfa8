"""Keep a platform working on a full disk: reserve space for vital writes, and report the disk clearly."""

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
"""File in a state folder that occupies the reserved space."""

# For file systems that cannot reserve space, such as NFS before version 4.2 and many of FUSE, the C library
# writes instead, but not to a file that was opened to append; it reports that one as a bad descriptor.
_NOT_POSSIBLE = (errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF)
_RESERVED_BYTES = 1 << 20
# Freed in slices: a running job may fill a freed slice before it is used.
_SLICE_BYTES = 256 << 10


class DiskReserve:
    """Reserved space on the disk of a state folder, freed slice by slice for writes that must not fail."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / RESERVE

    def fill(self) -> None:
        """Occupy the space. Raises OSError if the disk lacks it, or would be full afterwards."""
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
        """Occupy the space again unless that would fill the disk; return whether it is occupied."""
        if not has_no_space(self._folder, 2 * _RESERVED_BYTES):
            with suppress(OSError):
                self.fill()
        return self.is_filled()

    def use(self, write: Callable[[], T]) -> T:
        """Return the result of `write`; while the disk is full, free a slice and call it again."""
        while True:
            try:
                return write()
            except (OSError, sqlite3.OperationalError) as error:  # noqa: PERF203 - a few tries at most
                size = self._size()
                if not size or not is_full_disk(error, self._folder):
                    raise
                self._shrink(size - _SLICE_BYTES)

    def is_filled(self) -> bool:
        """Return whether all of the space is occupied."""
        return self._size() >= _RESERVED_BYTES

    def remove(self) -> None:
        """Free the space."""
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
    """Raise DiskFullError if the disk of a folder is full; `option` is the option that sets the folder."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        if not is_full_disk(error, folder):
            raise
        full = full_folder(error, folder)
        if full in folder.parents:
            full = folder  # the folder itself could not be created
        raise DiskFullError(full, option if folder in (full, *full.parents) else None) from error


def _allocate(file: BinaryIO) -> None:
    if hasattr(os, "posix_fallocate"):  # macOS has none
        try:
            os.posix_fallocate(file.fileno(), 0, _RESERVED_BYTES)
        except OSError as error:
            if error.errno not in _NOT_POSSIBLE:
                raise
        else:
            return
    # Random bytes, because a file system with compression would not store zeros.
    file.write(os.urandom(_RESERVED_BYTES - file.tell()))
