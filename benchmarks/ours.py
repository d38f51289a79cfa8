"""Run the apps of the benchmarks with `dx-local run`, as a user would: this checkout's, or an earlier one."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.process import Command, run

from dx_local.engine.environments.python_environments import EnvironmentRequest, request_of_python
from dx_local.engine.environments.python_versions import PYTHON_OF_RELEASE, running_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.process import EndedCommand

APPS = Path(__file__).parent / "apps"

_RELEASE = "24.04"  # of all apps of the benchmarks


def before(probe: str) -> str:
    """Return the name of a probe when it measures the earlier commit."""
    return f"{probe}, before"


@dataclass(frozen=True)
class Installation:
    """An installation of this repository: its programs, and its commit unless it is the checkout."""

    programs: Path
    commit: str | None = None

    def named(self, probe: str) -> str:
        """Return the name of a probe that measures this installation."""
        return before(probe) if self.commit else probe

    def run_app(
        self,
        name: str,
        folder: Path,
        inputs: Mapping[str, object],
        variables: Mapping[str, str] | None = None,
        more: Sequence[str] = (),
    ) -> tuple[EndedCommand, dict[str, Any]]:
        """Run an app in an empty folder, and return the measurements and the output of the run.

        `more` are options of `dx-local run`. Temporary files go to `folder`/tmp. Raises CommandError.
        """
        temporary = folder / "tmp"
        temporary.mkdir()
        command = self.run_command(APPS / name, folder, inputs, ["--workspace-path", folder / "run", *more])
        variables = {"TMPDIR": str(temporary), **(variables or {})}
        ended = run(Command(command.argv, folder, variables))
        return ended, output_of(ended)

    def run_command(
        self, app: Path, folder: Path, inputs: Mapping[str, object], more: Sequence[str | Path] = ()
    ) -> Command:
        """Return the command that runs an app from a folder, and prints its output as JSON."""
        given = [f"-i{key}={value}" for key, value in inputs.items()]
        options = ["--python", worker_python(), "--quiet", "--json"]
        return Command([self.programs / "dx-local", "run", app, *given, *options, *more], folder)


CHECKOUT = Installation(Path(sys.executable).parent)
"""The installation of the running code."""


def output_of(ended: EndedCommand) -> dict[str, Any]:
    """Return the output of a run with `--json`."""
    output: dict[str, Any] = json.loads(ended.output)["output"]
    return output


def worker_python() -> str:
    """Return the version of Python of all jobs: that of their release, or the running one without it."""
    return worker_request().python or running_version()


def worker_request() -> EnvironmentRequest:
    """Return the request for the worker environment of all jobs."""
    return request_of_python(PYTHON_OF_RELEASE[_RELEASE]) or EnvironmentRequest()
