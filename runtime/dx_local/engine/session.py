"""Assemble a platform that is up, from store, server, driver and executor, and take it down again."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.api.lazy_server import LazyServer
from dx_local.engine.builtin_apps.hooks import BuiltinAppHooks
from dx_local.engine.environments.job_environments import JobEnvironments
from dx_local.engine.environments.python_environments import EnvironmentRequest
from dx_local.engine.executors.file_transfer import FileTransfer
from dx_local.engine.executors.protocol import Callbacks
from dx_local.engine.executors.registry import make_executor
from dx_local.engine.executors.terminal.callbacks import TerminalCallbacks
from dx_local.engine.executors.terminal.presence import has_terminal
from dx_local.engine.images import image_folder
from dx_local.engine.images.layer_service import LayerService
from dx_local.engine.job_labels import job_label
from dx_local.engine.scheduling.disk_reserve import DiskReserve
from dx_local.engine.scheduling.driver import Driver
from dx_local.engine.settings import InputDelivery, JobSettings
from dx_local.engine.store_journal import place_of
from dx_local.platform.core.context import DEFAULT_REGION, DEFAULT_USER, STORE_NAME, Caller, Context, Platform
from dx_local.platform.data import file_bytes, projects
from dx_local.platform.execution.job_logs import DEBUGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path
    from types import TracebackType

    from starlette.routing import BaseRoute

    from dx_local.engine.environments.python_environments import WorkerEnvironment
    from dx_local.engine.executors.protocol import LogLine
    from dx_local.platform.core.states import Transition

PROJECT_NAME = "local"

_TERMINATION_SECONDS = 5


@dataclass(frozen=True)
class SessionOptions:
    """The folder of a platform and the settings of its jobs."""

    folder: Path
    settings: JobSettings
    region: str = DEFAULT_REGION
    port: int = 0
    """Port of the server; 0 lets the kernel choose."""
    is_persistent: bool = True
    """False if a power cut may destroy the platform; then nothing waits for the disk."""
    is_open: bool = False
    """True if clients other than jobs use the platform; then jobs may wait for actions of these clients."""
    lends_terminal: bool = False
    """True if jobs that stop in a debugger may borrow the terminal of this process."""


class Observer:
    """Base class for progress displays; its methods do nothing, so a subclass overrides those it needs."""

    def announce(self, message: str) -> None:
        """Handle a message for the user, such as that a region lacks an instance type."""

    def wait_for(self, reason: str | None) -> None:
        """Handle the reason for which jobs wait for dx-local, and None when they no longer do."""
        if reason:
            self.announce(reason)

    def on_open(self, platform: Platform) -> None:
        """Handle the opening of the platform, before anything happens on it."""

    def on_transition(self, transition: Transition) -> None:
        """Handle the transition of a job from one state to another."""

    def on_node(self, job_id: str, node: str) -> None:
        """Handle the name of the node on which a job begins to run, if that is not this machine."""

    def on_log(self, line: LogLine) -> None:
        """Handle a log line of a job."""

    def hold(self) -> None:
        """Print nothing from now on, because a job has the terminal."""

    def release(self) -> None:
        """Print again what was held back, and go on."""

    def stop_clock(self, job_id: str) -> None:
        """Stop counting the time of a job, because it waits for the user."""

    def start_clock(self, job_id: str) -> None:
        """Count the time of a job again."""

    def on_close(self) -> None:
        """Handle the end of the session."""


class Session:
    """A platform that is up inside this context: a server on the loopback interface, and a driver."""

    def __init__(self, options: SessionOptions, observer: Observer) -> None:
        self._options = options
        self._observer = observer
        self._stack = AsyncExitStack()
        self.reserve = DiskReserve(options.folder)
        self.platform = self._open_platform()
        self.platform.reuses = options.settings.reuse
        self.context = Context(self.platform, Caller(DEFAULT_USER))
        observer.on_open(self.platform)
        self.platform.subscribers.append(observer.on_transition)
        self._job_environments = JobEnvironments(
            self.platform, options.settings, observer.announce, observer.wait_for
        )
        self.driver = Driver(
            self.platform,
            options.settings,
            self._job_environments,
            self.reserve,
            is_open=options.is_open,
            announce=observer.announce,
        )
        hooks = BuiltinAppHooks(self.context, self.driver)
        self._server = LazyServer(self.platform, hooks=hooks, port=options.port)

    async def __aenter__(self) -> Session:  # noqa: PYI034 - Self is not in Python 3.10
        try:
            await self._begin()
        except BaseException:
            await _finish(self._stack.aclose())
            raise
        return self

    def _open_platform(self) -> Platform:
        """Open the platform and fill the reserve; if the disk is full, only an existing platform can open."""
        folder = self._options.folder
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / STORE_NAME
        if not database.exists() or not database.stat().st_size:
            self.reserve.fill()
        place = place_of(folder)
        if warning := place.first_warning(folder):
            self._observer.announce(warning)
        platform = self.reserve.use(
            lambda: Platform.open(
                folder,
                region=self._options.region,
                is_persistent=self._options.is_persistent,
                journal=place.journal,
            )
        )
        self.reserve.refill()
        return platform

    async def _begin(self) -> None:
        if not self._options.is_open:
            self._stack.callback(self.reserve.remove)
        self._stack.callback(self.platform.store.close)
        self._stack.callback(file_bytes.replace_hard_links, self.platform)
        self._stack.callback(self._observer.on_close)
        await self._stack.enter_async_context(self._server)
        settings = self._options.settings
        transfer = FileTransfer(
            self.platform,
            links=settings.input_delivery is InputDelivery.LINK,
            delay=self.driver.faults.delay_transfer,
        )
        self._stack.push_async_callback(transfer.close)
        images = image_folder.user_folder()
        layers = LayerService(images) if images else None
        if layers:
            self._stack.push_async_callback(layers.close)

        def listen(folder: Path) -> None:
            transfer.listen(folder)
            if layers:
                layers.listen(folder)

        callbacks = Callbacks(
            on_log=self._logged,
            on_exit=self.driver.on_exit,
            announce=self._observer.announce,
            on_folder=listen,
            images=images,
            on_slots=self.driver.on_slots,
            on_node=self._on_node,
            terminal=self._terminal_callbacks() if self._options.lends_terminal and has_terminal() else None,
        )
        executor = make_executor(settings, self._server, callbacks)
        self._stack.push_async_callback(executor.close)
        self._stack.push_async_callback(self.driver.close)
        self.driver.use(executor)
        self.driver.resume()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await _finish(self._stack.__aexit__(kind, error, traceback))

    @property
    def port(self) -> int:
        """Port of the server."""
        return self._server.port

    def add_routes(self, routes: Sequence[BaseRoute]) -> None:
        """Let the server also answer these routes."""
        self._server.add_routes(routes)

    def project(self) -> str:
        """Return the ID of the project for runs, and create it if needed."""
        found = self.platform.store.value(
            "SELECT id FROM project WHERE class = 'project' AND name = ? ORDER BY created LIMIT 1",
            PROJECT_NAME,
        )
        if found:
            return str(found)
        with self.platform.store.transaction():
            project: str = projects.new(self.context, "project", {"name": PROJECT_NAME})["id"]
        return project

    async def until_final(self, job_id: str) -> None:
        """Wait until a job has ended. When cancelled, terminate it, wait for it, and raise CancelledError."""
        try:
            await self.driver.until_final(job_id)
        except asyncio.CancelledError:
            self.driver.terminate(job_id)
            with suppress(asyncio.TimeoutError, OSError):
                await asyncio.wait_for(self.driver.until_final(job_id), _TERMINATION_SECONDS)
            raise

    def python_of(self, release: str) -> str:
        """Return the version of Python under which jobs of a release run, such as `3.12`."""
        return self._job_environments.python_of(release)

    def on_python(self, subscriber: Callable[[str, str], None]) -> None:
        """Call subscriber with each release whose jobs are about to start, and their version of Python."""
        self._job_environments.on_python = subscriber

    async def worker_environment(self) -> WorkerEnvironment:
        """Return the worker environment without extra packages. Raises EnvironmentBuildError."""
        return await self._job_environments.environment(EnvironmentRequest())

    def _terminal_callbacks(self) -> TerminalCallbacks:
        return TerminalCallbacks(
            label=self._label,
            stop_clock=self._stop_clock,
            start_clock=self._start_clock,
            hold_display=self._observer.hold,
            release_display=self._observer.release,
        )

    def _label(self, job_id: str) -> str | None:
        if shell := self._options.settings.shell:
            return shell.label
        job = self.platform.store.get("job", job_id)
        return job and job_label(self.platform.store, job)

    def _stop_clock(self, job_id: str) -> None:
        self.driver.stop_clock(job_id)
        self._observer.stop_clock(job_id)

    def _start_clock(self, job_id: str) -> None:
        self.driver.start_clock(job_id)
        self._observer.start_clock(job_id)

    def _on_node(self, job_id: str, node: str) -> None:
        self.driver.on_node(job_id, node)
        self._observer.on_node(job_id, node)

    def _logged(self, line: LogLine) -> None:
        if line.level != DEBUGGER:  # the user has seen it
            self._observer.on_log(line)
        for subscriber in self.platform.log_subscribers:
            subscriber(line.job_id)


async def _finish(work: Coroutine[object, object, object]) -> None:
    """Await work to its end even if this task is cancelled meanwhile; then raise CancelledError."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
