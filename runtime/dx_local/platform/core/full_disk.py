"""Recognise a full disk, however the system or SQLite reports it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# SQLite extends its files by up to this many bytes at once.
_TOO_FEW_BYTES = 256 << 10
# Less than programs write at once: a disk with so little space has already failed a write.
_FULL_DISK_BYTES = 4 << 20


def is_full_disk(error: BaseException, folder: Path) -> bool:
    """Return whether an error means that the disk is full; `folder` is the state folder."""
    if isinstance(error, OSError):
        return error.errno in _NO_SPACE
    if not isinstance(error, sqlite3.OperationalError):
        return False
    # If SQLite cannot create or extend a file, it often reports only "disk I/O error" or "unable to open".
    return "disk is full" in str(error) or has_no_space(folder)


def has_no_space(folder: Path, least: int = _TOO_FEW_BYTES) -> bool:
    """Return whether the disk of a folder, which need not exist, has less than `least` bytes left."""
    try:
        disk = os.statvfs(next(place for place in (folder, *folder.parents) if place.exists()))
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < least or (disk.f_files > 0 and disk.f_favail == 0)


def is_full(folder: Path) -> bool:
    """Return whether the disk that holds a folder has no space left for a job."""
    return has_no_space(folder, _FULL_DISK_BYTES)


def full_folder(error: BaseException, folder: Path) -> Path:
    """Return the folder of the file that could not be written, or `folder` if the error does not name it."""
    if isinstance(error, OSError) and isinstance(error.filename, str):
        return Path(error.filename).absolute().parent
    return folder
