"""The executor's temporary folder: sockets, clients of dxpy's programs, the logs of zygotes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dx_local.engine.executors import owned_folders
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from dx_local.worker.process.locks import Lock

_PREFIX = "dx-jobs-"
_LONGEST_SOCKET_ADDRESS = 103  # 107 on Linux, less elsewhere


class TemporaryFolder(NamedTuple):
    """A folder and its lock."""

    path: Path
    lock: Lock

    def remove(self) -> None:
        """Remove the folder, which a zygote may have removed before, and give up the lock."""
        remove_tree(self.path, ignore_errors=True)
        self.lock.release()


def make_temporary_folder() -> TemporaryFolder:
    """Create a folder with a path short enough for sockets. Raises OSError."""
    place, name = Path(tempfile.gettempdir()), f"{_PREFIX}{os.urandom(4).hex()}"
    if len(os.fsencode(place / name / f"job-{'x' * 24}.priority")) > _LONGEST_SOCKET_ADDRESS:
        place = Path("/tmp")  # noqa: S108  (the folder in it is this user's alone)
    return TemporaryFolder(place / name, owned_folders.make(place / name, 0o700))


def remove_abandoned_near(folder: TemporaryFolder) -> None:
    """Remove the folders that killed executors left behind at the same place."""
    for left in owned_folders.abandoned(folder.path.parent.glob(f"{_PREFIX}*")):
        remove_tree(left, ignore_errors=True)
