"""The layer that lies beneath those of all apps and over the host's folders: what these could not give."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# A folder that is in several layers is owned by whoever owns it in the topmost. Users own no folder of the
# system; so they get one for each of these, as deep as is said here.
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

# What jobs most want to change in folders that cannot be covered as a whole.
_PARTS = ("/usr/bin", "/usr/lib", "/usr/local", "/usr/share", "/var/cache", "/var/lib", "/var/log")
_LARGEST_COPY = 1 << 20


@dataclass(frozen=True)
class Beneath:
    """What becomes of covered folders in which something is mounted; see HostView."""

    opened: frozenset[str]
    parts: tuple[str, ...]
    inner: tuple[str, ...]


def furnish(
    folder: str, image: str, covered: Iterable[str], mounted: Iterable[str], *, owns_all: bool
) -> Beneath:
    """Make the layer in a new folder, from an image of what all workers have.

    The kernel lays nothing over a folder in which others have mounted something, lest that be taken away.
    Such folders are opened: they are made anew here, with what lies in them to be shown one by one.
    """
    shutil.copytree(image, folder, symlinks=True)
    for path in covered:
        os.makedirs(folder + path, exist_ok=True)
    if not owns_all:
        _own(folder)
    tops = tuple(f"{top}/" for top in covered)
    inner = {place for place in mounted if place.startswith(tops)}
    opened = {path for path in _ancestors(inner) if not _ancestors([path]) & inner and path not in inner}
    inside = [path for place in sorted(opened) for path in _open(place, folder) if path not in opened]
    parts = [path for path in inside if path in _PARTS and path not in _ancestors(inner)]
    return Beneath(frozenset(opened), tuple(parts), tuple(path for path in inside if path not in parts))


def _ancestors(paths: Iterable[str]) -> set[str]:
    """Return all folders that the paths lie in, except `/`."""
    found: set[str] = set()
    for path in paths:
        parent = os.path.dirname(path)
        while parent not in ("/", *found):
            found.add(parent)
            parent = os.path.dirname(parent)
    return found


def _open(path: str, folder: str) -> list[str]:
    """Make in the layer what lies in a folder of the host; return the folders, to mount something at."""
    os.makedirs(folder + path, exist_ok=True)
    shown = []
    for entry in _entries(path):
        place = folder + entry.path
        if entry.is_symlink():
            if not os.path.lexists(place):
                os.symlink(os.readlink(entry.path), place)
        elif entry.is_dir():
            os.makedirs(place, exist_ok=True)
            shown.append(entry.path)
        elif not os.path.lexists(place) and _is_small(entry):
            with contextlib.suppress(OSError):
                shutil.copy(entry.path, place)
    return shown


def _is_small(entry: os.DirEntry[str]) -> bool:
    status = entry.stat()
    return stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_COPY


def _own(folder: str) -> None:
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
    """Return what is in a folder, or nothing if it may not be looked into."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
