"""Let dx-jobutil-add-output lock job_output.json on file systems without locks.

The program calls `fcntl.flock`, which fails on Lustre mounted without `flock`, for example.
"""

from __future__ import annotations

import fcntl
import os
from typing import Any

from dx_local.worker.process import locks
from dx_local.worker.process.file_systems import REFUSALS

_WISHES = {
    fcntl.LOCK_EX: locks.Wish(renews=False),
    fcntl.LOCK_SH: locks.Wish(shared=True, renews=False),
}

_flock = fcntl.flock
_held: dict[int, locks.Lock] = {}


def install() -> None:
    """Replace `fcntl.flock` in this process."""
    fcntl.flock = flock


def flock(file: Any, operation: int) -> None:
    """Lock an open file as the original does; without locks in its file system, by a mark beside it."""
    number = file if isinstance(file, int) else file.fileno()
    if operation == fcntl.LOCK_UN and number in _held:
        _held.pop(number).release()
        return
    try:
        _flock(number, operation)
    except OSError as error:
        if error.errno not in REFUSALS or operation not in _WISHES:
            raise
        path = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115  (pathlib would copy memory)
        _held[number] = locks.hold(path, _WISHES[operation])
