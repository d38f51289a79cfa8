"""The file system of a folder: its type, whether other hosts share it, and whether it has locks."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSALS = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP})
"""Errors with which a file system that has no locks refuses one."""

_NETWORK = frozenset(
    {
        *(
            "9p",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "coda",
            "glusterfs",
            "gpfs",
            "lustre",
            "ncpfs",
            "nfs",
            "nfs4",
        ),
        *("orangefs", "panfs", "prl_fs", "pvfs2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs", "wekafs"),
    }
)
# File systems in FUSE that are on a disk of this machine. Any other one may be shared with other hosts.
_LOCAL_FUSE = frozenset(
    {"fuse.bindfs", "fuse.encfs", "fuse.fuse-overlayfs", "fuse.gocryptfs", "fuse.mergerfs"}
)
_ESCAPES = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


def is_network(kind: str | None) -> bool:
    """Return whether a type of file system is one that other hosts may share."""
    return kind is not None and (kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE))


def type_of(path: str | os.PathLike[str]) -> str | None:
    """Return the type of the file system of an existing path, such as `ext4`; None if it is unknown."""
    try:
        device = os.stat(path).st_dev
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [_mount(line) for line in file]
    except (OSError, IndexError):
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    fitting = [kind for found, _, kind in mounts if found == number]
    if fitting:
        return fitting[-1]
    # Subvolumes have numbers of their own.
    below = os.path.realpath(path)
    around = [
        (len(place), kind) for _, place, kind in mounts if f"{below}/".startswith(f"{place.rstrip('/')}/")
    ]
    return max(around)[1] if around else None


def _mount(line: str) -> tuple[str, str, str]:
    """Return the device, the folder and the type of a mount. Source: proc_pid_mountinfo(5)."""
    fields, _, rest = line.partition(" - ")
    words = fields.split(" ")
    folder = words[4]
    for escape, character in _ESCAPES.items():
        folder = folder.replace(escape, character)
    return words[2], folder, rest.split(" ")[0]


def has_file_locks(folder: str | os.PathLike[str]) -> bool:
    """Return whether files in a folder can be locked by `flock`; true if nothing can be written there."""
    return _has_locks(folder, fcntl.flock)


def has_record_locks(folder: str | os.PathLike[str]) -> bool:
    """Return whether files in a folder can be locked as by SQLite; true if nothing can be written there."""
    # Not a file of a database: closing it would give up all locks of this process on that database.
    return _has_locks(folder, fcntl.lockf)


def _has_locks(folder: str | os.PathLike[str], lock: Callable[[int, int], object]) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            lock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in REFUSALS
    return True
