"""Notice and reap children that exit, in a loop that waits for other events as well."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.process import linux
from dx_local.worker.process.usage import Usage, usage_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class ExitNotifier:
    """A file for selectors that becomes readable when children exit; at most one in a process at a time.

    SIGCHLD alone would not do: it could arrive just before the loop starts to wait, and be missed. Python
    writes a byte to the wakeup file for each signal, and the byte stays until it is read.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def fileno(self) -> int:
        """Return the file that becomes readable."""
        return self._reader.fileno()

    def clear(self) -> None:
        """Discard the notifications so far; call it before `reap_children`, so that no exit is missed."""
        self._reader.recv(4096)


class ChildExit(NamedTuple):
    """A child that has exited."""

    pid: int
    session: int
    """The leader of its session; 0 if unknown."""
    status: int
    """As wait(2) returns it."""
    usage: Usage


def reap_children(options: int = os.WNOHANG) -> Iterator[ChildExit]:
    """Reap and yield each child that has exited; without WNOHANG, until no child is left."""
    while True:
        try:
            # In two steps, because the session of a process is unknown once it has been reaped.
            pid, session = linux.next_exited_child(options)
            pid, status, used = os.wait4(pid or -1, options)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield ChildExit(pid, session, status, usage_of(used))
