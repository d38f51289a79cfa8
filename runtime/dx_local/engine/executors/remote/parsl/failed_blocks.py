"""Find requests for nodes that ended before a worker came up, and explain them by what they printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parsl.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from parsl.jobs.states import JobStatus

# Parsl's last words on a node that does not reach the interchange.
_UNREACHED = re.compile(r"No viable ZMQ url from: tcp://(\S+)")
_MOST_LINES = 20
_MOST_BYTES = 4096
_MOST_FAILURES = 3
# Parsl calls a request that ended without a registered worker MISSING, unless dx-local ended it.
_WITHOUT_WORKER = frozenset({JobState.MISSING, JobState.FAILED})


class FailedBlocks:
    """Notices each request that failed, and gives up if no other brings a node.

    `announce` gets a message if other nodes go on, and `give_up` one if there are none, or if requests keep
    failing; both are called in a thread of Parsl.
    """

    def __init__(self, announce: Callable[[str], None], give_up: Callable[[str], None]) -> None:
        self._announce = announce
        self._give_up = give_up
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, executor: Any, status: Mapping[str, JobStatus]) -> None:
        """Look at the states of the requests of an executor, by their numbers."""
        failed = {block: state for block, state in status.items() if state.state in _WITHOUT_WORKER}
        new = [block for block in failed if (executor.label, block) not in self._seen]
        if not new or executor.bad_state_is_set:
            return
        # Parsl calls a request FAILED whose node has come up and was lost later.
        lost = set(executor.connected_blocks()).intersection(failed)
        failed = {block: state for block, state in failed.items() if block not in lost}
        self._seen |= {(executor.label, block) for block in lost}
        new = [block for block in new if block not in lost]
        if not new:
            return
        self._seen |= {(executor.label, block) for block in new}
        message = _explanation(failed[new[-1]])
        if any(manager["active"] for manager in executor.connected_managers()):
            if len(failed) >= _MOST_FAILURES:
                # Each failure would be followed by the next request.
                executor.provider.max_blocks = sum(not state.terminal for state in status.values())
                message += "\nNo more nodes are requested."
            self._announce(message)
        else:
            self._give_up(message)


def _explanation(status: JobStatus) -> str:
    """Return the end of a request as text, with the last lines of its standard error if there are any."""
    if status.state == JobState.FAILED and status.message:
        return f"A node could not be requested: {' '.join(status.message.split())}"
    code = "" if status.exit_code is None else f" with exit code {status.exit_code}"
    text = f"A batch job ended{code} before a worker came up on its node."
    lines = _last_lines(status.stderr_path)
    if lines is None:
        return (
            f"{text} Its output file does not exist. Nodes must see the folder"
            f" {_folder(status)!r}: set `run_dir` in [executor] to a folder on a file system that they share."
        )
    if not lines:
        return f"{text} It printed nothing."
    if place := _UNREACHED.search(lines[-1]):
        return (
            f"A node came up, but cannot connect to this machine at {place[1]}. Choose the address at which"
            " nodes reach this machine with --listen. Its firewall must let them through to `worker_port` of"
            " [executor] and to the port of --listen."
        )
    return "\n".join([f"{text} It printed:", *(f"  {line}" for line in lines)])


def _folder(status: JobStatus) -> str:
    return str(Path(status.stderr_path).parent.parent) if status.stderr_path else "run_dir"


def _last_lines(path: str | None) -> list[str] | None:
    """Return the last lines of a file; None if it does not exist."""
    if path is None:
        return []
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _MOST_BYTES))
            return file.read().decode(errors="replace").splitlines()[-_MOST_LINES:]
    except OSError:
        return None
