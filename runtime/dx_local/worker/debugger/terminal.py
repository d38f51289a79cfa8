"""Borrow the user's terminal; the other side is engine/executors/terminal/loans.py.

The executor lends a pseudo terminal that it connects to the user's. It becomes the standard input, output and
error of this process, but not its controlling terminal: giving that back would hang up the other processes of
the job. The executor sends the signals of Ctrl-C instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

from dx_local.worker import channel

if TYPE_CHECKING:
    from collections.abc import Iterator

_STANDARD_STREAMS = (0, 1, 2)
_FIRST_OTHER_FILE = 10


def request_terminal(
    address: str, job_id: str, reason: str, *, at_end: bool = False
) -> tuple[socket.socket, int, str] | None:
    """Ask for the terminal, and wait until no other job has it.

    `reason` is shown to the user. A job asks once at most with `at_end`, as it fails. Returns the connection,
    which lasts as long as the loan, the terminal as an open file, and the label of the job; None if there is
    no terminal.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    answer: tuple[dict[str, Any], list[int]] | None = None
    with contextlib.suppress(OSError):
        connection.connect(address)
        channel.send(connection, {"job": job_id, "reason": reason, "at_end": at_end})
        answer = channel.receive(connection)
    if answer is None or not answer[1]:
        connection.close()
        return None
    return connection, answer[1][0], answer[0]["label"]


class BorrowedTerminal:
    """The user's terminal as the standard streams of this process while it is borrowed.

    It belongs to one thread at a time; others wait. `kind` is the value of TERM.
    """

    def __init__(self, address: str, job_id: str, kind: str) -> None:
        self._address = address
        self._job_id = job_id
        self._kind = kind
        self._turn = threading.Lock()
        self._holder: int | None = None
        self._connection: socket.socket | None = None
        self._kept: list[int | None] = []
        self._streams: tuple[Any, ...] = ()

    def borrow(self, reason: str, *, at_end: bool = False) -> bool:
        """Borrow the terminal unless this thread has it; return False if there is none."""
        if self._holder == threading.get_ident():
            return True
        self._turn.acquire()
        granted = request_terminal(self._address, self._job_id, reason, at_end=at_end)
        if granted is None:
            self._turn.release()
            return False
        self._connection, terminal, _label = granted
        self._holder = threading.get_ident()
        _flush()
        self._kept = [_kept_copy(file) for file in _STANDARD_STREAMS]
        for file in _STANDARD_STREAMS:
            os.dup2(terminal, file)
        os.close(terminal)
        self._streams = tuple(
            open(file, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
            for file, mode in zip(_STANDARD_STREAMS, "rww")  # noqa: B905  (workers may run Python 3.8)
        )
        return True

    def give_back(self) -> None:
        """Give the terminal back if this thread has it; the process gets its own streams back."""
        if self._holder != threading.get_ident() or self._connection is None:
            return
        _flush(*self._streams)
        for file, kept in zip(_STANDARD_STREAMS, self._kept):  # noqa: B905  (workers may run Python 3.8)
            if kept is None:
                os.close(file)
            else:
                os.dup2(kept, file)
                os.close(kept)
        # A message, because a child that was forked meanwhile keeps the connection open.
        with contextlib.suppress(OSError):
            channel.send(self._connection, {"returned": True})
        self._connection.close()
        self._connection, self._streams, self._holder = None, (), None
        self._turn.release()

    @contextlib.contextmanager
    def as_variable(self) -> Iterator[None]:
        """Set TERM, which jobs do not have, and which readline reads when it is imported."""
        if "TERM" in os.environ:
            yield
            return
        os.environ["TERM"] = self._kind
        try:
            yield
        finally:
            del os.environ["TERM"]

    @contextlib.contextmanager
    def as_python_streams(self) -> Iterator[None]:
        """Make the borrowed terminal sys.stdin, sys.stdout and sys.stderr, which an app may have replaced."""
        kept = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = self._streams
        try:
            yield
        finally:
            _flush(*self._streams[1:])
            sys.stdin, sys.stdout, sys.stderr = kept


def _kept_copy(file: int) -> int | None:
    """Return a copy of an open file that child processes do not inherit; None if the app has closed it."""
    try:
        return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, _FIRST_OTHER_FILE)
    except OSError:
        return None


def _flush(*streams: Any) -> None:
    for stream in (sys.stdout, sys.stderr, *streams):
        with contextlib.suppress(Exception):  # an app may replace a stream by any object
            stream.flush()
