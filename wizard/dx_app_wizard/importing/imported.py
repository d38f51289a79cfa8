"""An app as imported from a command, script or task: answers, files, and a report for people."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.template import parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dx_app_wizard.command_template.holes import Hole

LARGEST_SAMPLE = 10 * 2**20
"""Bytes up to which a file becomes part of the app as a sample or an expected output."""

CASE = "sample"
"""The name of the test case."""


@dataclass(frozen=True)
class Finding:
    """One line of the report: a word of the command, the evidence, and its role in the app."""

    subject: str
    evidence: str
    role: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Imported:
    """An imported app.

    `answers` are by the questions' keys. `sources` are files of the user to copy, by their paths in the app;
    `texts` are files to write. `findings` and `notes` are for people. `start` and
    `options` are the words of a command that makes the same app.
    """

    answers: Mapping[str, Any]
    sources: Mapping[PurePosixPath, Path] = field(default_factory=dict)
    texts: Mapping[PurePosixPath, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    sample: str = ""
    options: tuple[str, ...] = ()
    start: tuple[str, ...] = ()

    def one_command(self, name: str) -> str:
        """Return the command that makes the same app."""
        return shlex.join(["dx-app-wizard", name, *self.start, *self.options])


def sample_files(
    holes: Mapping[str, Hole],
    files: Mapping[str, tuple[Path, ...]],
    values: Mapping[str, Any],
    arrays: Mapping[str, str] | None = None,
) -> tuple[dict[PurePosixPath, Path], str]:
    """Return the sample files by their paths in the app, and the text of test/input.json.

    `arrays` has the names of the app's arrays for inputs of the command that are scattered.
    """
    arrays = arrays or {}
    placed: dict[PurePosixPath, Path] = {}
    given: dict[str, Any] = {}
    for name, paths in files.items():
        targets: list[str] = []
        for number, path in enumerate(paths, 1):
            data = PurePosixPath("test/data")
            places = (data, data / name, data / name / str(number))
            target = next(
                place / path.name for place in places if placed.get(place / path.name, path) == path
            )
            placed[target] = path
            targets.append(target.as_posix())
        is_array = name in arrays or (name in holes and holes[name].is_array) or len(paths) > 1
        given[arrays.get(name, name)] = targets if is_array else targets[0]
    given |= values
    return placed, json.dumps(given, indent=2, ensure_ascii=False) + "\n"


def input_holes(command: str) -> dict[str, Hole]:
    """Return the inputs of a command template by their names."""
    return {hole.name: hole for hole in parse_template(command).inputs}
