"""Describe and prepare job environments: the Python, packages and layers over `/` that an applet requires."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.errors import NoCacheError, with_hint
from dx_app_wizard.lint.source.python2 import is_python2, python2_code
from dx_local.engine.environments.bundled_files import BundledFileError, BundledFiles
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.exec_depends import dependencies_of
from dx_local.engine.environments.git_mirrors import GitMirrorError, GitMirrors
from dx_local.engine.environments.python_environments import (
    EnvironmentBuildError,
    request_of_python,
    requirements_of,
)
from dx_local.engine.environments.worker_environments import (
    WorkerEnvironments,
    from_thread,
    retrieve_exception,
)
from dx_local.engine.settings import NetworkAccess

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.debian.resolve import ResolvedDependencies
    from dx_local.engine.environments.exec_depends import Dependency
    from dx_local.engine.environments.python_environments import EnvironmentRequest, WorkerEnvironment
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import JSON, Platform


_COMMAND_NOT_FOUND = 127
_NO_LIBRARY = re.compile(r"error while loading shared libraries: ([^\s:]+):")
_NO_PROGRAM = re.compile(r": ([\w.+-]+): command not found")
_NOT_FOUND = ("command not found", "No such file or directory", f"exit status {_COMMAND_NOT_FOUND}")


class JobEnvironmentError(Exception):
    """A job's environment cannot be prepared; `reason` is the `failureReason` of the job.

    `is_final` is true if another try would fail in the same way.
    """

    def __init__(self, message: str, reason: str = "ExecutionError", *, is_final: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.is_final = is_final


@dataclass(frozen=True)
class Layers:
    """The folders of this machine to overlay on `/`, the topmost first."""

    paths: tuple[Path, ...] = ()
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


@dataclass(frozen=True)
class JobEnvironment:
    """The environment of a job on this machine."""

    environment: WorkerEnvironment
    layers: Layers


@dataclass(frozen=True)
class RequiredEnvironment:
    """The environment that a job requires, before anything has been done for it."""

    applet: JSON
    function: str
    dependencies: tuple[Dependency, ...]
    environments: JobEnvironments
    may_fetch: bool = False
    """True if git dependencies may be fetched from other machines."""

    @property
    def release(self) -> str:
        """The release of Ubuntu, which determines the Python."""
        return str(self.applet["runSpec"].get("release"))

    @property
    def packages(self) -> tuple[str, ...]:
        """Requirements for pip."""
        return requirements_of(self.dependencies)

    async def realise(self) -> JobEnvironment:
        """Return the environment, made on this machine if needed. Raises JobEnvironmentError."""
        return await self.environments.realise(self)

    async def wheels(self, python: str) -> list[Path]:
        """Return wheels of the worker environment for another machine with this version of Python.

        Raises JobEnvironmentError.
        """
        return await self.environments.wheels(self, python)

    async def layers(self) -> Layers:
        """Return the layers alone, made on this machine if needed. Raises JobEnvironmentError."""
        return await self.environments.layers(self)


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
        self._workers = WorkerEnvironments(settings.python, announce, wait_for)
        self._bundled_files = BundledFiles(platform)
        self._git_mirrors = GitMirrors(self._announce_once)
        self._resolved: dict[tuple[int, tuple[Dependency, ...]], asyncio.Task[ResolvedDependencies]] = {}
        self._announced: set[str] = set()
        self.on_python: Callable[[str, str], None] = lambda _release, _version: None
        """Called with the release of each job whose environment is ready, and its version of Python."""

    def describe(self, applet: JSON, function: str, *, has_network: bool = False) -> RequiredEnvironment:
        """Return the environment that a job at an entry point requires. Raises JobEnvironmentError.

        With `has_network`, git dependencies may be fetched from other machines.
        """
        self._check_python2(applet)
        may_fetch = has_network or self._settings.network is NetworkAccess.ALLOW
        dependencies = dependencies_of(applet["runSpec"], function)
        return RequiredEnvironment(applet, function, dependencies, self, may_fetch)

    async def realise(self, required: RequiredEnvironment) -> JobEnvironment:
        """Return a required environment, made on this machine. Raises JobEnvironmentError."""
        shows_python = required.applet["runSpec"]["interpreter"] != "bash"
        try:
            environment = await self._workers.of_release(
                required.release, required.packages, shows_python=shows_python
            )
        except EnvironmentBuildError as error:
            raise JobEnvironmentError(str(error)) from error
        except NoCacheError as error:
            raise JobEnvironmentError(with_hint(error.message, error.hint)) from error
        return JobEnvironment(environment, await self.layers(required))

    async def layers(self, required: RequiredEnvironment) -> Layers:
        """Return the layers of a required environment, made on this machine. Raises JobEnvironmentError."""
        run_spec = required.applet["runSpec"]
        try:
            resolved = await self._resolve(required.dependencies) if required.dependencies else None
            paths = await self._bundled_files.layers_of(required.applet)
            cloned = await self._git_mirrors.clone_all(
                run_spec, required.function, has_network=required.may_fetch
            )
        except GitMirrorError as error:
            raise JobEnvironmentError(f"DXExecDependencyError: {error}", "AppInternalError") from error
        except BundledFileError as error:
            raise JobEnvironmentError(str(error)) from error
        except NoCacheError as error:
            raise JobEnvironmentError(with_hint(error.message, error.hint)) from error
        self.on_python(required.release, self.python_of(required.release))
        if resolved is None:
            return Layers(paths)
        for note in resolved.notes:
            self._announce_once(note)
        return Layers((*paths, *resolved.layers), resolved.hint, cloned)

    async def wheels(self, required: RequiredEnvironment, python: str) -> list[Path]:
        """Return wheels of a worker environment with a version of Python. Raises JobEnvironmentError."""
        from dx_local.engine.environments.wheels import wheels_of

        found = request_of_python(python)
        if found is None:
            raise JobEnvironmentError(f"this machine has no Python {python}, for which a node needs packages")
        request = replace(found, packages=required.packages)
        try:
            environment = await self._workers.environment(request)
            return await asyncio.to_thread(wheels_of, request, environment)
        except EnvironmentBuildError as error:
            raise JobEnvironmentError(str(error)) from error

    async def environment(self, request: EnvironmentRequest) -> WorkerEnvironment:
        """Return a worker environment, created once for concurrent calls. Raises EnvironmentBuildError."""
        return await self._workers.environment(request)

    def python_of(self, release: str) -> str:
        """Return the version of Python under which jobs of a release run, as far as known by now."""
        return self._workers.python_of(release)

    async def _resolve(self, dependencies: tuple[Dependency, ...]) -> ResolvedDependencies:
        """Resolve execDepends, and again after packages were installed on this machine."""
        from dx_local.engine.environments.debian.resolve import resolve_dependencies

        key = (dpkg.stamp(), dependencies)
        if key not in self._resolved:
            work = partial(
                resolve_dependencies,
                dependencies,
                installs=self._settings.install_depends,
                announce=from_thread(self._announce),
            )
            self._resolved[key] = asyncio.create_task(asyncio.to_thread(work))
            self._resolved[key].add_done_callback(retrieve_exception)
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
