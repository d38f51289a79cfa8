"""The executor's temporary folder: sockets, clients of dxpy's programs, logs of zygotes, /tmp of jobs."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dx_app_wizard.user_dirs import find_cache_dir, starts_programs, temporary_places
from dx_local.engine.executors import owned_folders
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.worker.process.locks import Lock

_PREFIX = "dx-jobs-"
_LONGEST_SOCKET_ADDRESS = 103  # 107 on Linux, less elsewhere


# The clients, and small files of sandboxes. The files of jobs come on top.
_LEAST_FREE = 2 << 20


class TemporaryFolder(NamedTuple):
    """A folder, its lock, and a sentence for the user if it is at an unusual place."""

    path: Path
    lock: Lock
    note: str | None = None

    def remove(self) -> None:
        """Remove the folder, which a zygote may have removed before, and give up the lock."""
        remove_tree(self.path, ignore_errors=True)
        self.lock.release()


def make_temporary_folder() -> TemporaryFolder:
    """Create a folder with a path short enough for sockets. Raises OSError.

    If programs cannot be started in the usual place for temporary files, or it is full, the folder is in
    another one, unless all are so. The user's cache is the last.
    """
    name = f"{_PREFIX}{os.urandom(4).hex()}"
    usual, *others = (place for place in temporary_places() if _has_short_path(place / name))
    problem = _problem_of(usual)
    if problem is None:
        return TemporaryFolder(usual / name, owned_folders.make(usual / name, 0o700))
    for place in (*others, *_cache()):
        if _has_short_path(place / name) and _problem_of(place) is None:
            with suppress(OSError):
                lock = owned_folders.make(place / name, 0o700)
                note = f"dx-local keeps temporary files in {place}: {problem}."
                return TemporaryFolder(place / name, lock, note)
    return TemporaryFolder(usual / name, owned_folders.make(usual / name, 0o700))


def _has_short_path(folder: Path) -> bool:
    return len(os.fsencode(folder / f"job-{'x' * 24}.priority")) <= _LONGEST_SOCKET_ADDRESS


def _problem_of(place: Path) -> str | None:
    """Return the reason why a place for temporary files is unsuitable, or None."""
    try:
        state = os.statvfs(place)
    except OSError as error:
        return f"{place} cannot be used ({error.strerror})"
    if not starts_programs(place):
        return f"programs cannot be started in {place} (mounted noexec)"
    free = state.f_bavail * state.f_frsize
    is_known = state.f_blocks > 0  # some file systems report nothing
    return f"only {free >> 10} KiB are free in {place}" if is_known and free < _LEAST_FREE else None


def _cache() -> Iterator[Path]:
    """Yield the user's cache folder, if it can be made."""
    with suppress(OSError):
        if folder := find_cache_dir("dx-local"):
            folder.mkdir(parents=True, exist_ok=True)
            yield folder


def remove_abandoned_near(folder: TemporaryFolder) -> None:
    """Remove the folders that killed executors left behind at the same place."""
    for left in owned_folders.abandoned(folder.path.parent.glob(f"{_PREFIX}*")):
        remove_tree(left, ignore_errors=True)
