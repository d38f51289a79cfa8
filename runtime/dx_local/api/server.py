"""The server: one POST handler for all API routes, run by uvicorn in the caller's asyncio loop."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from dx_local.api import convertors, routes
from dx_local.api.answers import answer_error, answer_json, check_origin
from dx_local.api.identity import identity_routes
from dx_local.api.listening import BACKLOG, HOST, listen, set_no_delay
from dx_local.api.logs import log_route
from dx_local.api.transfers import transfer_routes
from dx_local.platform.core import access
from dx_local.platform.core.context import ANONYMOUS, Context
from dx_local.platform.core.errors import InvalidAuthentication, MalformedJSON, ResourceNotFound
from dx_local.platform.requests import idempotency, strict_json
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from starlette.datastructures import Headers
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send
    from typing_extensions import Self

    from dx_local.api.routes import Call
    from dx_local.platform.core.context import JSON, Caller, Platform

_GRACE = 1.0  # seconds for unfinished responses when the server closes
_WARNINGS_OF_LOST_CLIENTS = ("SSL connection is closed", "socket.send() raised exception.")


class Hooks(Protocol):
    """Hooks into the calls of the API."""

    async def before_call(self, context: Context, entity_id: str, method: str, request: Any) -> None:
        """Delay a call if needed; no transaction is open. The request has not been checked."""

    async def before_answer(
        self, context: Context, entity_id: str, method: str, request: JSON, answer: JSON
    ) -> JSON:
        """Return the answer to a call, possibly delayed or changed; no transaction is open."""
        ...


def build_app(platform: Platform, hooks: Hooks | None = None) -> Starlette:
    """Return the platform's API as an ASGI application."""
    convertors.register()
    api = Route("/{path:anything}", _Api(platform, hooks))
    others = [*transfer_routes(platform), *identity_routes(platform), log_route(platform)]
    return Starlette(routes=[*others, api])


class Server:
    """A context manager that serves the platform's API at a socket that listens, by default a new one.

    The socket is closed with this server. Inside the context, `port` and `url` are its address.
    """

    port = 0

    def __init__(
        self, platform: Platform, *, hooks: Hooks | None = None, listener: socket.socket | None = None
    ) -> None:
        self._platform = platform
        self._hooks = hooks
        self._listener = listener
        self._app = build_app(platform, hooks)

    @property
    def url(self) -> str:
        """The address of the server, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> Self:
        self._socket = self._listener or listen(port=0)
        self.port = self._socket.getsockname()[1]
        self._platform.base_url = self.url
        config = uvicorn.Config(
            self._app,
            access_log=False,
            date_header=False,
            lifespan="off",
            proxy_headers=False,
            log_config=None,
            server_header=False,
            # Clients keep connections open until they exit; closing an idle one would race with its use.
            timeout_keep_alive=24 * 60 * 60,
            ws=_web_socket,  # type: ignore[arg-type]  # it is only ever called
            ws_per_message_deflate=False,
        )
        self._uvicorn = _Uvicorn(config)
        self._joining: set[asyncio.Task[None]] = set()
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        await self._uvicorn.is_up.wait()
        return self

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Also serve these routes, which come before those of the API."""
        self._app.router.routes[:0] = routes

    def answer_at(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """Also serve a socket that is already listening, encrypted or not; it is closed with this server."""
        task = asyncio.ensure_future(self._uvicorn.answer_at(listener, tls))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.gather(*self._joining)
        self._uvicorn.is_closing.set()
        await self._serving


def _web_socket(*arguments: Any, **options: Any) -> asyncio.Protocol:
    """Return uvicorn's web socket protocol, imported only on use because that takes long."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(*arguments, **options)


def _is_of_interest(record: logging.LogRecord) -> bool:
    """Return whether a warning of asyncio tells more than that a client is gone, which may break off."""
    return record.msg not in _WARNINGS_OF_LOST_CLIENTS


class _Uvicorn(uvicorn.Server):
    """Uvicorn in a loop that it does not own: it installs no signal handlers and does not poll."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self.is_closing = asyncio.Event()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def answer_at(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve one more socket; uvicorn itself only accepts sockets at its start."""
        set_no_delay(listener)
        logging.getLogger("asyncio").addFilter(_is_of_interest)

        def protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself does
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_server(protocol, sock=listener, backlog=BACKLOG, ssl=tls))

    async def main_loop(self) -> None:
        self.is_up.set()
        await self.is_closing.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=_GRACE)
        for task in self.server_state.tasks:
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Api:
    """The ASGI application for all POST routes of the API."""

    def __init__(self, platform: Platform, hooks: Hooks | None) -> None:
        self._platform = platform
        self._hooks = hooks
        self._running_work: dict[str, asyncio.Task[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = answer_json(await self._answer(request))
        except Exception as error:  # noqa: BLE001 - any error becomes a response
            response = answer_error(self._platform, error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Any:
        check_origin(request.headers, self._platform.hosts)
        if request.method != "POST":
            raise ResourceNotFound(f"dx-local does not implement {request.method} {request.url.path}")
        call = routes.find(request.url.path)
        caller = self._caller(request.headers) if call.route.needs_token else ANONYMOUS
        context = Context(self._platform, caller, request.headers)
        body = _parse(request.headers, await request.body(), any_json=call.route.takes_any_json)
        if self._hooks is not None:
            await self._hooks.before_call(context, call.entity, call.method, body)
        answer = await self._perform(context, call, body)
        if self._hooks is not None:
            answer = await self._hooks.before_answer(context, call.entity, call.method, body, answer)
        return answer

    async def _perform(self, context: Context, call: Call, body: Any) -> Any:
        while True:
            try:
                if call.frees_space:
                    return self._platform.use_reserve(partial(_perform, context, call, body))
                return _perform(context, call, body)
            except WorkRequired as needed:  # noqa: PERF203 - a call may require work for each of many files
                await self._work(needed)

    async def _work(self, needed: WorkRequired) -> None:
        """Do work in a thread, once for all calls that require it; it continues if a client disconnects."""
        if needed.key not in self._running_work:
            task = asyncio.create_task(asyncio.to_thread(needed.work))
            self._running_work[needed.key] = task
            task.add_done_callback(lambda _: self._running_work.pop(needed.key))
        await asyncio.shield(self._running_work[needed.key])

    def _caller(self, headers: Headers) -> Caller:
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise InvalidAuthentication(
                'You need to be logged in to use this method: send the header "Authorization: Bearer TOKEN"'
            )
        return access.authenticate(self._platform.store, token.strip())


def _perform(context: Context, call: Call, body: Any) -> Any:
    """Execute a call in a transaction, and return its answer."""
    with context.store.transaction():
        if not call.creates:
            return call.route.function(context, call.entity, body)
        route = f"{call.entity}/{call.method}"
        return idempotency.replay(
            context, route, body, lambda: call.route.function(context, call.entity, body)
        )


def _parse(headers: Headers, body: bytes, *, any_json: bool) -> Any:
    if not headers.get("content-type", "").startswith("application/json"):
        raise MalformedJSON('the request requires the header "Content-Type: application/json"')
    try:
        value = strict_json.parse(body)
    except UnicodeEncodeError:
        raise  # `answers` turns it into an error of its own
    except ValueError as error:
        raise MalformedJSON(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict) and not (any_json and isinstance(value, list)):
        raise MalformedJSON("the body must be a JSON hash; send {} for an empty one")
    return value
