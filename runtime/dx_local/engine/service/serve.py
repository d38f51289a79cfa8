"""Serve a platform that persists: lock its state folder, and answer clients until the end."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.environments.python_environments import EnvironmentBuildError
from dx_local.engine.mapped_objects.known_assets import known_assets
from dx_local.engine.mapped_objects.project_file import local_data
from dx_local.engine.scheduling.disk_reserve import reporting_full_disk
from dx_local.engine.service import client_environment
from dx_local.engine.service.state_folder import ServerInfo, StateError, hold
from dx_local.engine.session import Session, SessionOptions
from dx_local.errors import UsageError
from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.core.store import UnknownSchema
from dx_local.platform.data import file_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dx_local.engine.session import Observer
    from dx_local.engine.settings import JobSettings


@dataclass(frozen=True)
class ServeRequest:
    """A platform to serve; without a port, its last one is used again if it is free.

    With `has_ui`, the server also has pages for a browser, whose link is announced once.
    """

    folder: Path
    settings: JobSettings
    port: int | None = None
    fresh: bool = False
    has_ui: bool = False
    lends_terminal: bool = False
    """True if jobs that stop in a debugger may borrow the terminal of this process."""


@asynccontextmanager
async def serving(request: ServeRequest, observer: Observer) -> AsyncIterator[ServerInfo]:
    """Serve the platform of a state folder inside this context; yield the address and token of its server.

    Token and secret survive restarts. Raises StateError, UsageError or DiskFullError before anything is
    served.
    """
    folder = request.folder.absolute()
    async with AsyncExitStack() as stack:
        with reporting_full_disk(folder, "--state"):
            saved = await _begin(request, folder, observer, stack)
        yield saved


async def _begin(
    request: ServeRequest, folder: Path, observer: Observer, stack: AsyncExitStack
) -> ServerInfo:
    state = stack.enter_context(hold(folder, fresh=request.fresh))
    earlier = state.load()
    session = _session(request, folder, observer, _port(request.port, earlier))
    stack.callback(session.platform.store.close)  # in case that the session never begins
    if earlier:
        session.platform.secret = bytes.fromhex(earlier.secret)
    file_bytes.remove_unfinished(session.platform)
    await stack.enter_async_context(session)
    saved = ServerInfo(
        token=session.reserve.use(lambda: _token(session, earlier)),
        secret=session.platform.secret.hex(),
        project=session.reserve.use(session.project),
        port=session.port,
    )
    session.reserve.use(lambda: _install_local_data(session, saved.project, request.settings))
    if request.has_ui:
        _add_pages(session, observer, stack)
    # Saved before the rest, so that a restart finds the same token and secret even after a crash.
    state.save(saved)
    await _prepare_clients(saved, session, folder, observer)
    saved = replace(saved, pid=os.getpid())
    state.save(saved)
    # After `dx logout`, which revokes the token, `dx-local env` prints a new one.
    session.platform.token_subscribers.append(
        lambda: state.save(replace(saved, token=_token(session, saved)))
    )
    return saved


def _install_local_data(session: Session, project: str, settings: JobSettings) -> None:
    """Create the objects, apps and assets of the settings, of the project files here, and of the user."""
    folder = Path.cwd()
    local, assets = local_data(settings, folder), known_assets(folder)
    if not (local.objects or local.apps or assets):
        return
    from dx_local.engine.apps import app_bundle
    from dx_local.engine.mapped_objects.asset_records import install_assets
    from dx_local.engine.mapped_objects.installing import install_objects

    apps = [app_bundle.load_app(place) for place in local.apps]
    with session.context.store.transaction():
        install_objects(session.context, project, local.objects)
        install_assets(session.context, assets)
        for app in apps:
            app_bundle.install(session.context, app, project)


def _add_pages(session: Session, observer: Observer, stack: AsyncExitStack) -> None:
    from dx_local.engine.service.ui.routes import Ui

    ui = Ui(session.platform, session.port)
    session.add_routes(ui.routes())
    stack.callback(ui.close)
    observer.announce(f"jobs, logs and files in the browser: {ui.link}")


def _session(request: ServeRequest, folder: Path, observer: Observer, port: int) -> Session:
    options = SessionOptions(
        folder, request.settings, port=port, is_open=True, lends_terminal=request.lends_terminal
    )
    try:
        return Session(options, observer)
    except UnknownSchema as error:
        problem = f"was made by another version of dx-local: {error}"
    except sqlite3.DatabaseError as error:
        if is_full_disk(error, folder):
            raise
        problem = f"holds a database that cannot be read: {error}"
    raise StateError(
        f"{str(folder)!r} {problem}", "Discard it with --fresh, or choose another folder with --state."
    )


async def _prepare_clients(saved: ServerInfo, session: Session, folder: Path, observer: Observer) -> None:
    try:
        worker = await session.worker_environment()
    except EnvironmentBuildError as error:
        observer.announce(f"dx is not available, and jobs cannot run: {error}")
        worker = None
    session.reserve.use(lambda: client_environment.prepare_clients(saved, folder, worker))
    if warning := client_environment.proxy_warning(os.environ):
        observer.announce(warning)


def _token(session: Session, earlier: ServerInfo | None) -> str:
    store = session.platform.store
    if earlier and access.caller_of(store, earlier.token):
        return earlier.token
    return access.issue_token(store, DEFAULT_USER)


def _port(wanted: int | None, earlier: ServerInfo | None) -> int:
    if wanted is None:
        return earlier.port if earlier and _port_problem(earlier.port) is None else 0
    if problem := _port_problem(wanted):
        raise UsageError(
            f"port {wanted} cannot be used: {problem}", "Choose another --port, or leave it out."
        )
    return wanted


def _port_problem(port: int) -> str | None:
    """Return the reason why a port cannot be listened on, or None."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        return error.strerror
    return None
