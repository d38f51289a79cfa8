"""Workplaces: what a job is started in, by what its applet asks for: a Python, packages, layers over `/`."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.lint.source.python2 import is_python2, python2_code
from dx_local.engine.environments.bundled_files import BundleError, Resources
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.exec_depends import dependencies_of
from dx_local.engine.environments.python_environments import (
    EnvironmentBuildError,
    EnvironmentRequest,
    failed_lately,
    prepare_environment,
    requirements_of,
)
from dx_local.engine.environments.python_versions import PYTHON_OF_RELEASE, find_python, running_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.environments.debian.resolve import Supply
    from dx_local.engine.environments.exec_depends import Dependency
    from dx_local.engine.environments.python_environments import WorkerEnvironment
    from dx_local.engine.settings import JobSettings
    from dx_local.platform.core.context import JSON, Platform


_COMMAND_NOT_FOUND = 127
_NO_LIBRARY = re.compile(r"error while loading shared libraries: ([^\s:]+):")
_NO_PROGRAM = re.compile(r": ([\w.+-]+): command not found")
_NOT_FOUND = ("command not found", "No such file or directory", f"exit status {_COMMAND_NOT_FOUND}")


class WorkplaceError(Exception):
    """A job cannot be started; `reason` is that of its failure, as describe names it."""

    def __init__(self, message: str, reason: str = "ExecutionError") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Workplace:
    """What a job is started in; of the layers that lie over `/`, the topmost comes first."""

    environment: WorkerEnvironment
    layers: tuple[Path, ...]
    hint: str | None = None
    """What to say should the job fail for lack of a program."""

    def explain(self, exit_code: int | None, message: str) -> str:
        """Return the message of a failure, with what this machine lacks where that may be why."""
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


class Workplaces:
    """Prepares workplaces, each part of them once; `announce` is told what users should know."""

    def __init__(self, platform: Platform, settings: JobSettings, announce: Callable[[str], None]) -> None:
        self._settings = settings
        self._announce = announce
        self._resources = Resources(platform)
        self._environments: dict[EnvironmentRequest, asyncio.Task[WorkerEnvironment]] = {}
        self._supplies: dict[tuple[int, tuple[Dependency, ...]], asyncio.Task[Supply]] = {}
        self._pythons: dict[str, EnvironmentRequest] = {}
        self._said: set[str] = set()

    async def of(self, applet: JSON, function: str) -> Workplace:
        """Return the workplace of an applet's job at an entry point. Raises WorkplaceError."""
        self._check_code(applet)
        dependencies = dependencies_of(applet["runSpec"], function)
        try:
            environment = await self._environment_of(applet, requirements_of(dependencies))
            supply = await self._supply(dependencies) if dependencies else None
            layers = await self._resources.layers_of(applet)
        except (EnvironmentBuildError, BundleError) as error:
            raise WorkplaceError(str(error)) from error
        if supply is None:
            return Workplace(environment, layers)
        for note in supply.notes:
            self._say_once(note)
        return Workplace(environment, (*layers, *supply.layers), supply.hint)

    async def environment(self, request: EnvironmentRequest) -> WorkerEnvironment:
        """Return a worker environment; who asks while it is made shares it. Raises EnvironmentBuildError."""
        if made := self._made(request):
            return made
        known = self._environments.get(request)
        if known is None or known.done():
            build = partial(prepare_environment, request, announce=self._announce_from_thread())
            self._environments[request] = known = asyncio.create_task(asyncio.to_thread(build))
            known.add_done_callback(_take_note)  # the task that waited for it may be cancelled
        return await asyncio.shield(known)

    def _made(self, request: EnvironmentRequest) -> WorkerEnvironment | None:
        """Return a worker environment that is there already, without a look at the disk."""
        known = self._environments.get(request)
        if known is None or not known.done() or known.exception():
            return None
        return known.result()

    async def _environment_of(self, applet: JSON, packages: tuple[str, ...]) -> WorkerEnvironment:
        release = str(applet["runSpec"].get("release"))
        request = replace(self._python_of(release), packages=packages)
        if applet["runSpec"]["interpreter"] != "bash":
            self._say_python(release, request.python or running_version())
        if self._settings.python or request.python is None:
            return await self.environment(request)
        # Nobody asked for that Python; without a package index there may be one for the running one alone.
        try:
            if self._made(request) or not failed_lately(request):
                return await self.environment(request)
        except EnvironmentBuildError:
            pass
        environment = await self.environment(EnvironmentRequest(packages=packages))
        self._pythons[release] = EnvironmentRequest()
        self._say_once(
            f"A worker environment with the Python {request.python} of release {release} could not be made."
        )
        self._say_python(release, running_version())
        return environment

    def _python_of(self, release: str) -> EnvironmentRequest:
        """Return the request for an environment with the Python of the jobs of a release."""
        if release not in self._pythons:
            self._pythons[release] = self._choose_python(release)
        return self._pythons[release]

    def _choose_python(self, release: str) -> EnvironmentRequest:
        wanted = self._settings.python or PYTHON_OF_RELEASE.get(release)
        if wanted in (None, running_version()):
            return EnvironmentRequest()
        if found := find_python(wanted):
            return EnvironmentRequest(python=wanted, interpreter=found)
        if self._settings.python:
            path = Path(wanted).absolute()
            return EnvironmentRequest(python=wanted, interpreter=path if path.is_file() else None)
        return EnvironmentRequest()

    def _say_python(self, release: str, python: str) -> None:
        expected = PYTHON_OF_RELEASE.get(release, python)
        if self._settings.python is None and python != expected:
            self._say_once(
                f"Release {release} has Python {expected}; jobs run under Python {python},"
                " as no other is here (see --python)."
            )

    async def _supply(self, dependencies: tuple[Dependency, ...]) -> Supply:
        """Return what execDepends come to; asked anew once packages were installed on this machine."""
        from dx_local.engine.environments.debian.resolve import supply

        key = (dpkg.stamp(), dependencies)
        if key not in self._supplies:
            work = partial(
                supply,
                dependencies,
                installs=self._settings.install_depends,
                announce=self._announce_from_thread(),
            )
            self._supplies[key] = asyncio.create_task(asyncio.to_thread(work))
            self._supplies[key].add_done_callback(_take_note)
        return await asyncio.shield(self._supplies[key])

    def _check_code(self, applet: JSON) -> None:
        """Say that code for Python 2 runs under Python 3, or raise WorkplaceError where it cannot."""
        interpreter = applet["runSpec"]["interpreter"]
        if not is_python2(interpreter):
            return
        found = python2_code(applet["runSpec"]["code"])
        if found is None:
            self._say_once(f"The app asks for {interpreter}; its code runs under Python 3 here.")
            return
        source = (applet.get("local") or {}).get("source")
        place = f"{source}:{found.line}" if source else f"line {found.line}"
        raise WorkplaceError(
            f"The app asks for {interpreter}; jobs run under Python 3, which cannot read its code.\n"
            f"  {place}: {found.problem}\n      {found.text}\n{found.hint}",
            "AppInternalError",
        )

    def _say_once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._announce(message)

    def _announce_from_thread(self) -> Callable[[str], None]:
        loop = asyncio.get_running_loop()

        def announce(message: str) -> None:
            loop.call_soon_threadsafe(self._announce, message)

        return announce


def _take_note(work: asyncio.Task[Any]) -> None:
    """Look at the error of work, if it has one, so that asyncio does not report it as overlooked."""
    if not work.cancelled():
        work.exception()
