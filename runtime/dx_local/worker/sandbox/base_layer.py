"""The base layer: the overlay layer below those of all apps and above the host's own folders.

It holds the image of a worker. For ordinary users it also holds copies of the system's folders, because a
copy belongs to the user and can therefore be changed by a job.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# An overlay takes the owner of a folder from its topmost layer. Ordinary users own no folder of the system,
# so these are copied into the base layer, with their subfolders down to this depth.
_OWNED = {
    "/etc": 2,
    "/opt": 1,
    "/usr": 1,
    "/usr/lib": 1,
    "/usr/lib/R": 1,
    "/usr/lib/python3": 1,
    "/usr/local": 4,
    "/var": 2,
}
_OWNED_FILES = (
    "/etc/bash.bashrc",
    "/etc/environment",
    "/etc/group",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/profile",
)

# The subfolders that jobs change most often, if the folder itself cannot be overlaid.
_OVERLAID_PARTS = (
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/share",
    "/var/cache",
    "/var/lib",
    "/var/log",
)
_LARGEST_COPY = 1 << 20


@dataclass(frozen=True)
class SplitFolders:
    """The folders that are split because something is mounted in them, and their parts; see HostFolders."""

    split: frozenset[str]
    overlaid_parts: tuple[str, ...]
    bound_parts: tuple[str, ...]


def build(
    folder: str, image: str, overlaid: Iterable[str], mount_points: Iterable[str], *, owns_all: bool
) -> SplitFolders:
    """Build the layer in a new folder, from the image of a worker.

    The kernel refuses to overlay a folder that contains mounts of another mount namespace: the overlay would
    reveal the files below those mounts. Such folders are split: they are recreated here, and each of their
    subfolders is overlaid or bound separately.
    """
    shutil.copytree(image, folder, symlinks=True)
    for path in overlaid:
        os.makedirs(folder + path, exist_ok=True)
    if not owns_all:
        _copy_owned(folder)
    tops = tuple(f"{top}/" for top in overlaid)
    inner = {path for path in mount_points if path.startswith(tops)}
    split = {path for path in _ancestors(inner) if not _ancestors([path]) & inner and path not in inner}
    parts = [part for path in sorted(split) for part in _split(path, folder) if part not in split]
    overlaid_parts = [path for path in parts if path in _OVERLAID_PARTS and path not in _ancestors(inner)]
    bound_parts = [path for path in parts if path not in overlaid_parts]
    return SplitFolders(frozenset(split), tuple(overlaid_parts), tuple(bound_parts))


def _ancestors(paths: Iterable[str]) -> set[str]:
    """Return all folders that contain the paths, except `/`."""
    found: set[str] = set()
    for path in paths:
        parent = os.path.dirname(path)
        while parent not in ("/", *found):
            found.add(parent)
            parent = os.path.dirname(parent)
    return found


def _split(path: str, folder: str) -> list[str]:
    """Recreate a folder of the host in the layer; return its subfolders, which are mount points there."""
    os.makedirs(folder + path, exist_ok=True)
    folders = []
    for entry in _entries(path):
        copy = folder + entry.path
        if entry.is_symlink():
            if not os.path.lexists(copy):
                os.symlink(os.readlink(entry.path), copy)
        elif entry.is_dir():
            os.makedirs(copy, exist_ok=True)
            folders.append(entry.path)
        elif not os.path.lexists(copy) and _is_small(entry):
            with contextlib.suppress(OSError):
                shutil.copy(entry.path, copy)
    return folders


def _is_small(entry: os.DirEntry[str]) -> bool:
    status = entry.stat()
    return stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_COPY


def _copy_owned(folder: str) -> None:
    for path, depth in _OWNED.items():
        if os.path.isdir(path):
            _copy_folders(path, folder + path, depth)
    for file in _OWNED_FILES:
        with contextlib.suppress(OSError):
            shutil.copyfile(file, folder + file)


def _copy_folders(folder: str, copy: str, depth: int) -> None:
    os.makedirs(copy, exist_ok=True)
    if depth:
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                _copy_folders(entry.path, f"{copy}/{entry.name}", depth - 1)
    with contextlib.suppress(OSError):
        shutil.copymode(folder, copy)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
