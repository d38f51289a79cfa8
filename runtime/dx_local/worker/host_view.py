"""What of the host a job finds at `/`, worked out once by the zygote for the worlds of all its jobs.

Most top-level folders are shown as they are, to be read only. The folders of the system, in which a worker's
root may write, are covered: a job finds them with the layers of its app laid over, and what it writes there
is gone with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from dx_local.worker import beneath, mounts

HOME = "/home/dnanexus"
PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108
"""The folders that are empty for each job, and lie on disk."""

OURS = "/.dx-local"
"""Where a job finds what the executor and the zygote have for it: sockets, and clients for programs."""

LOG = "/opt/dnanexus/log"
"""Where a job finds the sockets for log messages. Source: dxpy.dxlog.DXLogHandler."""

_SYSTEM = ("usr", "etc", "opt", "var")
_SYSTEM_IF_THERE = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "root")
_LIVE = ("proc",)
_OPEN = ("home", "media", "mnt", "srv")  # what lies in them is shown, and jobs may add to it
_MOST_IN_OPEN = 64


@dataclass(frozen=True)
class HostView:
    """The host's folders by what becomes of them. Paths begin with `/`."""

    root: str
    """A folder with a folder or link for each at the top."""
    beneath: str
    """A folder that is laid under the layers of every app and over the host."""
    empty: str
    covered: tuple[str, ...]
    """Folders at the top that jobs find with layers laid over, and may change for themselves."""
    opened: frozenset[str]
    """Those of them that nothing can be laid over, as something is mounted inside; beneath they are empty."""
    parts: tuple[str, ...]
    """Folders in opened ones that are covered as those at the top are."""
    inner: tuple[str, ...]
    """The other folders in opened ones, to be read only."""
    live: tuple[str, ...]
    """Folders at the top that are shown as they are."""
    read_only: tuple[str, ...]
    """Folders that are shown to be read only."""
    aliases: tuple[tuple[str, str], ...]
    """Links to covered folders, with these: (`/bin`, `/usr/bin`)."""


def prepare(folder: str, image: str, own_home: str, *, owns_all: bool) -> HostView:
    """Look at the host; make what the worlds of jobs need in an empty folder.

    `image` is laid beneath the layers of all apps. `own_home` is shown however many there are. `owns_all`
    says that this process may do what it likes with the system's files, and needs no folders in their place.
    """
    mounted = [place for place in mounts.mounted() if place != folder]
    links = [entry for entry in _entries("/") if entry.is_symlink() and entry.name not in (*_OPEN, "tmp")]
    folders = [entry.name for entry in _entries("/") if entry.is_dir(follow_symlinks=False)]
    if not os.access("/root", os.R_OK | os.X_OK):
        folders.remove("root")
    covered = tuple(f"/{name}" for name in (*_SYSTEM, *_SYSTEM_IF_THERE) if name in {*_SYSTEM, *folders})
    live = tuple(f"/{name}" for name in _LIVE if name in folders)
    others = [f"/{name}" for name in folders if name not in (*_OPEN, "tmp")]
    read_only = [
        path for path in others if path not in (*covered, *live) and (path in mounted or _has_content(path))
    ]
    read_only += [path for name in _OPEN for path in _folders_in(f"/{name}", own_home)]
    root, empty = f"{folder}/root", f"{folder}/empty"
    for place in (root, empty):
        os.mkdir(place)
    for link in links:
        os.symlink(os.readlink(link.path), root + link.path)
    opened = (f"/{name}" for name in (*_OPEN, "root", "tmp"))
    for place in (*covered, *others, *opened, *read_only, HOME, OURS):
        if not os.path.lexists(root + place):
            os.makedirs(root + place)
    below = beneath.furnish(f"{folder}/beneath", image, covered, mounted, owns_all=owns_all)
    os.makedirs(f"{folder}/beneath{LOG}", exist_ok=True)
    return HostView(
        root=root,
        beneath=f"{folder}/beneath",
        empty=empty,
        covered=covered,
        opened=below.opened,
        parts=below.parts,
        inner=below.inner,
        live=live,
        read_only=tuple(read_only),
        aliases=tuple((link.path, _target(link)) for link in links if is_below(_target(link), covered)),
    )


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    """Tell whether a path is inside one of these folders."""
    return any(path.startswith(f"{folder}/") for folder in folders)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


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
    if not os.path.isdir(folder):
        return []
    found = [entry.path for entry in _entries(folder) if entry.is_dir() and entry.path != HOME]
    return found if len(found) <= _MOST_IN_OPEN else [path for path in found if path == own_home]
