"""Workplaces: what a job is started in, by what its applet asks for: a Python, packages, layers over `/`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dx_app_wizard.spec.python2 import is_python2, python2_code
from dx_local.engine.dependencies.entries import dependencies_of
from dx_local.engine.environments import (
    EnvironmentBuildError,
    EnvironmentRequest,
    prepare_environment,
    requirements_of,
)
from dx_local.engine.resources import BundleError, Resources

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.environments import WorkerEnvironment
    from dx_local.platform.context import JSON, Platform


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


class Workplaces:
    """Prepares workplaces, each part of them once; `announce` is told what users should know."""

    def __init__(self, platform: Platform, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._resources = Resources(platform)
        self._environments: dict[EnvironmentRequest, asyncio.Task[WorkerEnvironment]] = {}
        self._said: set[str] = set()

    async def of(self, applet: JSON, function: str) -> Workplace:
        """Return the workplace of an applet's job at an entry point. Raises WorkplaceError."""
        self._check_python(applet)
        request = EnvironmentRequest(packages=requirements_of(dependencies_of(applet["runSpec"], function)))
        try:
            environment = await self.environment(request)
            layers = await self._resources.layers_of(applet)
        except (EnvironmentBuildError, BundleError) as error:
            raise WorkplaceError(str(error)) from error
        return Workplace(environment, layers)

    async def environment(self, request: EnvironmentRequest) -> WorkerEnvironment:
        """Return a worker environment; who asks while it is made shares it. Raises EnvironmentBuildError."""
        known = self._environments.get(request)
        if known is None or (known.done() and known.exception()):
            build = partial(prepare_environment, request, announce=self._announce_from_thread())
            self._environments[request] = asyncio.create_task(asyncio.to_thread(build))
        return await asyncio.shield(self._environments[request])

    def _check_python(self, applet: JSON) -> None:
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
            f"  {place}: {found.problem}\n      {found.text}\n{found.remedy}",
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
