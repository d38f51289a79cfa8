"""Prepare a job for a process on this machine: deliver its home, make its environment, build its `Launch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.environments.job_environments import JobEnvironmentError
from dx_local.engine.executors.job_folder import deliver_home
from dx_local.engine.executors.protocol import Launch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from dx_local.engine.environments.job_environments import JobEnvironment
    from dx_local.engine.executors.protocol import JobDescription


class LocalJob:
    """A job for which everything is in place on this machine; a `PreparedJob`."""

    def __init__(
        self,
        job: JobDescription,
        environment: JobEnvironment,
        start: Callable[[Launch], Awaitable[None]],
    ) -> None:
        self._job = job
        self._environment = environment
        self._start = start
        self.dxpy_version = environment.environment.dxpy_version
        self.explain = environment.layers.explain

    async def start(self, *, is_killed: bool = False) -> None:
        """Start the job. Raises OSError."""
        await self._start(_launch_of(self._job, self._environment, is_killed=is_killed))


def deliver(job: JobDescription) -> None:
    """Write the files of a job's home into its folder. Raises JobEnvironmentError."""
    try:
        deliver_home(job.folder, job.home)
    except OSError as error:
        raise JobEnvironmentError(f"The job folder could not be created: {error}") from error


def _launch_of(job: JobDescription, environment: JobEnvironment, *, is_killed: bool) -> Launch:
    worker = environment.environment
    return Launch(
        job_id=job.job_id,
        function=job.function,
        interpreter=job.interpreter,
        folder=str(job.folder.path.absolute()),
        python=str(worker.python),
        programs=str(worker.bin),
        tool_client=str(worker.tool_client) if worker.tool_client else None,
        variables=job.variables,
        source=job.source,
        layers=tuple(str(path.absolute()) for path in environment.layers.paths),
        visible_paths=(*job.visible_paths, *(str(path.absolute()) for path in environment.layers.mirrors)),
        settings=job.settings,
        memory_limit=job.memory_limit,
        has_network=job.has_network,
        git_depends=environment.layers.git_depends,
        shows_changes=job.shows_changes,
        is_killed=is_killed,
    )
