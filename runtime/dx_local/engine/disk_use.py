"""Go through the files that a job has left: add up their sizes, and remove set-uid and set-gid bits."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_RIGHTS = stat.S_ISUID | stat.S_ISGID


class DiskUse:
    """The sizes of all files below a folder, added up a few folders at a time.

    On the way, files lose their set-uid and set-gid bits: no program of a job may give others the rights of
    the user, who may be root. What is linked here counts in full, since it is copied on the platform;
    symbolic links count as such. Folders that are not there, or may not be read, count as empty.
    """

    def __init__(self, folder: Path) -> None:
        self.bytes = 0
        self._to_read = [str(folder)]

    def add_up(self, most: int | None = None) -> bool:
        """Go on until about so many files were seen, or to the end; return whether all were."""
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
                        _remove_rights(entry.path, status.st_mode)
                except OSError:
                    continue
        return not self._to_read


def _remove_rights(path: str, mode: int) -> None:
    if mode & _RIGHTS and stat.S_ISREG(mode):
        os.chmod(path, stat.S_IMODE(mode) & ~_RIGHTS)  # noqa: PTH101  (a job may leave a great many files)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
