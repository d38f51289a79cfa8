"""Hearing of children that end, in a loop that waits for other things as well."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Deaths:
    """What a selector waits on for children of this process to end; one in a process at a time."""

    def __init__(self) -> None:
        self._news, self._wakeup = socket.socketpair()
        self._news.setblocking(False)
        self._wakeup.setblocking(False)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def fileno(self) -> int:
        """Return the file that can be read once children have ended."""
        return self._news.fileno()

    def heard(self) -> None:
        """Take note of the news, before `ended` is asked."""
        self._news.recv(4096)


def ended() -> Iterator[tuple[int, int]]:
    """Yield the process ID and wait status of each child that has ended and was not waited for."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status
