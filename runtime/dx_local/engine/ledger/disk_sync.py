"""Bring files to the disk: one by one, or all of a file system at once if there are many."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_FEW = 8
"""More files than this are synced by one call; each call costs one commit of the file system's journal."""


def sync(paths: Sequence[Path], folder: Path) -> None:
    """Wait until files, and folders with their entries, are on the disk; `folder` is on their file system.

    Files that are missing by now are left out. Raises OSError if the disk fails.
    """
    sync_all = _syncfs() if len(paths) > _FEW else None
    if sync_all is not None:
        sync_all(folder)
        return
    for path in paths:
        with suppress(FileNotFoundError):
            _at(path, os.fsync)


def sync_file_system(folder: Path) -> None:
    """Wait until all of a folder's file system is on the disk, if the system can do that. Raises OSError."""
    if sync_all := _syncfs():
        sync_all(folder)


def _at(path: Path, function: Callable[[int], object]) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        function(opened)
    finally:
        os.close(opened)


@cache
def _syncfs() -> Callable[[Path], None] | None:
    """Return a function that syncs the file system of a folder, None if the system has none (Linux has)."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None

    def call(descriptor: int) -> None:
        if syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return lambda folder: _at(folder, call)
