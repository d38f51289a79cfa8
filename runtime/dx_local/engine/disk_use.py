"""How much disk files take, as a worker of the platform would need it for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DiskUse:
    """The sizes of all files below a folder, added up a few folders at a time.

    What is linked here counts in full, since it is copied on the platform; symbolic links count as such.
    Folders that are not there, or may not be read, count as empty.
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
                        self.bytes += entry.stat(follow_symlinks=False).st_size
                except OSError:
                    continue
        return not self._to_read


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
