"""Lend the user's terminal to jobs that stop in a debugger: to one job at a time, first come, first served.

A job asks at a socket in the executor's folder, and gets a pseudo terminal that is connected to the user's.
The job's side is worker/debugger/terminal.py.

    job → executor   {"job": job ID, "reason": text for the user, "at_end": whether the job has failed, so
                     that it asks for the last time}
    executor → job   {"label": the job's label} with the terminal; {} if there is none
    job → executor   {"returned": true}, or the end of the connection
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console.text import plain
from dx_local.engine.executors.terminal.relay import Relay
from dx_local.engine.executors.terminal.user_terminal import open_user_terminal
from dx_local.worker import channel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dx_local.engine.executors.terminal.callbacks import TerminalCallbacks
    from dx_local.engine.executors.terminal.user_terminal import UserTerminal

_MOST_WAITING_JOBS = 128
_LONGEST_REQUEST = 4096  # bytes
_LONGEST_REASON = 200  # characters
_CREDENTIALS = struct.Struct("3i")  # process, user, group; source: unix(7)
_LOCAL_LEVEL, _LOCAL_PEER_PID = 0, 2  # source: sys/un.h of macOS


class TerminalLoans:
    """The queue of jobs for the user's terminal, in the asyncio loop in which it listens.

    `log` gets the lines of a job's conversation with its debugger, and whether the user has seen them.
    """

    def __init__(self, callbacks: TerminalCallbacks, log: Callable[[str, list[str], bool], None]) -> None:
        self._callbacks = callbacks
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._listener: socket.socket | None = None
        self._requests: set[_Request] = set()
        self._queue: deque[_Request] = deque()
        self._loan: _Loan | None = None
        self._asking: Counter[str] = Counter()  # the number of requests of each job
        self._ended: set[str] = set()  # jobs that have asked for the last time
        self._detached: list[Relay] = []

    def listen(self, folder: Path) -> None:
        """Serve jobs on a socket in a folder that only the user can enter."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(folder / channel.TERMINAL_SOCKET))
        self._listener.listen(_MOST_WAITING_JOBS)
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Stop serving, and restore the user's terminal."""
        if self._listener:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        self._queue.clear()
        if self._loan:
            self._loan.relay.close()
            self._returned(self._loan)
        for request in list(self._requests):
            self._close_request(request)
        for relay in self._detached:
            relay.close()

    def _accept(self) -> None:
        assert self._listener
        with suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            request = _Request(connection)
            self._requests.add(request)
            self._loop.add_reader(connection, self._read, request)

    def _read(self, request: _Request) -> None:
        try:
            data = request.connection.recv(_LONGEST_REQUEST)
            messages, request.received = channel.unpack(request.received + data)
        except BlockingIOError:
            return
        except (ConnectionError, ValueError, TypeError):
            data, messages = b"", []
        for message in messages:
            if "job" in message:
                self._ask(request, message)
            else:
                data = b""
        if not data or len(request.received) > _LONGEST_REQUEST:
            self._close_request(request)

    def _ask(self, request: _Request, message: dict[str, Any]) -> None:
        """Lend the terminal to a job, or note that it waits for it."""
        job_id, at_end = str(message["job"]), message.get("at_end") is True
        label = self._callbacks.label(job_id)
        if label is None or request.job_id or (at_end and job_id in self._ended):
            self._refuse(request)
            return
        if at_end:
            self._ended.add(job_id)
        request.job_id, request.label = job_id, plain(label)
        request.reason = plain(str(message.get("reason")))[:_LONGEST_REASON]
        self._asking[job_id] += 1
        if self._asking[job_id] == 1:
            self._callbacks.stop_clock(job_id)
        if self._loan and self._loan.job_id == job_id and self._loan.users:
            self._loan.add(request)
            return
        self._queue.append(request)
        if self._loan:
            self._loan.relay.show(f"{request.label} waits for the terminal")
        self._lend_next()

    def _lend_next(self) -> None:
        while self._queue and self._loan is None:
            request = self._queue.popleft()
            user = open_user_terminal()
            if user is None:
                self._refuse(request)
                continue
            self._callbacks.hold_display()
            banner = f"--- {request.label} {request.reason}"
            user.write(f"{banner}\n".encode("utf-8", "replace"))
            self._log(request.job_id, [banner], True)
            self._loan = _Loan(request.job_id, self._relay(user, request))
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
                self._loop.add_signal_handler(signal.SIGWINCH, self._loan.relay.resize)
            self._loan.add(request)

    def _relay(self, user: UserTerminal, request: _Request) -> Relay:
        def log(lines: list[str]) -> None:
            is_seen = self._loan is not None and self._loan.relay is relay
            self._log(request.job_id, lines, is_seen)

        relay = Relay(user, request.process_group, log)
        return relay

    def _refuse(self, request: _Request) -> None:
        request.answer({})
        self._close_request(request)

    def _close_request(self, request: _Request) -> None:
        """End a request; if it was the last one of the job that has the terminal, end the loan."""
        if request not in self._requests:
            return
        self._requests.remove(request)
        self._loop.remove_reader(request.connection)
        request.connection.close()
        with suppress(ValueError):
            self._queue.remove(request)
        loan = self._loan
        if loan and request in loan.users:
            loan.users.remove(request)
            if not loan.users:
                loan.relay.end(lambda: self._returned(loan))
        if request.job_id:
            self._asking[request.job_id] -= 1
            if not self._asking[request.job_id] and not (loan and loan.job_id == request.job_id):
                self._go_on(request.job_id)

    def _returned(self, loan: _Loan) -> None:
        self._loan = None
        with suppress(NotImplementedError, RuntimeError, ValueError):
            self._loop.remove_signal_handler(signal.SIGWINCH)
        self._detached.append(loan.relay)
        self._callbacks.release_display()
        if not self._asking[loan.job_id]:
            self._go_on(loan.job_id)
        self._lend_next()

    def _go_on(self, job_id: str) -> None:
        del self._asking[job_id]
        self._callbacks.start_clock(job_id)


class _Request:
    """A connection by which a process of a job asks for the terminal; it lasts until the terminal is back."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.process_group = _process_group(connection)
        self.received = b""
        self.job_id = ""
        self.label = ""
        self.reason = ""

    def answer(self, message: dict[str, Any], files: Sequence[int] = ()) -> None:
        with suppress(OSError):  # the process may have ended
            channel.send(self.connection, message, files)


class _Loan:
    """The terminal while one job has it; more than one process of that job may use it."""

    def __init__(self, job_id: str, relay: Relay) -> None:
        self.job_id = job_id
        self.relay = relay
        self.users: list[_Request] = []

    def add(self, request: _Request) -> None:
        """Pass the terminal to a process."""
        self.users.append(request)
        terminal = self.relay.open_slave()
        request.answer({"label": request.label}, [terminal])
        os.close(terminal)


def _process_group(connection: socket.socket) -> int | None:
    """Return the process group at the other end, None if it is unknown or that of this process."""
    try:
        if sys.platform == "darwin":
            process = connection.getsockopt(_LOCAL_LEVEL, _LOCAL_PEER_PID)
        else:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            process = _CREDENTIALS.unpack(credentials)[0]
        group = os.getpgid(process)
    except OSError:
        return None
    return None if group == os.getpgrp() else group
