"""The sockets to which jobs send log messages, and a pool of those that can serve another job.

File systems such as ext4 take as long to create and remove a socket as jobs take for all of their lines, so a
used pair of sockets is renamed for the next job.

Source: dxpy.dxlog.DXLogHandler.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = ("priority", "bulk")
_LARGEST_DATAGRAM = 64 * 1024


class LogSockets:
    """The two sockets of one job, in the running asyncio loop.

    `prefix` is the common beginning of their paths, without `.priority` and `.bulk`. Raises OSError.
    """

    def __init__(self, prefix: str, pool: LogSocketPool | None = None) -> None:
        self.receive: Callable[[bytes], None] = lambda _: None
        """Called with each datagram."""
        self.prefix = prefix
        self._loop = asyncio.get_running_loop()
        self._pool = pool
        self._paths: list[str] = []
        self._receivers: list[socket.socket] = []
        try:
            for name in _NAMES:
                self._open(f"{prefix}.{name}")
        except OSError:
            self.close()
            raise

    def move(self, prefix: str) -> None:
        """Move the sockets to paths with another prefix. Raises OSError."""
        for position, name in enumerate(_NAMES):
            path = f"{prefix}.{name}"
            os.rename(self._paths[position], path)  # noqa: PTH104
            self._paths[position] = path
        self.prefix = prefix

    def drain(self) -> None:
        """Receive the datagrams that were sent by now."""
        for receiver in self._receivers:
            while self._read(receiver):
                pass

    def release(self) -> None:
        """Give the sockets up: return them to their pool if they are from one, or close them."""
        self.receive = lambda _: None
        if self._pool is None:
            self.close()
        else:
            self._pool.add(self)

    def close(self) -> None:
        """Close and remove the sockets."""
        for receiver in self._receivers:
            self._loop.remove_reader(receiver)
            receiver.close()
        self._receivers.clear()
        for path in self._paths:
            with suppress(FileNotFoundError):
                os.unlink(path)  # noqa: PTH108

    def _open(self, path: str) -> None:
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receivers.append(receiver)
        receiver.setblocking(False)
        receiver.bind(path)
        self._paths.append(path)
        self._loop.add_reader(receiver, self._read, receiver)

    def _read(self, receiver: socket.socket) -> bool:
        """Receive one datagram; return whether there was any."""
        try:
            datagram = receiver.recv(_LARGEST_DATAGRAM)
        except BlockingIOError:
            return False
        self.receive(datagram)
        return True


class LogSocketPool:
    """Pairs of sockets in one folder whose jobs have ended.

    Only use it for jobs of which no process is left at their end, or such a process could log as another job.
    """

    def __init__(self) -> None:
        self._free: dict[str, LogSockets] = {}
        """By their prefixes."""

    def take(self, prefix: str) -> LogSockets:
        """Return sockets with paths that begin with this prefix. Raises OSError."""
        while self._free:
            # The pair of an earlier try of the job is at these paths already: another one would replace its
            # files, and later be found under its name.
            own = self._free.pop(prefix, None)
            sockets = own or self._free.popitem()[1]
            try:
                sockets.move(prefix)
            except OSError:
                sockets.close()
            else:
                return sockets
        return LogSockets(prefix, self)

    def add(self, sockets: LogSockets) -> None:
        """Keep the sockets of a job that has ended."""
        self._free[sockets.prefix] = sockets

    def close(self) -> None:
        """Close the sockets that are free."""
        while self._free:
            self._free.popitem()[1].close()
