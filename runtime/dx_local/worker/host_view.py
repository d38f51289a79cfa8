"""What of the host a job finds at `/`, worked out once by the zygote for the worlds of all its jobs.

Most top-level folders are shown as they are, to be read only. The folders of the system, in which a worker's
root may write, are covered: a job finds them with the layers of its app laid over, and what it writes there
is gone with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass

from dx_local.worker import mounts

HOME = "/home/dnanexus"
PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108
"""The folders that are empty for each job, and lie on disk."""

OURS = "/.dx-local"
"""Where a job finds what the executor and the zygote have for it: sockets, and clients for programs."""

_SYSTEM = ("usr", "etc", "opt", "var")
_SYSTEM_IF_THERE = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "root")
_LIVE = ("dev", "proc")
_OPEN = ("home", "media", "mnt", "srv")  # what lies in them is shown, and jobs may add to it
_MOST_IN_OPEN = 64

# A folder that is in several layers is owned by whoever owns it in the topmost. Users own no folder of the
# system; so in a layer between they get one for each of these, as deep as is said here.
_OWNED = {"etc": 2, "opt": 1, "usr": 1, "usr/lib": 1, "usr/lib/python3": 1, "usr/local": 4, "var": 2}
_OWNED_FILES = ("etc/bash.bashrc", "etc/environment", "etc/group", "etc/hosts", "etc/passwd", "etc/profile")


@dataclass(frozen=True)
class HostView:
    """The host's top-level folders by what becomes of them. Paths begin with `/`."""

    root: str
    """A folder with a folder or link for each."""
    beneath: str
    """A folder that is laid under the layers of every app and over the host: a worker's own programs."""
    empty: str
    covered: tuple[str, ...]
    live: tuple[str, ...]
    read_only: tuple[str, ...]
    aliases: tuple[tuple[str, str], ...]
    """Links to covered folders, with these: (`/bin`, `/usr/bin`)."""
    inner: tuple[str, ...]
    """What is mounted inside covered folders."""


def prepare(folder: str, image: str, own_home: str, *, is_root: bool) -> HostView:
    """Look at the host; make what the worlds of jobs need in an empty folder.

    `image` is laid beneath the layers of all apps. `own_home` is shown however many there are. `is_root` says
    that this process may do what it likes with the host's files, and needs no folders in their place.
    """
    root, beneath, empty = (f"{folder}/{name}" for name in ("root", "beneath", "empty"))
    shutil.copytree(image, beneath, symlinks=True)
    os.mkdir(empty)
    os.mkdir(root)
    aliases = [
        (entry.path, _target(entry))
        for entry in _entries("/")
        if entry.is_symlink() and entry.name not in (*_OPEN, "tmp")
    ]
    for name, _ in aliases:
        os.symlink(os.readlink(name), root + name)
    folders = [entry.name for entry in _entries("/") if entry.is_dir(follow_symlinks=False)]
    if not os.access("/root", os.R_OK | os.X_OK):
        folders = [name for name in folders if name != "root"]
    covered = [*_SYSTEM, *(name for name in _SYSTEM_IF_THERE if name in folders)]
    live = [name for name in _LIVE if name in folders]
    mounted = [place for place in mounts.mounted() if place != folder]
    taken = {*covered, *live, *_OPEN, "tmp"}
    read_only = [
        f"/{name}"
        for name in folders
        if name not in taken and (f"/{name}" in mounted or _has_content(f"/{name}"))
    ]
    read_only += [path for name in _OPEN for path in _folders_in(f"/{name}", own_home)]
    for place in (*(f"/{name}" for name in (*folders, *taken, "root")), *read_only, HOME, OURS):
        if not os.path.lexists(root + place):
            os.makedirs(root + place)
    for name in covered:
        os.makedirs(f"{beneath}/{name}", exist_ok=True)
    if not is_root:
        _own(beneath)
    places = tuple(f"/{name}" for name in covered)
    return HostView(
        root=root,
        beneath=beneath,
        empty=empty,
        covered=places,
        live=tuple(f"/{name}" for name in live),
        read_only=tuple(read_only),
        aliases=tuple((name, target) for name, target in aliases if is_below(target, places)),
        inner=tuple(
            sorted(place for place in mounted if is_below(place, places) and os.access(place, os.R_OK))
        ),
    )


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    """Tell whether a path is inside one of these folders."""
    return any(path.startswith(f"{folder}/") for folder in folders)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _target(link: os.DirEntry[str]) -> str:
    return os.path.normpath(os.path.join("/", os.readlink(link.path)))


def _has_content(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _folders_in(folder: str, own_home: str) -> list[str]:
    """Return the folders in a folder; where there are many, as homes on clusters, the user's own."""
    found = [entry.path for entry in _entries(folder) if entry.is_dir() and entry.path != HOME]
    return found if len(found) <= _MOST_IN_OPEN else [path for path in found if path == own_home]


def _own(beneath: str) -> None:
    for folder, depth in _OWNED.items():
        _copy_folders(f"/{folder}", f"{beneath}/{folder}", depth)
    for file in _OWNED_FILES:
        with contextlib.suppress(OSError):
            shutil.copyfile(f"/{file}", f"{beneath}/{file}")


def _copy_folders(folder: str, copy: str, depth: int) -> None:
    os.makedirs(copy, exist_ok=True)
    if depth:
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                _copy_folders(entry.path, f"{copy}/{entry.name}", depth - 1)
    with contextlib.suppress(OSError):
        shutil.copymode(folder, copy)
