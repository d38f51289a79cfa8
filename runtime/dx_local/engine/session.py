"""One command's platform: store, server, driver and workers, put together and taken apart again."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dx_local.api.server import Server
from dx_local.engine.environments.job_environments import USUAL_WORKPLACES, WorkplaceOptions, Workplaces
from dx_local.engine.environments.python_environments import EnvironmentRequest
from dx_local.engine.event_loop import to_the_end
from dx_local.engine.executors import Isolation
from dx_local.engine.executors.cgroups import MemoryGroups, NoGroupsError, remove_all_left
from dx_local.engine.executors.file_transfer import Handover
from dx_local.engine.executors.isolation import Confinement
from dx_local.engine.executors.local import LocalExecutor
from dx_local.engine.runs import app_bundle, inputs, outputs
from dx_local.engine.scheduling.disk_reserve import Reserve, reporting_full_disk
from dx_local.engine.scheduling.driver import Driver, DriverOptions
from dx_local.errors import UsageError
from dx_local.platform.core.context import DEFAULT_REGION, DEFAULT_USER, STORE_NAME, Caller, Context, Platform
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.executable import executable_of
from dx_local.platform.data import file_bytes, projects
from dx_local.platform.execution import applets, job_creation

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from dx_local.engine.environments.python_environments import WorkerEnvironment
    from dx_local.engine.executors import LogLine
    from dx_local.engine.runs.inputs import GivenInputs
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.states import Transition

PROJECT_NAME = "local"


@dataclass(frozen=True)
class SessionOptions:
    """Where a platform lives and how it runs jobs."""

    folder: Path
    max_parallel: int
    region: str = DEFAULT_REGION
    xtrace: bool = False
    port: int = 0
    """Where the server listens; with 0 the kernel chooses."""
    reuses: bool = False
    """Whether a job takes the output of an earlier one that has done the same."""
    isolation: Isolation = Isolation.AUTO
    is_open: bool = False
    """Whether others than jobs use the platform: then a job may wait for what only they can do."""
    workplaces: WorkplaceOptions = USUAL_WORKPLACES
    links_inputs: bool = False
    """Whether a job that downloads a file gets a symbolic link to it, where it cannot write to it."""


class Observer:
    """What wants to know how a run goes on; the methods do nothing, so that one can take what it needs."""

    def announce(self, message: str) -> None:
        """Say something that is worth waiting for, such as a worker environment being made."""

    def opened(self, platform: Platform) -> None:
        """Take note of the platform before anything happens on it."""

    def moved(self, transition: Transition) -> None:
        """Take note that a job has gone from one state to another."""

    def logged(self, line: LogLine) -> None:
        """Take note of a line that a job wrote."""

    def closed(self) -> None:
        """Take note that nothing more will happen."""


class Session:
    """A platform that is up: a server on loopback and a driver, from entering to leaving this context."""

    def __init__(self, options: SessionOptions, observer: Observer) -> None:
        self._options = options
        self._observer = observer
        self._stack = AsyncExitStack()
        self.reserve = Reserve(options.folder)
        self.platform = self._open_platform()
        self.platform.reuses = options.reuses
        self.context = Context(self.platform, Caller(DEFAULT_USER))
        observer.opened(self.platform)
        self.platform.subscribers.append(observer.moved)
        self._workplaces = Workplaces(self.platform, options.workplaces, observer.announce)
        self.driver = Driver(
            self.platform,
            DriverOptions(
                jobs_folder=options.folder / "jobs",
                max_parallel=options.max_parallel,
                xtrace=options.xtrace,
                memory_limit=options.workplaces.memory_limit,
                shown=(options.folder / "files",) if options.links_inputs else (),
                is_open=options.is_open,
            ),
            self._workplaces,
            self.reserve,
        )
        self._server = Server(self.platform, hooks=self.driver, port=options.port)

    async def __aenter__(self) -> Session:  # noqa: PYI034 - Self is not in Python 3.10
        try:
            await self._begin()
        except BaseException:
            await to_the_end(self._stack.aclose())
            raise
        return self

    def _open_platform(self) -> Platform:
        """Open the platform, and take the reserve; only one that exists already is opened without it."""
        folder = self._options.folder
        folder.mkdir(parents=True, exist_ok=True)
        database = folder / STORE_NAME
        if not database.exists() or not database.stat().st_size:
            self.reserve.fill()
        platform = self.reserve.use(
            lambda: Platform.open(folder, region=self._options.region, is_kept=self._options.is_open)
        )
        self.reserve.refill()
        return platform

    async def _begin(self) -> None:
        if not self._options.is_open:
            self._stack.callback(self.reserve.remove)
        self._stack.callback(self.platform.store.close)
        self._stack.callback(file_bytes.let_go, self.platform)
        self._stack.callback(self._observer.closed)
        await self._stack.enter_async_context(self._server)
        handover = Handover(self.platform, links=self._options.links_inputs)
        self._stack.push_async_callback(handover.close)
        executor = LocalExecutor(
            on_log=self._logged,
            on_exit=self.driver.on_exit,
            on_folder=handover.listen,
            announce=self._observer.announce,
            confinement=Confinement(
                isolation=self._options.isolation,
                groups=self._memory_groups(),
                api=None if self._options.workplaces.allows_network else self._server,
            ),
        )
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
        await to_the_end(self._stack.__aexit__(kind, error, traceback))

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self._server.port

    def project(self) -> str:
        """Return the project that runs happen in, making it if it is not there yet."""
        found = self.platform.store.value(
            "SELECT id FROM project WHERE class = 'project' AND name = ? ORDER BY created LIMIT 1",
            PROJECT_NAME,
        )
        if found:
            return str(found)
        with self.platform.store.transaction():
            project: str = projects.new(self.context, "project", {"name": PROJECT_NAME})["id"]
        return project

    def start(self, app: app_bundle.App, function: str, given: GivenInputs) -> str:
        """Install an app and start its job; return the job's ID. Raises UsageError for unusable input."""
        project = self.project()
        with self.platform.store.transaction():
            applet = app_bundle.install(self.context, app, project)
            job_input = inputs.make_input(self.context, project, app.spec, function, given)
            try:
                return self._run(applet, function, job_input, project)
            except ApiError as error:
                raise UsageError(error.message, "Pass inputs as -iNAME=VALUE.") from None

    def _run(self, applet: str, function: str, job_input: JSON, project: str) -> str:
        if function == "main":
            asked = {"input": job_input, "project": project}
            job_id: str = applets.run_applet(self.context, applet, asked)["id"]
            return job_id
        # The specs are those of main.
        executable = replace(
            executable_of(self.platform.store, applet, self.platform.region),
            input_spec=None,
            output_spec=None,
        )
        request = job_creation.Request(
            executable=executable,
            function=function,
            run_input=job_input,
            original_input=job_input,
            project=project,
            folder="/",
            asked={},
        )
        return job_creation.create(self.context, request)

    def save_output(self, output: JSON | None, folder: Path) -> JSON:
        """Deliver the output of a job into folder; return it with paths in place of links.

        Raises DxLocalError, DiskFullError among them.
        """
        with reporting_full_disk(folder.absolute(), "--out"):
            return outputs.save_output(self.platform, output, folder, self._observer.announce)

    async def worker_environment(self) -> WorkerEnvironment:
        """Return the worker environment of apps that need nothing more. Raises EnvironmentBuildError."""
        return await self._workplaces.environment(EnvironmentRequest())

    def _memory_groups(self) -> MemoryGroups | None:
        """Return what limits on memory hold by, if there is a limit; say so where it holds in part only."""
        if self._options.workplaces.memory_limit is None:
            remove_all_left()
            return None
        try:
            return MemoryGroups()
        except NoGroupsError as error:
            self._observer.announce(
                f"The memory limit holds for each process of a job, not for all together: this machine lets"
                f" no control groups be made ({error})."
            )
            return None

    def _logged(self, line: LogLine) -> None:
        self._observer.logged(line)
        for subscriber in self.platform.log_subscribers:
            subscriber(line.job_id)
