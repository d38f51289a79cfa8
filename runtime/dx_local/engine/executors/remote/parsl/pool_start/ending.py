"""End the processes of a worker pool and remove what they leave, even if the parent of the pool is killed.

The pool dies with its parent, but its workers do not: those that wait for a lock of a killed process wait for
ever.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker.process.signals import ENDING_SIGNALS
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GRACE_SECONDS = 2.0
_SECONDS_BETWEEN_LOOKS = 0.05


def end_group(group: int, reap: Callable[[], object] = lambda: None) -> None:
    """Terminate the processes of a group; kill those that are left after a moment.

    `reap` is called again and again, to collect those that are children of this process.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        _await_end(group, reap)
        os.killpg(group, signal.SIGKILL)
        _await_end(group, reap)


def _await_end(group: int, reap: Callable[[], object]) -> None:
    """Wait a moment for the end of a group. Raises ProcessLookupError as soon as it has ended."""
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline:
        reap()
        os.killpg(group, 0)
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def remove_left(folder: Path) -> None:
    """Remove the folder of a pool, and the folders and control groups of workers that were killed."""
    # Imported here, as the pool begins sooner without.
    from dx_local.engine.executors.cgroups import remove_all_left
    from dx_local.engine.executors.remote.node.agent import remove_abandoned_folders

    remove_tree(folder, ignore_errors=True)
    remove_abandoned_folders()
    remove_all_left()


class Heir:
    """A process that ends the group of a pool and removes what is left if this process is killed.

    It is a fork of this process, which must have one thread, and no signal but SIGKILL ends it before.
    """

    def __init__(self, group: int, folder: Path) -> None:
        end, self._life = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._life)
            _await_inheritance(end, group, folder)
        os.close(end)

    def dismiss(self) -> None:
        """End the process; this one has done its work."""
        with suppress(BrokenPipeError):
            os.write(self._life, b"\0")
        os.close(self._life)
        os.waitpid(self._pid, 0)


def _await_inheritance(life: int, group: int, folder: Path) -> NoReturn:
    """Wait for the end of the parent, which holds the other end of the pipe `life`."""
    try:
        os.setsid()
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if not os.read(life, 1):
            end_group(group)
            remove_left(folder)
    finally:
        os._exit(0)
