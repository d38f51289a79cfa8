"""Hearing of children that end, in a loop that waits for other things as well."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.process import linux
from dx_local.worker.process.usage import Usage, usage_of

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


class Death(NamedTuple):
    """A child that has ended."""

    pid: int
    session: int
    """The leader of its session; 0 where that cannot be told."""
    status: int
    """As wait(2) returns it."""
    usage: Usage


def ended(options: int = os.WNOHANG) -> Iterator[Death]:
    """Yield each child that has ended and was not waited for; without WNOHANG, until no child is left."""
    while True:
        try:
            pid, session = linux.next_death(options)
            pid, status, used = os.wait4(pid or -1, options)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield Death(pid, session, status, usage_of(used))
