"""The workspace of a run: the folder that holds everything that the run writes."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.store_journal import readable
from dx_local.errors import DxLocalError, UsageError
from dx_local.platform.core.context import STORE_NAME, Platform
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.core.large_values import FOLDER as LARGE_VALUES
from dx_local.platform.core.store import Store
from dx_local.worker.process import locks
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORKSPACES = "test-job-workspaces"
"""Folder in an app's folder that holds the workspaces of its runs; generated apps have git ignore it."""

RUNNING = "running"
"""The state of a run in progress, even if its first job only waits for others."""

_ALONE, _SHARED = locks.Wish(of_folder=True), locks.Wish(of_folder=True, shared=True)
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)

INTERRUPTED = "interrupted"
"""The state of a run whose process was killed before its first job had ended."""


@dataclass
class Workspace:
    """The folder of a run, and whether one of its jobs has started."""

    folder: Path
    has_begun: bool = False


@contextmanager
def reading(folder: Path) -> Iterator[Platform]:
    """Open the platform in the workspace of a run for reading.

    Raises UsageError if the folder holds no run, UnknownSchema if another version of dx-local made the run,
    and sqlite3.Error if it cannot be read.
    """
    if not (folder / STORE_NAME).is_file():
        raise UsageError(f"{str(folder)!r} holds no run", "Name the folder of a run.")
    with readable(folder) as (database, journal):
        store = Store(database, is_read_only=True, journal=journal, large_values=folder / LARGE_VALUES)
        try:
            yield Platform(store=store, folder=folder)
        finally:
            store.close()


@contextmanager
def open_workspace(app: Path, wanted: Path | None) -> Iterator[Workspace]:
    """Create the workspace of a run, by default in the app's folder; remove it if the run cannot begin.

    Raises UsageError if the folder holds a run already or cannot be created.
    """
    parent = app / WORKSPACES
    try:
        created = [path for path in ((wanted, *wanted.parents) if wanted else (parent,)) if not path.exists()]
        folder = _claim(wanted) if wanted else _new_folder(parent)
    except FileExistsError:
        raise UsageError(
            f"{str(wanted)!r} holds an earlier run", "Choose another folder for this one."
        ) from None
    except OSError as error:
        place = wanted or parent
        if is_full_disk(error, place):
            raise
        message = f"a run cannot be stored in {str(place)!r}: {error.strerror}"
        raise UsageError(message, "Name a folder that you can write to: --workspace-path FOLDER") from None
    earlier = set(folder.iterdir()) - {folder / STORE_NAME}
    workspace = Workspace(folder)
    try:
        with _in_use(folder):
            yield workspace
    except (DxLocalError, OSError, sqlite3.Error):
        if workspace.has_begun:
            raise
        for path in set(folder.iterdir()) - earlier:
            remove_tree(path) if path.is_dir() else path.unlink()
        with suppress(OSError):  # a parent folder may hold another run by now
            for path in created if wanted else (folder, *created):
                path.rmdir()
        raise


def storage_problem(app: Path) -> str | None:
    """Return the reason why a run cannot be stored in an app's folder; None if it can. Changes nothing."""
    parent = app / WORKSPACES
    place = parent if parent.exists() else app
    if os.access(place, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        return None
    is_read_only = bool(os.statvfs(place).f_flag & os.ST_RDONLY)
    return os.strerror(errno.EROFS if is_read_only else errno.EACCES)


def is_in_use(folder: Path) -> bool:
    """Return whether a process runs jobs in the folder of a run. Raises OSError if it cannot be opened."""
    return locks.is_held(folder)


@contextmanager
def claimed_for_removal(folder: Path) -> Iterator[bool]:
    """Yield whether no process uses the folder of a run; until the end of the block, none can begin to."""
    with _locked(folder, _ALONE) as is_locked:
        yield is_locked


@contextmanager
def claimed_for_reading(folder: Path) -> Iterator[bool]:
    """Yield whether no process uses the folder of a run; until the end of the block, none removes it."""
    with _locked(folder, _SHARED) as is_locked:
        yield is_locked


@contextmanager
def _locked(folder: Path, wish: locks.Wish) -> Iterator[bool]:
    """Yield whether the folder of a run could be locked at once."""
    try:
        lock = locks.try_hold(folder, wish)
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise
        # Without locks in the file system, and without the right to leave a mark.
        yield not locks.is_held(folder)
        return
    try:
        yield lock is not None
    finally:
        if lock:
            lock.release()


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Mark the folder of a run as in use, until the end of the block or of this process."""
    with locks.hold(folder, _ALONE):  # waits at most for a reader that looks just now
        yield


def _claim(folder: Path) -> Path:
    """Create a folder if needed, and the store of a run in it. Raises FileExistsError if it has a store.

    Creating the empty store is atomic: of two runs that start at once, one fails.
    """
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    (folder / STORE_NAME).touch(exist_ok=False)
    return folder


def _new_folder(parent: Path) -> Path:
    """Create a folder named by the local time, with a number if another run has that name."""
    stem = time.strftime("%Y-%m-%dT%H-%M-%S")
    folder, number = parent / stem, 1
    while True:
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return _claim(folder)
        number += 1
        folder = parent / f"{stem}-{number}"
