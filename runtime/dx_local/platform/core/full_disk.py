"""Recognise a full disk, whichever way the system or SQLite reports it."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# SQLite cannot work with less: it extends its files by up to so many bytes at once.
_TOO_FEW_BYTES = 256 << 10


def is_full_disk(error: BaseException, folder: Path) -> bool:
    """Return whether an error means that the disk is full; folder is that of the state."""
    if isinstance(error, OSError):
        return error.errno in _NO_SPACE
    if not isinstance(error, sqlite3.OperationalError):
        return False
    # A file that SQLite cannot create or extend is often only "disk I/O error" or "unable to open".
    return "disk is full" in str(error) or has_no_space(folder)


def has_no_space(folder: Path, least: int = _TOO_FEW_BYTES) -> bool:
    """Return whether the disk of a folder, or of its nearest parent, has less than `least` bytes left."""
    try:
        disk = os.statvfs(next(place for place in (folder, *folder.parents) if place.exists()))
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < least or (disk.f_files > 0 and disk.f_favail == 0)


def full_folder(error: BaseException, folder: Path) -> Path:
    """Return the folder whose disk is full: that of the file that could not be written, or else folder."""
    if isinstance(error, OSError) and isinstance(error.filename, str):
        return Path(error.filename).absolute().parent
    return folder
