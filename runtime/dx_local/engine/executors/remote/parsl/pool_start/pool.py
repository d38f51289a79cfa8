"""Run Parsl's worker pool on a node, and leave no process of the pool behind when it ends.

If the pool is killed, its workers and the helper processes of Python's multiprocessing would stay: this
process, its parent, kills them. It also ends a pool of which a process was killed that ran no job, because
such a pool may be stuck.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.executors.remote.node.node_name import NODE_VARIABLE
from dx_local.engine.executors.remote.parsl.busy_marks import FOLDER_VARIABLE, hide_temporary_folder, is_busy
from dx_local.engine.executors.remote.parsl.pool_ids import pool_id
from dx_local.engine.executors.remote.parsl.requirement import parsl_program
from dx_local.engine.executors.remote.parsl.run_folders import folder_to_hide
from dx_local.engine.executors.zygote_start.process import PRIVATE_VARIABLE
from dx_local.worker.process.linux import die_with_parent
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_KEYS_OPTION = "--cert_dir"
_GRACE_SECONDS = 2.0
_SECONDS_BETWEEN_LOOKS = 0.5
_SHORT_PLACE = "/tmp"  # noqa: S108 - for a folder that only this user can enter
# The path of a socket has 107 bytes at most (unix(7)), of which multiprocessing and our folder take 55.
_LONGEST_PLACE = 50


def run_pool(node: str, arguments: Sequence[str]) -> int:
    """Run the pool of a node with arguments of process_worker_pool.py, and return its exit code."""
    folder = _make_folder()
    os.environ |= {NODE_VARIABLE: node, FOLDER_VARIABLE: str(folder)}
    hide_temporary_folder(folder)
    if keys := folder_to_hide(arguments[arguments.index(_KEYS_OPTION) + 1]):
        os.environ[PRIVATE_VARIABLE] = str(keys)
    program = str(parsl_program("process_worker_pool.py"))
    pool = subprocess.Popen(
        [sys.executable, program, *arguments, "--uid", pool_id(node)],
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
    )

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form of a handler
        with suppress(ProcessLookupError):
            os.killpg(pool.pid, signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        code = _await_end(pool, folder)
        _kill_rest(pool.pid)
    finally:
        remove_tree(folder, ignore_errors=True)
        _remove_left()
    return code if code >= 0 else 128 - code


def _make_folder() -> Path:
    """Make the pool's folder, for marks and for sockets, whose paths must be short."""
    place = tempfile.gettempdir()
    if len(place) > _LONGEST_PLACE and os.access(_SHORT_PLACE, os.W_OK):
        place = _SHORT_PLACE
    return Path(tempfile.mkdtemp(prefix="dx-local-pool-", dir=place))


def _remove_left() -> None:
    """Remove the folders and control groups of workers that were killed, and could not do so themselves."""
    # Imported here, as the pool begins sooner without.
    from dx_local.engine.executors.cgroups import remove_all_left
    from dx_local.engine.executors.remote.node.agent import remove_abandoned_folders

    remove_abandoned_folders()
    remove_all_left()


def _await_end(pool: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait for the end of a pool, and return its exit code."""
    known: set[int] = set()
    while pool.poll() is None:
        children = set(_children(pool.pid))
        if any(not is_busy(folder, lost) for lost in known - children) and pool.poll() is None:
            print("A process of the worker pool was killed.", file=sys.stderr)  # noqa: T201 - for the log
            pool.kill()
        known = children
        with suppress(subprocess.TimeoutExpired):
            pool.wait(_SECONDS_BETWEEN_LOOKS)
    return pool.wait()


def _children(pid: int) -> list[int]:
    """Return the children of a process; none if the system has no /proc."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _kill_rest(group: int) -> None:
    """Terminate the processes of a group; kill those that are left after a moment."""
    deadline = time.monotonic() + _GRACE_SECONDS
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            time.sleep(0.05)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)
