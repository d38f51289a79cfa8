"""The changes of a job to its sandbox: the files in the upper folders of its overlays.

Only a job whose applet asks for it finds these folders, at channel.CHANGES. The overlays of the kernel are
described in https://docs.kernel.org/filesystems/overlayfs.html; a file that the job has removed is a
character device with the number 0 there.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.channel import CHANGES
from dx_local.worker.sandbox.mounts import mount_points, mounted, perform, unmount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UPPER_FOLDER = re.compile(r"(?:^|,)upperdir=[^,]*/(\d+)/upper(?:,|$)")
_COPY_OF_DPKG = re.compile(r"/\.dpkg\.\w{6}$")
_OF_NEW_FOLDERS = 0o755


class Change(NamedTuple):
    """A file, link or folder that the job has made or changed."""

    path: str
    """The path at which the job finds it."""
    source: str
    """Its path in the upper folder."""
    status: os.stat_result


class Found(NamedTuple):
    """The changes since a snapshot, and the paths of files that have been removed since."""

    changes: list[Change]
    removed: list[str]


class _State(NamedTuple):
    inode: int
    changed_ns: int
    mode: int


def are_shown() -> bool:
    """Return whether this job can read its changes, which it cannot without a sandbox."""
    return any(Path(CHANGES).glob("*/upper"))


def snapshot() -> dict[str, _State]:
    """Return the state of what has changed by now: dx-local itself makes mount points and links."""
    return {change.path: _state(change.status) for change in _walk(lambda _: False)[0]}


def changes_since(earlier: dict[str, _State], is_excluded: Callable[[str], bool]) -> Found:
    """Return the changes since a snapshot, except excluded folders and files, in the order of their paths.

    A folder counts if it is new, and empty or with other permissions than a new folder has. Devices, sockets
    and pipes never count.
    """
    changes, removed = [], []
    copied = _copied_folders()  # before the walk: it leaves out what is below a mount point
    found, filled = _walk(is_excluded)
    for folder, copy in copied:
        _add_differences(folder, copy, is_excluded, found, filled)
    for change in sorted(found, key=lambda change: change.path):
        mode = change.status.st_mode
        is_new = earlier.get(change.path) != _state(change.status)
        if stat.S_ISDIR(mode):
            is_plain = change.path in filled and stat.S_IMODE(mode) == _OF_NEW_FOLDERS
            if change.path not in earlier and not is_plain:
                changes.append(change)
        elif is_new and (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            changes.append(change)
        elif is_new and stat.S_ISCHR(mode) and change.status.st_rdev == 0:
            removed.append(change.path)
    return Found(changes, removed)


def _walk(is_excluded: Callable[[str], bool]) -> tuple[list[Change], set[str]]:
    """Return everything in the upper folders that is not excluded, and the folders that are not empty."""
    found: list[Change] = []
    filled: set[str] = set()
    overlays = dict(_overlays())
    points = set(mount_points())
    for top, upper in overlays.items():
        folders = [(top.rstrip("/"), upper)]
        while folders:
            folder, source = folders.pop()
            for entry in _entries(source):
                path = f"{folder}/{entry.name}"
                filled.add(folder)
                # Below a mount point, the job sees and changes something else.
                if path in points or is_excluded(path):
                    continue
                found.append(Change(path, entry.path, entry.stat(follow_symlinks=False)))
                if entry.is_dir(follow_symlinks=False):
                    folders.append((path, entry.path))
    return found, filled


def _copied_folders() -> list[tuple[str, str]]:
    """Return the folders that an ordinary user's `dpkg` has replaced by copies, with the paths of these.

    The folders themselves are visible again afterwards; see worker/bin/dpkg.
    """
    found = []
    for mount in reversed(mounted()):
        if _COPY_OF_DPKG.search(mount.root):
            copy = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY)  # stays open until the job ends
            perform([unmount(mount.path)])
            found.append((mount.path, f"/proc/self/fd/{copy}"))
    return found


def _add_differences(
    folder: str, copy: str, is_excluded: Callable[[str], bool], found: list[Change], filled: set[str]
) -> None:
    """Add what a copy of a folder has, but not the folder itself."""
    known = {change.path for change in found}
    folders = [(folder, copy)]
    while folders:
        here, source = folders.pop()
        for entry in _entries(source):
            path = f"{here}/{entry.name}"
            filled.add(here)
            if path in known or is_excluded(path):
                continue
            status = entry.stat(follow_symlinks=False)
            is_folder = stat.S_ISDIR(status.st_mode)
            if not (Path(path).is_dir() if is_folder else _is_same(path, status)):
                found.append(Change(path, entry.path, status))
            if is_folder:
                folders.append((path, entry.path))


def _is_same(path: str, status: os.stat_result) -> bool:
    """Return whether the file at a path is the original of a copy, whose times were preserved."""
    try:
        own = os.lstat(path)
    except OSError:
        return False
    return (own.st_mode, own.st_size, own.st_mtime_ns) == (status.st_mode, status.st_size, status.st_mtime_ns)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _overlays() -> Iterator[tuple[str, str]]:
    """Yield the mount points of this job's overlays, with their upper folders."""
    for mount in mounted():
        if upper := _UPPER_FOLDER.search(mount.options):
            yield mount.path, f"{CHANGES}/{upper[1]}/upper"


def _state(status: os.stat_result) -> _State:
    return _State(status.st_ino, status.st_ctime_ns, status.st_mode)
