"""The API server for jobs on a node: forward their connections to the real one, encrypted if it is far away.

Jobs with a network of their own find it there. If the connections of nodes are encrypted, the other jobs find
it at a port of the node's loopback interface: so clients in jobs need to know no certificate.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dx_local.api.listening import HOST, listen
from dx_local.engine.executors.remote.encryption import node_context
from dx_local.engine.server_variables import api_server_variables, auth_server_variables

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Coroutine, Sequence

    from starlette.routing import BaseRoute

    from dx_local.engine.executors.remote.assignment import Assignment

_MOST_UNSENT = 1 << 20  # bytes
_PAUSE_SECONDS = 0.1


class Forwarder:
    """An `Api` on a node, in one asyncio loop; the server listens on the submitting machine."""

    def __init__(self, assignment: Assignment) -> None:
        url = urlsplit(assignment.control)
        self._host, self._port = str(url.hostname), url.port or 80
        self._tls = node_context(assignment.certificate) if assignment.certificate else None
        self.port = int(assignment.loopback_port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[_End] = set()
        self.near_port: int | None = None
        """Port at which jobs in the network of this node reach the API; None if they reach it directly."""
        near = url.netloc
        if self._tls:
            listener = listen(port=0)
            self.near_port = listener.getsockname()[1]
            near = f"{HOST}:{self.near_port}"
            self.answer_at(listener)
        self.variables = {**api_server_variables(f"http://{near}"), **auth_server_variables(f"http://{near}")}
        """Environment variables of jobs in the network of this node."""

    def answer_at(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Forward the connections that a socket accepts, which are not encrypted."""
        assert tls is None
        listener.setblocking(False)
        self._begin(self._serve(listener))

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Raise NotImplementedError: a node has no routes."""
        raise NotImplementedError

    def accept_host(self, host: str) -> None:
        """Raise NotImplementedError: the server decides on that."""
        raise NotImplementedError

    async def close(self) -> None:
        """End all connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in list(self._ends):
            end.transport.abort()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listener)
                except OSError:  # noqa: PERF203 - aborted, or too many open files
                    await asyncio.sleep(_PAUSE_SECONDS)
                else:
                    self._begin(self._forward(connection))

    async def _forward(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            # The server sends nothing before it gets a request, so its end can wait for the other.
            _, far = await loop.create_connection(
                lambda: _End(self._ends), self._host, self._port, ssl=self._tls
            )
        except BaseException as error:
            connection.close()
            if isinstance(error, OSError):
                return
            raise
        await loop.connect_accepted_socket(lambda: _End(self._ends, far), connection)


class _End(asyncio.Protocol):
    """One end of a forwarded connection; all that it receives is sent at the other end."""

    transport: asyncio.Transport

    def __init__(self, ends: set[_End], other: _End | None = None) -> None:
        self._ends = ends
        self._other = other
        self._has_received_all = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to forward, if this is the second end."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ends.add(self)
        transport.set_write_buffer_limits(_MOST_UNSENT)
        if self._other:
            self._other._other = self  # noqa: SLF001 - of the same class
            if self._other.transport.is_closing():
                transport.close()

    def data_received(self, data: bytes) -> None:
        """Send the bytes at the other end."""
        assert self._other
        self._other.transport.write(data)

    def pause_writing(self) -> None:
        """Receive nothing at the other end until the bytes are sent."""
        if self._other:
            self._other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Receive again at the other end."""
        if self._other:
            self._other.transport.resume_reading()

    def eof_received(self) -> bool:
        """End the other end's stream; return whether the connection stays open, for the other direction."""
        self._has_received_all = True
        if self._other is None:
            return False
        if self._other._has_received_all:  # noqa: SLF001 - of the same class
            self._other.transport.close()
            return False
        if not self._other.transport.can_write_eof():
            return False  # the server would end the connection too
        self._other.transport.write_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - either end may be at fault
        """Close the other end after all that is still to be sent."""
        self._ends.discard(self)
        if self._other:
            self._other.transport.close()
