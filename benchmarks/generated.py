"""Runs of generated apps on their sample inputs: every pattern in both languages."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from benchmarks.probes import Probe, times_of
from benchmarks.process import Command, run

from dx_app_wizard.answers.choices import LANGUAGES, PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from benchmarks.ours import Installation


def name_of(language: str, pattern: str) -> str:
    """Return the name of the probe of an app."""
    return f"`dx-local run` of the {pattern} app in {language}"


TEMPLATES = tuple(itertools.product(LANGUAGES, PATTERNS))
NAMES = [name_of(*template) for template in TEMPLATES]


def probes(ours: Installation) -> list[Probe]:
    """Return the probes of the apps that an installation generates."""
    return [Probe(ours.named(name_of(*template)), _second_run(ours, *template)) for template in TEMPLATES]


def generate(ours: Installation, folder: Path, language: str = "python", pattern: str = "basic") -> Command:
    """Return the command that generates the app `made` in a folder."""
    template = ["--language", language, "--template", pattern]
    interface = ["--input", "reads:file", "--output", "n:int"]
    return Command([ours.programs / "dx-app-wizard", "made", *template, *interface, "--no-input"], folder)


def _second_run(ours: Installation, language: str, pattern: str) -> Callable[[Path], Mapping[str, float]]:
    """Return a function that measures the second run of an app from the shell, report included."""

    def measure(folder: Path) -> Mapping[str, float]:
        run(generate(ours, folder, language, pattern))
        command = Command([ours.programs / "dx-local", "run", folder / "made", "--quiet"], folder)
        run(command)
        return times_of(run(command))

    return measure
