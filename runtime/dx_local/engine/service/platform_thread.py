"""Serve a platform from a thread of this process, for clients in its other threads."""

from __future__ import annotations

import asyncio
import sysconfig
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

from dx_local.engine.environments.python_environments import EnvironmentRequest, prepare_environment
from dx_local.engine.service.serve import ServeRequest, serving
from dx_local.engine.session import Observer
from dx_local.engine.settings import JobSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.service.state_folder import ServerInfo


@dataclass(frozen=True)
class ServedInThread:
    """A platform that is up; `site_packages` is a folder with a dxpy for the Python of this process."""

    server: ServerInfo
    site_packages: str


@contextmanager
def serving_in_thread(folder: Path) -> Iterator[ServedInThread]:
    """Serve the platform of a state folder inside this context.

    Raises EnvironmentBuildError if there is no dxpy for this Python, and DxLocalError as `serving` does.
    """
    worker = prepare_environment(EnvironmentRequest(), announce=print)
    names = {"base": str(worker.bin.parent), "platbase": str(worker.bin.parent)}
    site_packages = sysconfig.get_path("purelib", vars=names)
    ready: Future[tuple[ServerInfo, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = Thread(target=_serve, args=(folder, ready), name="dx-local platform")
    thread.start()
    try:
        server, loop, end = ready.result()
        try:
            yield ServedInThread(server, site_packages)
        finally:
            loop.call_soon_threadsafe(end.set)
    finally:
        thread.join()


def _serve(folder: Path, ready: Future[tuple[ServerInfo, asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    async def serve() -> None:
        end = asyncio.Event()
        async with serving(ServeRequest(folder, JobSettings.from_options({})), Observer()) as server:
            ready.set_result((server, asyncio.get_running_loop(), end))
            await end.wait()

    try:
        asyncio.run(serve())
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)
