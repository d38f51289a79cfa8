"""The API server for jobs with a network of their own: forward their connections to the real one."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import socket
    from collections.abc import Coroutine, Sequence

    from starlette.routing import BaseRoute

    from dx_local.engine.executors.remote.assignment import Assignment

_BLOCK = 256 << 10


class Forwarder:
    """An `Api` on a node, in one asyncio loop; the server listens on the submitting machine."""

    def __init__(self, assignment: Assignment) -> None:
        url = urlsplit(assignment.control)
        self._address = url.hostname, url.port
        self.port = int(assignment.loopback_port)
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    def answer_at(self, listener: socket.socket) -> None:
        """Forward the connections that a socket accepts."""
        listener.setblocking(False)
        self._begin(self._serve(listener))

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Raise NotImplementedError: a node has no routes."""
        raise NotImplementedError

    def listen_at(self, host: str) -> None:
        """Raise NotImplementedError: a node listens for its jobs alone."""
        raise NotImplementedError

    def accept_host(self, host: str) -> None:
        """Raise NotImplementedError: the server decides on that."""
        raise NotImplementedError

    async def close(self) -> None:
        """End all connections."""
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, listener: socket.socket) -> None:
        self._servers.append(await asyncio.start_server(self._accept, sock=listener))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._address)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, upstream_writer), _pump(upstream_reader, writer))
        finally:
            writer.close()
            upstream_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
