"""Choose and prepare the worker environments of jobs on this machine: by release, packages and settings."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_local.engine.environments.python_environments import (
    EnvironmentBuildError,
    EnvironmentRequest,
    failed_recently,
    prepare_environment,
    request_of_python,
)
from dx_local.engine.environments.python_versions import PYTHON_OF_RELEASE, running_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.python_environments import WorkerEnvironment

    FetchWheels = Callable[[EnvironmentRequest], Path | None]


class WorkerEnvironments:
    """Prepares worker environments, each only once; notes for the user go to `announce`.

    `python` is the version that the user has chosen, if any. `wait_for` gets the reason while jobs wait for a
    new worker environment, and None afterwards.
    """

    def __init__(
        self,
        python: str | None,
        announce: Callable[[str], None],
        wait_for: Callable[[str | None], None],
    ) -> None:
        self._python = python
        self._announce = announce
        self._wait_for = wait_for
        self._environments: dict[EnvironmentRequest, asyncio.Task[WorkerEnvironment]] = {}
        self._pythons: dict[str, EnvironmentRequest] = {}
        self._announced: set[str] = set()

    async def of_release(
        self,
        release: str,
        packages: tuple[str, ...],
        *,
        shows_python: bool,
        fetch_wheels: FetchWheels | None = None,
    ) -> WorkerEnvironment:
        """Return the environment for jobs of a release. Raises EnvironmentBuildError.

        With `shows_python`, announce a Python that is not the release's. `fetch_wheels` is called in a thread
        if the package index is of no help; it returns a folder of wheels, or None.
        """
        request = replace(self._request_of(release), packages=packages)
        if shows_python:
            self._announce_python(release, request.python or running_version())
        if self._python or request.python is None:
            return await self.environment(request, fetch_wheels)
        # The user did not choose this Python. If its environment cannot be created, for instance because the
        # package index is unreachable, use the running Python, whose environment may exist already.
        try:
            if self._finished(request) or not failed_recently(request):
                return await self.environment(request, fetch_wheels)
        except EnvironmentBuildError:
            pass
        environment = await self.environment(EnvironmentRequest(packages=packages), fetch_wheels)
        self._pythons[release] = EnvironmentRequest()
        self._announce_once(
            f"A worker environment with Python {request.python} of release {release} could not be created."
        )
        self._announce_python(release, running_version())
        return environment

    async def environment(
        self, request: EnvironmentRequest, fetch_wheels: FetchWheels | None = None
    ) -> WorkerEnvironment:
        """Return a worker environment, created once for concurrent calls. Raises EnvironmentBuildError."""
        if finished := self._finished(request):
            return finished
        known = self._environments.get(request)
        if known is None or known.done():
            build = partial(_prepare, request, from_thread(self._wait_for), fetch_wheels)
            self._environments[request] = known = asyncio.create_task(asyncio.to_thread(build))
            known.add_done_callback(self._stop_waiting)
            known.add_done_callback(retrieve_exception)  # the waiting task may be cancelled
        return await asyncio.shield(known)

    def python_of(self, release: str) -> str:
        """Return the version of Python under which jobs of a release run, as far as known by now."""
        return self._request_of(release).python or running_version()

    def _finished(self, request: EnvironmentRequest) -> WorkerEnvironment | None:
        """Return a worker environment from an earlier call, without accessing the disk."""
        known = self._environments.get(request)
        if known is None or not known.done() or known.exception():
            return None
        return known.result()

    def _request_of(self, release: str) -> EnvironmentRequest:
        """Return the request for a worker environment with the Python for jobs of a release."""
        if release not in self._pythons:
            self._pythons[release] = self._choose_python(release)
        return self._pythons[release]

    def _choose_python(self, release: str) -> EnvironmentRequest:
        wanted = self._python or PYTHON_OF_RELEASE.get(release)
        if found := request_of_python(wanted):
            return found
        if self._python:
            path = Path(self._python).absolute()
            return EnvironmentRequest(python=wanted, interpreter=path if path.is_file() else None)
        return EnvironmentRequest()

    def _announce_python(self, release: str, python: str) -> None:
        expected = PYTHON_OF_RELEASE.get(release, python)
        if self._python is None and python != expected:
            self._announce_once(
                f"Release {release} has Python {expected}, which this machine lacks; jobs run under"
                f" Python {python} (see --python)."
            )

    def _announce_once(self, message: str) -> None:
        if message not in self._announced:
            self._announced.add(message)
            self._announce(message)

    def _stop_waiting(self, _finished: asyncio.Task[WorkerEnvironment]) -> None:
        if all(task.done() for task in self._environments.values()):
            self._wait_for(None)


def _prepare(
    request: EnvironmentRequest, announce: Callable[[str], None], fetch_wheels: FetchWheels | None
) -> WorkerEnvironment:
    try:
        return prepare_environment(request, announce=announce)
    except EnvironmentBuildError as error:
        wheels = None if error.was_stopped or fetch_wheels is None else fetch_wheels(request)
        if wheels is None:
            raise
    return prepare_environment(request, announce=announce, wheels=wheels)


def from_thread(announce: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that calls announce in the thread of the running loop."""
    loop = asyncio.get_running_loop()

    def announce_there(message: str) -> None:
        loop.call_soon_threadsafe(announce, message)

    return announce_there


def retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of a task, if any, so that asyncio does not log it as never retrieved."""
    if not task.cancelled():
        task.exception()
