"""The executor's side of a zygote: its process, and the socket to it, in the asyncio loop."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.worker import channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.executors.protocol import Api
    from dx_local.engine.executors.zygote_start.process import StartedZygote

_RECEIVE_BYTES = 64 * 1024
_LAST_LINES = 10
_LEAVING_SECONDS = 1.0


@dataclass(frozen=True)
class ZygoteCapabilities:
    """The isolation and the warm tools that a zygote can provide to its jobs."""

    no_sandbox_reason: str | None = None
    """Reason why jobs have no sandbox, or None."""
    no_pid_namespace_reason: str | None = None
    """Reason why sandboxes have no PID namespace, or None."""
    no_network_reason: str | None = None
    """Reason why jobs keep the network of this machine although they should not, or None."""
    cold_tools_reason: str | None = None
    """Reason why each call of `dx` and `dx-*` starts a program, or None."""
    lacks_library: bool = False
    """True if bash jobs are forked because the library that starts them could not be compiled or loaded."""
    has_own_network: bool = False
    """True if jobs without network access have a network of their own, in which only the API answers."""


class ZygoteProcess:
    """One zygote; `capabilities` is the content of its first message.

    The API is for jobs that can reach nothing else, or None if there are none.
    """

    def __init__(
        self,
        started: StartedZygote,
        api: Api | None,
        *,
        on_message: Callable[[dict[str, Any]], None],
        on_gone: Callable[[ZygoteProcess], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.capabilities: asyncio.Future[ZygoteCapabilities] = self._loop.create_future()
        self._api = api
        self._on_message = on_message
        self._on_gone = on_gone
        self._received = b""
        self._outgoing: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._process, self._socket, self._log = started
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._receive)
        self.send({"port": api.port if api else 0})

    def send(self, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
        """Send a message and open files, which are closed on this side; do nothing if the zygote is dead."""
        self._outgoing.append((channel.pack(message), files))
        self._flush()

    def hang_up(self) -> None:
        """Make the zygote kill all its jobs and exit; `gone` is done when it has."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def last_words(self) -> str:
        """Return the last lines that the zygote itself printed."""
        try:
            printed = self._log.read_text("utf-8", "replace")
        except FileNotFoundError:  # it ended in order, and removed its folder
            return ""
        return "\n".join(printed.splitlines()[-_LAST_LINES:])

    def _flush(self) -> None:
        while self._outgoing:
            data, files = self._outgoing[0]
            try:
                sent = socket.send_fds(self._socket, [data], files) if files else self._socket.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._flush)
                return
            except OSError:
                sent = len(data)  # the zygote is gone, which `_receive` will notice
            for file in files:
                os.close(file)
            if sent < len(data):
                self._outgoing[0] = (data[sent:], ())
            else:
                self._outgoing.popleft()
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            data, listeners, _, _ = socket.recv_fds(self._socket, _RECEIVE_BYTES, 1)
        except BlockingIOError:
            return
        except ConnectionError:
            data, listeners = b"", []
        for listener in listeners:
            assert self._api is not None
            self._api.answer_at(socket.socket(fileno=listener))
        messages, self._received = channel.unpack(self._received + data)
        for message in messages:
            if "no_sandbox_reason" in message:
                self.capabilities.set_result(ZygoteCapabilities(**message))
            else:
                self._on_message(message)
        if not data:
            self._end()

    def _end(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._flush()
        # The socket closes first; the process needs a moment more to exit by itself.
        _wait(self._process, _LEAVING_SECONDS)
        self._process.kill()
        self._process.wait()
        if not self.capabilities.done():
            self.capabilities.set_result(ZygoteCapabilities())
        self._on_gone(self)
        self.gone.set_result(None)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for the end of a process, at most some seconds; if possible, without polling."""
    try:
        file = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # only Linux has it
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return
    poll = select.poll()
    poll.register(file, select.POLLIN)
    poll.poll(seconds * 1000)
    os.close(file)
