"""Prepare job environments: the Python, packages and layers over `/` that an applet requires."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import NoCacheError, with_hint
from dx_app_wizard.lint.source.python2 import is_python2, python2_code
from dx_local.engine.environments.bundled_files import BundledFileError, BundledFiles
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.exec_depends import dependencies_of
from dx_local.engine.environments.git_mirrors import GitMirrorError, GitMirrors
from dx_local.engine.environments.python_environments import (
    EnvironmentBuildError,
    EnvironmentRequest,
    failed_recently,
    prepare_environment,
    request_of_python,
    requirements_of,
)
from dx_local.engine.environments.python_versions import PYTHON_OF_RELEASE, running_version
from dx_local.engine.settings import NetworkAccess

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.debian.resolve import ResolvedDependencies
    from dx_local.engine.environments.exec_depends import Dependency
    from dx_local.engine.environments.python_environments import WorkerEnvironment
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import JSON, Platform


_COMMAND_NOT_FOUND = 127
_NO_LIBRARY = re.compile(r"error while loading shared libraries: ([^\s:]+):")
_NO_PROGRAM = re.compile(r": ([\w.+-]+): command not found")
_NOT_FOUND = ("command not found", "No such file or directory", f"exit status {_COMMAND_NOT_FOUND}")


class JobEnvironmentError(Exception):
    """A job's environment cannot be prepared; `reason` is the `failureReason` of the job."""

    def __init__(self, message: str, reason: str = "ExecutionError") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class JobEnvironment:
    """The environment of a job. Of the layers that are overlaid on `/`, the topmost comes first."""

    environment: WorkerEnvironment
    layers: tuple[Path, ...]
    hint: str | None = None
    """Explanation in case the job fails because a program is missing."""
    git_depends: tuple[JSON, ...] = ()
    """Repositories to clone before the job's code runs, as Launch has them."""

    @property
    def mirrors(self) -> tuple[Path, ...]:
        """The folders from which the job clones them."""
        return tuple(Path(dependency["mirror"]) for dependency in self.git_depends)

    def explain(self, exit_code: int | None, message: str) -> str:
        """Return the message of a failure, with a hint if a missing program or library may be the reason."""
        if library := _NO_LIBRARY.search(message):
            message += f"\nThis machine lacks {library[1]}; the program may be built for another release."
        if self.hint and (exit_code == _COMMAND_NOT_FOUND or any(text in message for text in _NOT_FOUND)):
            return f"{message}\n{self.hint}"
        if program := _NO_PROGRAM.search(message):
            message += (
                f"\nProgram {program[1]} is not installed here. Declare its package in execDepends or put it"
                " into resources/; if every worker has it, install it on this machine."
            )
        return message


