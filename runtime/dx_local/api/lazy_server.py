"""A server that listens at once and is imported when the first client connects.

Many short runs end without a request, and the import of the server takes a fifth of their time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dx_local.api.listening import HOST, listen

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

    from starlette.routing import BaseRoute
    from typing_extensions import Self

    from dx_local.api.server import Hooks, Server
    from dx_local.platform.core.context import Platform


class LazyServer:
    """A context manager that serves the platform's API as `Server` does, on a loopback port."""

    def __init__(self, platform: Platform, *, hooks: Hooks | None = None, port: int = 0) -> None:
        self._platform = platform
        self._hooks = hooks
        self.port = port
        self._routes: list[BaseRoute] = []
        self._listeners: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._starting: asyncio.Task[None] | None = None
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        listener = listen(self.port)
        self.port = listener.getsockname()[1]
        self._platform.base_url = f"http://{HOST}:{self.port}"
        self.answer_at(listener)
        return self

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Also serve these routes, which come before those of the API."""
        self._routes[:0] = routes
        if self._server:
            self._server.add_routes(routes)

    def answer_at(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Also serve a socket that is already listening, encrypted or not; it is closed with this server."""
        if self._server:
            self._server.answer_at(listener, tls)
            return
        self._listeners.append((listener, tls))
        if self._starting is None:
            asyncio.get_running_loop().add_reader(listener, self._start)

    def accept_host(self, host: str) -> None:
        """Also serve clients that reach the server as `HOST:PORT`."""
        self._platform.hosts.add(host)

    def _start(self) -> None:
        self._stop_waiting()
        self._starting = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        try:
            from dx_local.api.server import Server

            server = Server(self._platform, hooks=self._hooks, listener=self._listeners[0][0])
            await server.__aenter__()
        except BaseException:
            self._close_listeners()  # so that clients do not wait for an answer
            raise
        if self._routes:
            server.add_routes(self._routes)
        for listener, tls in self._listeners[1:]:
            server.answer_at(listener, tls)
        self._server = server

    def _stop_waiting(self) -> None:
        for listener, _ in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)

    def _close_listeners(self) -> None:
        for listener, _ in self._listeners:
            listener.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._starting:
            await self._starting
        if self._server:
            await self._server.__aexit__(kind, error, traceback)
            return
        self._stop_waiting()
        self._close_listeners()
