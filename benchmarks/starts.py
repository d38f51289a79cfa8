"""Start-up times: the commands of this project, the official ones, and runs of generated apps."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

from benchmarks.generated import generate
from benchmarks.ours import worker_request
from benchmarks.probes import Probe, timed, times_of
from benchmarks.process import Command, run

from dx_local.engine.environments.python_environments import prepare_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.ours import Installation

DXPY = "start of the worker's Python with dxpy"
OUR_HELP, OFFICIAL_HELP = "`dx-app-wizard --help`", "official `dx-app-wizard --help`"
RUNTIME_HELP = "`dx-local --help`"
GENERATE, OFFICIAL_GENERATE = "generate an app by options", "generate an app with the official wizard"
GENERATE_PIPED = "generate an app by the answers of a pipe"
LINT = "`dx-local lint` of the basic app"
OURS = [RUNTIME_HELP, OUR_HELP, GENERATE, GENERATE_PIPED, LINT]
ALL = [DXPY, RUNTIME_HELP, OUR_HELP, OFFICIAL_HELP, GENERATE, GENERATE_PIPED, OFFICIAL_GENERATE, LINT]

_LINES = "made\nT\nS\n0.0.1\nreads\n\nfile\nn\n\nn\n\nint\n\n48h\nn\nn\nmem1_ssd1_v2_x4\n"
"""Answers to the questions of both wizards for an app with a file as input and an int as output."""


def probes(ours: Installation) -> list[Probe]:
    """Return the probes of an installation's start-up times."""
    return [
        timed(
            ours.named(RUNTIME_HELP), lambda folder: Command([ours.programs / "dx-local", "--help"], folder)
        ),
        timed(
            ours.named(OUR_HELP), lambda folder: Command([ours.programs / "dx-app-wizard", "--help"], folder)
        ),
        timed(ours.named(GENERATE), lambda folder: generate(ours, folder)),
        timed(
            ours.named(GENERATE_PIPED),
            lambda folder: _piped(ours.programs / "dx-app-wizard", "python", folder),
        ),
        Probe(ours.named(LINT), lambda folder: _lint(ours, folder)),
    ]


def official() -> list[Probe]:
    """Return the probes of the programs to compare with."""
    return [
        timed(DXPY, lambda folder: Command([_worker_python(), "-c", "import dxpy"], folder)),
        timed(OFFICIAL_HELP, lambda folder: Command([_official_wizard(), "--help"], folder)),
        timed(OFFICIAL_GENERATE, lambda folder: _piped(_official_wizard(), "Python", folder)),
    ]


def _piped(wizard: Path, language: str, folder: Path) -> Command:
    return Command([wizard, "--language", language, "--template", "basic"], folder, lines=_LINES)


def _lint(ours: Installation, folder: Path) -> Mapping[str, float]:
    run(generate(ours, folder))
    return times_of(run(Command([ours.programs / "dx-local", "lint", folder / "made"], folder)))


def _official_wizard() -> Path:
    return _worker_python().parent / "dx-app-wizard"


@cache
def _worker_python() -> Path:
    """Return the Python of the worker environment, which is created if necessary."""
    return prepare_environment(worker_request(), announce=lambda text: print(text, file=sys.stderr)).python
