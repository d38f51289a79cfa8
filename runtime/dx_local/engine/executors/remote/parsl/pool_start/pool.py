"""Run Parsl's worker pool on a node, and leave no process of the pool behind when it ends.

If the pool is killed, its workers and the helper processes of Python's multiprocessing would stay: this
process, its parent, kills them. It also ends a pool that may be stuck: one of which a process was killed that
ran no job, and one whose dx-local is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.executors import owned_folders
from dx_local.engine.executors.remote.node.node_name import NODE_VARIABLE
from dx_local.engine.executors.remote.parsl.busy_marks import FOLDER_VARIABLE, hide_temporary_folder, is_busy
from dx_local.engine.executors.remote.parsl.pool_ids import pool_id
from dx_local.engine.executors.remote.parsl.pool_start.ending import (
    Heir,
    end_group,
    remove_left,
)
from dx_local.engine.executors.remote.parsl.pool_start.fence import Fence, owner_of_pool
from dx_local.engine.executors.remote.parsl.requirement import parsl_program
from dx_local.engine.executors.remote.parsl.run_folders import folder_to_hide
from dx_local.engine.executors.zygote_start.process import PRIVATE_VARIABLE
from dx_local.worker.process.linux import die_with_parent
from dx_local.worker.process.signals import ENDING_SIGNALS
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.process.locks import Lock

_PREFIX = "dx-pool-"
_KEYS_OPTION = "--cert_dir"
_ADDRESSES_OPTION = "-a"
_PORT_OPTION = "--port="
_SECONDS_BETWEEN_LOOKS = 0.5
_SHORT_PLACE = "/tmp"  # noqa: S108 - for a folder that only this user can enter
# The path of a socket has 107 bytes at most (unix(7)), of which multiprocessing and our folder take 55.
_LONGEST_PLACE = 50


def run_pool(node: str, arguments: Sequence[str]) -> int:
    """Run the pool of a node with arguments of process_worker_pool.py, and return its exit code."""
    stops: list[int] = []
    for number in ENDING_SIGNALS:
        signal.signal(number, lambda number, _frame: stops.append(number))
    fence = _fence(arguments)
    folder, lock = _make_folder()
    os.environ |= {NODE_VARIABLE: node, FOLDER_VARIABLE: str(folder)}
    hide_temporary_folder(folder)
    if keys := folder_to_hide(_value(arguments, _KEYS_OPTION)):
        os.environ[PRIVATE_VARIABLE] = str(keys)
    program = str(parsl_program("process_worker_pool.py"))
    pool = subprocess.Popen(
        [sys.executable, program, *arguments, "--uid", pool_id(node)],
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has one thread
    )
    heir = Heir(pool.pid, folder)
    try:
        _await_end(pool, folder, fence, stops)
    finally:
        end_group(pool.pid, pool.poll)
        remove_left(folder)
        heir.dismiss()
        lock.release()
    code = pool.wait()
    return code if code >= 0 else 128 - code


def _fence(arguments: Sequence[str]) -> Fence:
    """Return the fence for the interchange that the pool's arguments name."""
    port = next(word.removeprefix(_PORT_OPTION) for word in arguments if word.startswith(_PORT_OPTION))
    return Fence(_value(arguments, _ADDRESSES_OPTION).split(","), int(port), owner_of_pool())


def _value(arguments: Sequence[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def _make_folder() -> tuple[Path, Lock]:
    """Make the pool's folder, for marks and for sockets, whose paths must be short, and return its lock.

    Folders of pools that were killed are removed.
    """
    place = Path(tempfile.gettempdir())
    if len(str(place)) > _LONGEST_PLACE and os.access(_SHORT_PLACE, os.W_OK):
        place = Path(_SHORT_PLACE)
    for left in owned_folders.abandoned(place.glob(f"{_PREFIX}*")):
        remove_tree(left, ignore_errors=True)
    folder = place / f"{_PREFIX}{os.urandom(4).hex()}"
    return folder, owned_folders.make(folder, 0o700)


def _await_end(pool: subprocess.Popen[bytes], folder: Path, fence: Fence, stops: Sequence[int]) -> None:
    """Wait until a pool has ended or must end; `stops` are the signals that this process got."""
    known: set[int] = set()
    while pool.poll() is None and not stops:
        children = set(_children(pool.pid))
        problem = fence.problem()
        if any(not is_busy(folder, lost) for lost in known - children) and pool.poll() is None:
            problem = "A process of the worker pool was killed."
        if problem:
            print(problem, file=sys.stderr, flush=True)  # noqa: T201 - for the log
            return
        known = children
        with suppress(subprocess.TimeoutExpired):
            pool.wait(_SECONDS_BETWEEN_LOOKS)


def _children(pid: int) -> list[int]:
    """Return the children of a process; none if the system has no /proc."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]
