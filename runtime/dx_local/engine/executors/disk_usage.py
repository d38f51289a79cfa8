"""Walk the files that a job leaves: add up their sizes, and strip set-uid bits and capabilities."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

_RIGHTS = stat.S_ISUID | stat.S_ISGID
_CAPABILITIES = "security.capability"


class DiskUsage:
    """The total size of all files below a folder, computed a few folders at a time.

    Files lose their set-uid and set-gid bits and their capabilities on the way, because a program of a job
    must not grant others the rights of the user, who may be root. Folders that their owner may not read are
    opened to the owner: a job that is root in its sandbox can leave such folders. A hard link counts in full,
    as the platform would have a copy; a symbolic link counts as itself. Folders that are missing or remain
    unreadable count as empty.
    """

    def __init__(self, folder: str) -> None:
        self.bytes = 0
        self._to_read = [folder]

    def add_up(self, most: int | None = None) -> bool:
        """Continue for about `most` files, or to the end; return true when all files are counted."""
        seen = 0
        while self._to_read and (most is None or seen < most):
            for entry in _entries(self._to_read.pop()):
                seen += 1
                try:
                    if entry.is_dir(follow_symlinks=False):
                        self._to_read.append(entry.path)
                    else:
                        status = entry.stat(follow_symlinks=False)
                        self.bytes += status.st_size
                        if stat.S_ISREG(status.st_mode):
                            _remove_rights(entry.path, status.st_mode)
                except OSError:
                    continue
        return not self._to_read


def _remove_rights(path: str, mode: int) -> None:
    if mode & _RIGHTS:
        os.chmod(path, stat.S_IMODE(mode) & ~_RIGHTS)  # noqa: PTH101  (faster; a job may leave a great many files)
    if sys.platform != "linux":
        return
    # Most files have none. Those set by root of a user namespace can be removed by root alone, and have no
    # effect outside for anybody else. Source: capabilities(7), "Namespaced file capabilities".
    try:  # noqa: SIM105  (faster than `suppress`)
        os.removexattr(path, _CAPABILITIES, follow_symlinks=False)
    except OSError:
        pass


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return _listed(folder)
    except PermissionError:
        with contextlib.suppress(OSError):
            Path(folder).chmod(stat.S_IMODE(os.lstat(folder).st_mode) | stat.S_IRWXU)
            return _listed(folder)
    except OSError:
        pass
    return []


def _listed(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)
