"""What of the host a job finds at `/`, worked out once by the zygote for the worlds of all its jobs.

Most top-level folders are shown as they are, to be read only. The folders of the system, in which a worker's
root may write, are covered: a job finds them with the layers of its app laid over, and what it writes there
is gone with it. Homes are hidden: of what lies in them, jobs find only the paths that they need.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker.sandbox import base_layer, mounts

if TYPE_CHECKING:
    from collections.abc import Iterable

HOME = "/home/dnanexus"
PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108
"""The folders that are empty for each job, and lie on disk."""

OURS = "/.dx-local"
"""Where a job finds what the executor and the zygote have for it: sockets, and clients for programs."""

LOG = "/opt/dnanexus/log"
"""Where a job finds the sockets for log messages. Source: dxpy.dxlog.DXLogHandler."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108
"""The folder that is empty for each job, and lies in memory."""

SANDBOXES = "sandboxes"
"""The folder in the executor's that holds what belongs to single sandboxes, and is hidden from jobs."""

_SYSTEM = ("usr", "etc", "opt", "var")
_SYSTEM_IF_THERE = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_HOMES = ("/home", "/root")
_OPEN = ("media", "mnt", "srv")  # what lies in them is shown, and jobs may add to it
_MOST_IN_OPEN = 64
_OWN = ("home", "root", "tmp", "proc")  # at the top, and the job's own
_SESSIONS = "/run/user"  # sockets of the user's agents and desktop
# Users of services have homes such as /usr/sbin; there is nothing private in them, and jobs need them.
_SYSTEM_FOLDERS = tuple(f"/{name}" for name in _SYSTEM)
_NO_HOMES = tuple(f"/{name}" for name in (*_SYSTEM_IF_THERE, "usr", "etc", "dev", "proc", "sys"))


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
    read_only: tuple[str, ...]
    """Folders that are shown to be read only."""
    hidden: tuple[str, ...]
    """Folders in these and in covered ones that jobs find empty."""
    concealed: tuple[str, ...]
    """Folders of which jobs find nothing but what they need: hidden ones, their own, and those of homes."""
    aliases: tuple[tuple[str, str], ...]
    """Links to covered folders, with these: (`/bin`, `/usr/bin`)."""


def prepare(folder: str, image: str, private: Iterable[str], *, owns_all: bool) -> HostView:
    """Look at the host; make what the worlds of jobs need in an empty folder.

    `image` is the lowest layer of all apps. `private` are the user's homes, and other folders that are not
    for jobs. With `owns_all`, this process may change the system's files, and needs none in their place.
    """
    mounted = [place for place in mounts.mounted() if place != folder]
    links = [entry for entry in _entries("/") if entry.is_symlink() and entry.name not in (*_OPEN, *_OWN)]
    folders = [entry.name for entry in _entries("/") if entry.is_dir(follow_symlinks=False)]
    covered = tuple(f"/{name}" for name in (*_SYSTEM, *_SYSTEM_IF_THERE) if name in {*_SYSTEM, *folders})
    others = [f"/{name}" for name in folders if name not in (*_OPEN, *_OWN)]
    read_only = [path for path in others if path not in covered and (path in mounted or _has_content(path))]
    read_only += [path for name in _OPEN for path in _folders_in(f"/{name}")]
    hidden = _hidden(private, (*covered, *read_only))
    root, empty = f"{folder}/root", f"{folder}/empty"
    for place in (root, empty):
        os.mkdir(place)
    for link in links:
        os.symlink(os.readlink(link.path), root + link.path)
    for place in (*covered, *others, *(f"/{name}" for name in (*_OPEN, *_OWN)), *read_only, HOME, OURS):
        if not os.path.lexists(root + place):
            os.makedirs(root + place)
    below = base_layer.furnish(f"{folder}/beneath", image, covered, mounted, owns_all=owns_all)
    os.makedirs(f"{folder}/beneath{LOG}", exist_ok=True)
    return HostView(
        root=root,
        beneath=f"{folder}/beneath",
        empty=empty,
        covered=covered,
        opened=below.opened,
        parts=below.parts,
        inner=below.inner,
        read_only=tuple(read_only),
        hidden=hidden,
        concealed=(*PRIVATE, SHARED_MEMORY, *_HOMES, *hidden),
        aliases=tuple((link.path, _target(link)) for link in links if is_below(_target(link), covered)),
    )


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    """Tell whether a path is inside one of these folders."""
    return any(path.startswith(f"{folder}/") for folder in folders)


def without_link_at_top(path: str) -> str:
    """Return a path whose first folder is no link: jobs find such links as they are on the host."""
    top = f"/{path.split('/')[1]}" if path.startswith("/") else path
    is_link = top not in (f"/{name}" for name in (*_OPEN, *_OWN)) and os.path.islink(top)
    return os.path.realpath(top) + path[len(top) :] if is_link else path


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


def _folders_in(folder: str) -> list[str]:
    """Return the folders in a folder, or none if there are many: to mount each takes time for each job."""
    if not os.path.isdir(folder):
        return []
    found = [entry.path for entry in _entries(folder) if entry.is_dir()]
    return found if len(found) <= _MOST_IN_OPEN else []


def _hidden(private: Iterable[str], seen: tuple[str, ...]) -> tuple[str, ...]:
    """Return the private folders that jobs would see otherwise, because they are below folders in `seen`."""
    found: list[str] = []
    for path in sorted({_SESSIONS, *map(os.path.realpath, private)}):
        is_system = path in _SYSTEM_FOLDERS or is_below(f"{path}/", _NO_HOMES)
        is_seen = is_below(f"{path}/", seen) and not is_below(path, (*PRIVATE, SHARED_MEMORY, *found))
        if is_seen and not is_system and os.path.isdir(path):
            found.append(path)
    return tuple(found)
