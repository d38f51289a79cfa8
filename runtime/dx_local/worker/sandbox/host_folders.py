"""The host's folders and their treatment in a sandbox, determined once by the zygote for all its jobs.

Most top-level folders are bound read-only. The folders of the system, in which root may write on a worker,
are overlaid: a job finds the layers of its app on top of them, and its own changes are discarded with the
job. Homes are hidden: a job finds only those paths in them that it needs.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker.channel import EXECUTOR_FOLDER
from dx_local.worker.debugger import environment_layer
from dx_local.worker.sandbox import base_layer, mounts

if TYPE_CHECKING:
    from collections.abc import Iterable

HOME = "/home/dnanexus"
TMP_FOLDERS = ("/tmp", "/var/tmp")  # noqa: S108
"""The folders that start empty for each job and are on disk: temporary files may exceed the memory."""

LOG_FOLDER = "/opt/dnanexus/log"
"""The path at which a job finds the sockets for log messages. Source: dxpy.dxlog.DXLogHandler."""

SHARED_MEMORY = "/dev/shm"  # noqa: S108
"""The folder that starts empty for each job and is in memory."""

SANDBOXES = "sandboxes"
"""The subfolder of the executor's folder for data of single sandboxes; hidden from jobs."""

_SYSTEM = ("usr", "etc", "opt", "var")
_SYSTEM_IF_PRESENT = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_HOMES = ("/home", "/root")
_MOUNT_PARENTS = ("media", "mnt", "srv")  # their subfolders are visible, and jobs may add others
_MOST_SUBFOLDERS = 64
_REPLACED = ("home", "root", "tmp", "proc")  # the sandbox has its own
_SESSIONS = "/run/user"  # sockets of the user's agents and desktop
# System accounts have homes such as /usr/sbin. Those contain nothing private, and jobs need them.
_SYSTEM_FOLDERS = tuple(f"/{name}" for name in _SYSTEM)
_NOT_HOMES = tuple(f"/{name}" for name in (*_SYSTEM_IF_PRESENT, "usr", "etc", "dev", "proc", "sys"))


@dataclass(frozen=True)
class HostFolders:
    """The host's folders by treatment. Paths begin with `/`."""

    root: str
    """A folder with a folder or link for each top-level entry."""
    base_layer: str
    """A folder that is layered below the layers of every app and above the host."""
    empty: str
    overlaid: tuple[str, ...]
    """Top-level folders that a job finds as overlays, and may change for itself."""
    split: frozenset[str]
    """Overlaid folders that cannot be overlaid with the host's, because something is mounted inside."""
    overlaid_parts: tuple[str, ...]
    """Subfolders of split folders that are overlaid like top-level ones."""
    bound_parts: tuple[str, ...]
    """The other subfolders of split folders, which are read-only."""
    read_only: tuple[str, ...]
    """Folders that are visible and read-only."""
    hidden: tuple[str, ...]
    """Folders inside read-only and overlaid ones that a job finds empty."""
    restricted: tuple[str, ...]
    """Folders in which only the visible paths of a job appear: hidden ones, its own, and those of homes."""
    environment_layer: str
    """A layer above the worker environment."""
    aliases: tuple[tuple[str, str], ...]
    """Links to overlaid folders, with their targets: (`/bin`, `/usr/bin`)."""


def prepare(folder: str, image: str, private: Iterable[str], *, owns_all: bool) -> HostFolders:
    """Inspect the host, and create the folders that sandboxes use in an empty folder.

    `image` is the bottom layer of all apps. `private` are the user's homes, and other folders to hide from
    jobs. With `owns_all`, this process may change the system's files and needs no copies of them.
    """
    mount_points = [path for path in mounts.mount_points() if path != folder]
    links, folders = _top_level()
    overlaid = tuple(f"/{name}" for name in (*_SYSTEM, *_SYSTEM_IF_PRESENT) if name in {*_SYSTEM, *folders})
    others = [f"/{name}" for name in folders if name not in (*_MOUNT_PARENTS, *_REPLACED)]
    read_only = [
        path for path in others if path not in overlaid and (path in mount_points or _has_content(path))
    ]
    read_only += [path for name in _MOUNT_PARENTS for path in _subfolders(f"/{name}")]
    hidden = _hidden(private, (*overlaid, *read_only))
    root, empty, layer = f"{folder}/root", f"{folder}/empty", f"{folder}/base-layer"
    os.mkdir(empty)
    above_environment = f"{folder}/environment"
    environment_layer.build(above_environment, sys.prefix)
    own = (*(f"/{name}" for name in (*_MOUNT_PARENTS, *_REPLACED)), HOME, EXECUTOR_FOLDER)
    _make_root(root, links, (*overlaid, *others, *read_only, *own))
    split_folders = base_layer.build(layer, image, overlaid, mount_points, owns_all=owns_all)
    os.makedirs(f"{layer}{LOG_FOLDER}", exist_ok=True)
    return HostFolders(
        root=root,
        base_layer=layer,
        empty=empty,
        overlaid=overlaid,
        split=split_folders.split,
        overlaid_parts=split_folders.overlaid_parts,
        bound_parts=split_folders.bound_parts,
        read_only=tuple(read_only),
        hidden=hidden,
        restricted=(*TMP_FOLDERS, SHARED_MEMORY, *_HOMES, *hidden),
        environment_layer=above_environment,
        aliases=tuple((link.path, _target(link)) for link in links if is_below(_target(link), overlaid)),
    )


def _top_level() -> tuple[list[os.DirEntry[str]], list[str]]:
    """Return the host's top-level links, and the names of its top-level folders."""
    entries = _entries("/")
    special = (*_MOUNT_PARENTS, *_REPLACED)
    links = [entry for entry in entries if entry.is_symlink() and entry.name not in special]
    return links, [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _make_root(root: str, links: Iterable[os.DirEntry[str]], folders: Iterable[str]) -> None:
    os.mkdir(root)
    for link in links:
        os.symlink(os.readlink(link.path), root + link.path)
    for path in folders:
        if not os.path.lexists(root + path):
            os.makedirs(root + path)


def is_below(path: str, folders: tuple[str, ...]) -> bool:
    """Return whether a path is inside one of these folders."""
    return any(path.startswith(f"{folder}/") for folder in folders)


def resolve_top_level_link(path: str) -> str:
    """Return a path whose first folder is not a link: jobs find top-level links as they are on the host."""
    top = f"/{path.split('/')[1]}" if path.startswith("/") else path
    is_link = top not in (f"/{name}" for name in (*_MOUNT_PARENTS, *_REPLACED)) and os.path.islink(top)
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


def _subfolders(folder: str) -> list[str]:
    """Return the subfolders of a folder, or none if there are many: each costs every job a mount."""
    if not os.path.isdir(folder):
        return []
    found = [entry.path for entry in _entries(folder) if entry.is_dir()]
    return found if len(found) <= _MOST_SUBFOLDERS else []


def _hidden(private: Iterable[str], visible: tuple[str, ...]) -> tuple[str, ...]:
    """Return the private folders that jobs could see otherwise, because they are inside visible ones."""
    found: list[str] = []
    for path in sorted({_SESSIONS, *map(os.path.realpath, private)}):
        is_system = path in _SYSTEM_FOLDERS or is_below(f"{path}/", _NOT_HOMES)
        is_visible = is_below(f"{path}/", visible) and not is_below(
            path, (*TMP_FOLDERS, SHARED_MEMORY, *found)
        )
        if is_visible and not is_system and os.path.isdir(path):
            found.append(path)
    return tuple(found)
