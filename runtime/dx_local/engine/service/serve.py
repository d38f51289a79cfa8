"""A platform that is kept up for clients: its state folder is held, and its server answers until the end."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dx_local.engine.environments.job_environments import USUAL_WORKPLACES, WorkplaceOptions
from dx_local.engine.environments.python_environments import EnvironmentBuildError
from dx_local.engine.executors import Isolation
from dx_local.engine.scheduling.disk_reserve import reporting_full_disk
from dx_local.engine.service import client_environment
from dx_local.engine.service.state_folder import Saved, StateError, hold
from dx_local.engine.session import Session, SessionOptions
from dx_local.errors import UsageError
from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER
from dx_local.platform.core.full_disk import is_full_disk
from dx_local.platform.core.store import UnknownSchema
from dx_local.platform.data import file_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from dx_local.engine.session import Observer


@dataclass(frozen=True)
class ServeRequest:
    """What to serve, and how; without a port, the one of the last time if it is free."""

    folder: Path
    max_parallel: int
    port: int | None = None
    fresh: bool = False
    reuses: bool = False
    workplaces: WorkplaceOptions = USUAL_WORKPLACES
    isolation: Isolation = Isolation.AUTO


@asynccontextmanager
async def serving(request: ServeRequest, observer: Observer) -> AsyncIterator[Saved]:
    """Serve the platform of a state folder while inside; yield how to reach it.

    Token and secret stay the same over restarts. Raises StateError, UsageError or DiskFullError before
    anything is served.
    """
    folder = request.folder.absolute()
    async with AsyncExitStack() as stack:
        with reporting_full_disk(folder, "--state"):
            saved = await _begin(request, folder, observer, stack)
        yield saved


async def _begin(request: ServeRequest, folder: Path, observer: Observer, stack: AsyncExitStack) -> Saved:
    state = stack.enter_context(hold(folder, fresh=request.fresh))
    earlier = state.load()
    session = _session(request, folder, observer, _port(request.port, earlier))
    if earlier:
        session.platform.secret = bytes.fromhex(earlier.secret)
    file_bytes.remove_unfinished(session.platform)
    await stack.enter_async_context(session)
    saved = Saved(
        token=session.reserve.use(lambda: _token(session, earlier)),
        secret=session.platform.secret.hex(),
        project=session.reserve.use(session.project),
        port=session.port,
    )
    # From here on a restart finds the same, even if what follows is cut short.
    state.save(saved)
    await _furnish(saved, session, folder, observer)
    saved = replace(saved, pid=os.getpid())
    state.save(saved)
    # After `dx logout`, `dx-local env` hands out another token.
    session.platform.token_subscribers.append(
        lambda: state.save(replace(saved, token=_token(session, saved)))
    )
    return saved


def _session(request: ServeRequest, folder: Path, observer: Observer, port: int) -> Session:
    options = SessionOptions(
        folder=folder,
        max_parallel=request.max_parallel,
        port=port,
        is_open=True,
        reuses=request.reuses,
        workplaces=request.workplaces,
        isolation=request.isolation,
    )
    try:
        return Session(options, observer)
    except UnknownSchema as error:
        problem = f"was made by another version of dx-local: {error}"
    except sqlite3.DatabaseError as error:
        if is_full_disk(error, folder):
            raise
        problem = f"holds a database that cannot be read: {error}"
    raise StateError(f"{str(folder)!r} {problem}", "Start anew with --fresh.")


async def _furnish(saved: Saved, session: Session, folder: Path, observer: Observer) -> None:
    try:
        worker = await session.worker_environment()
    except EnvironmentBuildError as error:
        observer.announce(f"No dx is offered, and no job can run: {error}")
        worker = None
    session.reserve.use(lambda: client_environment.furnish(saved, folder, worker))
    if warning := client_environment.proxy_warning(os.environ):
        observer.announce(warning)


def _token(session: Session, earlier: Saved | None) -> str:
    store = session.platform.store
    if earlier and access.caller_of(store, earlier.token):
        return earlier.token
    return access.issue_token(store, DEFAULT_USER)


def _port(wanted: int | None, earlier: Saved | None) -> int:
    if wanted is None:
        return earlier.port if earlier and _why_not(earlier.port) is None else 0
    if problem := _why_not(wanted):
        raise UsageError(f"cannot listen on port {wanted}: {problem}", "Give another --port, or none.")
    return wanted


def _why_not(port: int) -> str | None:
    """Say why a port cannot be listened on, or None."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        return error.strerror
    return None