class JobEnvironments:
    """Prepares job environments, each part only once; notes for the user go to `announce`.

    `wait_for` gets the reason while jobs wait for a new worker environment, and None afterwards.
    """

    def __init__(
        self,
        platform: Platform,
        settings: JobSettings,
        announce: Callable[[str], None],
        wait_for: Callable[[str | None], None],
    ) -> None:
        self._settings = settings
        self._announce = announce
        self._wait_for = wait_for
        self._bundled_files = BundledFiles(platform)
        self._git_mirrors = GitMirrors(self._announce_once)
        self._environments: dict[EnvironmentRequest, asyncio.Task[WorkerEnvironment]] = {}
        self._resolved: dict[tuple[int, tuple[Dependency, ...]], asyncio.Task[ResolvedDependencies]] = {}
        self._pythons: dict[str, EnvironmentRequest] = {}
        self._announced: set[str] = set()
        self.on_python: Callable[[str, str], None] = lambda _release, _version: None
        """Called with the release of each job whose environment is ready, and its version of Python."""

    async def prepare(self, applet: JSON, function: str, *, has_network: bool = False) -> JobEnvironment:
        """Return the environment of an applet's job at an entry point. Raises JobEnvironmentError.

        With `has_network`, git dependencies may be fetched from other machines.
        """
        self._check_python2(applet)
        dependencies = dependencies_of(applet["runSpec"], function)
        try:
            environment = await self._environment_of(applet, requirements_of(dependencies))
            resolved = await self._resolve(dependencies) if dependencies else None
            layers = await self._bundled_files.layers_of(applet)
            may_fetch = has_network or self._settings.network is NetworkAccess.ALLOW
            cloned = await self._git_mirrors.clone_all(applet["runSpec"], function, has_network=may_fetch)
        except GitMirrorError as error:
            raise JobEnvironmentError(f"DXExecDependencyError: {error}", "AppInternalError") from error
        except (EnvironmentBuildError, BundledFileError) as error:
            raise JobEnvironmentError(str(error)) from error
        except NoCacheError as error:
            raise JobEnvironmentError(with_hint(error.message, error.hint)) from error
        release = str(applet["runSpec"].get("release"))
        self.on_python(release, self.python_of(release))
        if resolved is None:
            return JobEnvironment(environment, layers)
        for note in resolved.notes:
            self._announce_once(note)
        return JobEnvironment(environment, (*layers, *resolved.layers), resolved.hint, cloned)

    async def environment(self, request: EnvironmentRequest) -> WorkerEnvironment:
        """Return a worker environment, created once for concurrent calls. Raises EnvironmentBuildError."""
        if finished := self._finished(request):
            return finished
        known = self._environments.get(request)
        if known is None or known.done():
            build = partial(prepare_environment, request, announce=_from_thread(self._wait_for))
            self._environments[request] = known = asyncio.create_task(asyncio.to_thread(build))
            known.add_done_callback(self._stop_waiting)
            known.add_done_callback(_retrieve_exception)  # the waiting task may be cancelled
        return await asyncio.shield(known)

    def _finished(self, request: EnvironmentRequest) -> WorkerEnvironment | None:
        """Return a worker environment from an earlier call, without accessing the disk."""
        known = self._environments.get(request)
        if known is None or not known.done() or known.exception():
            return None
        return known.result()

    async def _environment_of(self, applet: JSON, packages: tuple[str, ...]) -> WorkerEnvironment:
        release = str(applet["runSpec"].get("release"))
        request = replace(self._request_of(release), packages=packages)
        if applet["runSpec"]["interpreter"] != "bash":
            self._announce_python(release, request.python or running_version())
        if self._settings.python or request.python is None:
            return await self.environment(request)
        # The user did not choose this Python. If its environment cannot be created, for instance because the
        # package index is unreachable, use the running Python, whose environment may exist already.
        try:
            if self._finished(request) or not failed_recently(request):
                return await self.environment(request)
        except EnvironmentBuildError:
            pass
        environment = await self.environment(EnvironmentRequest(packages=packages))
        self._pythons[release] = EnvironmentRequest()
        self._announce_once(
            f"A worker environment with Python {request.python} of release {release} could not be created."
        )
        self._announce_python(release, running_version())
        return environment

    def python_of(self, release: str) -> str:
        """Return the version of Python under which jobs of a release run, as far as known by now."""
        return self._request_of(release).python or running_version()

    def _request_of(self, release: str) -> EnvironmentRequest:
        """Return the request for a worker environment with the Python for jobs of a release."""
        if release not in self._pythons:
            self._pythons[release] = self._choose_python(release)
        return self._pythons[release]

    def _choose_python(self, release: str) -> EnvironmentRequest:
        wanted = self._settings.python or PYTHON_OF_RELEASE.get(release)
        if found := request_of_python(wanted):
            return found
        if self._settings.python:
            path = Path(self._settings.python).absolute()
            return EnvironmentRequest(python=wanted, interpreter=path if path.is_file() else None)
        return EnvironmentRequest()

    def _announce_python(self, release: str, python: str) -> None:
        expected = PYTHON_OF_RELEASE.get(release, python)
        if self._settings.python is None and python != expected:
            self._announce_once(
                f"Release {release} has Python {expected}, which this machine lacks; jobs run under"
                f" Python {python} (see --python)."
            )

    async def _resolve(self, dependencies: tuple[Dependency, ...]) -> ResolvedDependencies:
        """Resolve execDepends, and again after packages were installed on this machine."""
        from dx_local.engine.environments.debian.resolve import resolve_dependencies

        key = (dpkg.stamp(), dependencies)
        if key not in self._resolved:
            work = partial(
                resolve_dependencies,
                dependencies,
                installs=self._settings.install_depends,
                announce=_from_thread(self._announce),
            )
            self._resolved[key] = asyncio.create_task(asyncio.to_thread(work))
            self._resolved[key].add_done_callback(_retrieve_exception)
        return await asyncio.shield(self._resolved[key])

    def _check_python2(self, applet: JSON) -> None:
        """Announce that code for Python 2 runs under Python 3, or raise JobEnvironmentError if it cannot."""
        interpreter = applet["runSpec"]["interpreter"]
        if not is_python2(interpreter):
            return
        found = python2_code(applet["runSpec"]["code"])
        if found is None:
            self._announce_once(f"The app requests {interpreter}; dx-local runs its code under Python 3.")
            return
        source = (applet.get("local") or {}).get("source")
        place = f"{source}:{found.line}" if source else f"line {found.line}"
        raise JobEnvironmentError(
            f"The app requests {interpreter}, but jobs run under Python 3, which rejects its code.\n"
            f"  {place}: {found.problem}\n      {found.text}\n{found.hint}",
            "AppInternalError",
        )

    def _announce_once(self, message: str) -> None:
        if message not in self._announced:
            self._announced.add(message)
            self._announce(message)

    def _stop_waiting(self, _finished: asyncio.Task[WorkerEnvironment]) -> None:
        if all(task.done() for task in self._environments.values()):
            self._wait_for(None)


def _from_thread(announce: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that calls announce in the thread of the running loop."""
    loop = asyncio.get_running_loop()

    def announce_there(message: str) -> None:
        loop.call_soon_threadsafe(announce, message)

    return announce_there


def _retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of a task, if any, so that asyncio does not log it as never retrieved."""
    if not task.cancelled():
        task.exception()
