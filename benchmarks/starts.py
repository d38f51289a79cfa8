"""Start-up times: the commands of this project, the official ones, and a run of a generated app."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.ours import BIN
from benchmarks.probes import Probe, timed
from benchmarks.process import Command, run

from dx_local.engine.environments.python_environments import EnvironmentRequest, prepare_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DXPY = "start of Python with dxpy"
OUR_HELP, OFFICIAL_HELP = "`dx-app-wizard --help`", "official `dx-app-wizard --help`"
RUNTIME_HELP = "`dx-local --help`"
GENERATE, OFFICIAL_GENERATE = "generate an app", "generate an app with the official wizard"
LINT = "`dx-local lint` of the basic app"
BASIC_APP = "`dx-local run` of the basic app"
ALL = [DXPY, RUNTIME_HELP, OUR_HELP, OFFICIAL_HELP, GENERATE, OFFICIAL_GENERATE, LINT, BASIC_APP]

OFFICIAL_ANSWERS = "made\nT\nS\n0.0.1\nreads\n\nfile\nn\n\nn\n\nint\n\n48h\nn\nn\nmem1_ssd1_v2_x4\n"
"""The answers to the official wizard for an app with a file as input and an int as output."""


def probes() -> list[Probe]:
    """Return the probes of start-up times."""
    return [
        timed(DXPY, lambda folder: Command([_worker_python(), "-c", "import dxpy"], folder)),
        timed(RUNTIME_HELP, lambda folder: Command([BIN / "dx-local", "--help"], folder)),
        timed(OUR_HELP, lambda folder: Command([BIN / "dx-app-wizard", "--help"], folder)),
        timed(OFFICIAL_HELP, lambda folder: Command([_official_wizard(), "--help"], folder)),
        timed(GENERATE, lambda folder: _generate(folder, "--input", "reads:file", "--output", "n:int")),
        timed(OFFICIAL_GENERATE, _generate_officially),
        Probe(LINT, _lint),
        Probe(BASIC_APP, _basic_app),
    ]


def _generate(folder: Path, *options: str) -> Command:
    chosen = ["--language", "python", "--template", "basic", "--no-input"]
    return Command([BIN / "dx-app-wizard", "made", *chosen, *options], folder)


def _generate_officially(folder: Path) -> Command:
    argv: list[str | Path] = [_official_wizard(), "--language", "Python", "--template", "basic"]
    return Command(argv, folder, lines=OFFICIAL_ANSWERS)


def _lint(folder: Path) -> Mapping[str, float]:
    run(_generate(folder))
    return {"seconds": run(Command([BIN / "dx-local", "lint", folder / "made"], folder)).seconds}


def _basic_app(folder: Path) -> Mapping[str, float]:
    """Return the duration of the second run of an app on its sample inputs, from the shell, in seconds."""
    run(_generate(folder))
    command = Command([BIN / "dx-local", "run", folder / "made", "--quiet"], folder)
    run(command)
    return {"seconds": run(command).seconds}


def _official_wizard() -> Path:
    return _worker_python().parent / "dx-app-wizard"


@cache
def _worker_python() -> Path:
    """Return the Python of the worker environment, which is created if necessary."""
    return prepare_environment(
        EnvironmentRequest(), announce=lambda text: print(text, file=sys.stderr)
    ).python
