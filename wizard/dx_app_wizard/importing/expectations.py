"""Turn the outputs of a trial into a test case for `dx-local test`, with golden files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.importing.imported import CASE, LARGEST_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dx_app_wizard.command_template.template import CommandTemplate
    from dx_app_wizard.importing.trial import TrialResult

    Trial = tuple[TrialResult, "TrialResult | None"]

_FOLDER = PurePosixPath("test/cases")
_HEADERS_VARY = (".bam", ".sam", ".vcf", ".vcf.gz")
"""Files of which dx-local test does not compare the headers that name the command."""


def test_case(
    template: CommandTemplate, trials: Sequence[Trial], *, is_scattered: bool
) -> tuple[str, dict[PurePosixPath, Path], tuple[str, ...]]:
    """Return the text of the case, its golden files by their paths in the app, and notes.

    An app that is scattered has a trial for each process job, and an array for each output of the command. An
    output that differed in the repeated trial is only expected to have content, as is a large one.
    """
    expect: dict[str, Any] = {}
    golden: dict[PurePosixPath, Path] = {}
    notes: list[str] = []
    for hole in template.outputs:
        is_array = hole.is_array or is_scattered
        checks: list[dict[str, dict[str, Any]]] = []
        for result, repeated in trials:
            for path in result.outputs.get(hole.name, ()):
                file = result.folder / path
                if problem := _problem(file, result.folder, repeated.folder / path if repeated else None):
                    notes.append(f"{hole.name}: {problem}, so the test only requires content")
                    checks.append({"file": {"non_empty": True} if file.stat().st_size else {}})
                    continue
                target = _free(golden, file, hole.name, has_prefix=hole.is_array)
                golden[target] = file
                checks.append({"file": {"golden": target.name}})
        if checks:
            expect[hole.name] = checks if is_array else checks[0]
    case: dict[str, Any] = {
        "description": "The result of the command when the app was made of it.",
        "expect": expect,
    }
    if is_scattered:
        case["jobs"] = {"process": len(trials)}
    return json.dumps(case, indent=2) + "\n", golden, tuple(notes)


def _free(
    golden: Mapping[PurePosixPath, Path], file: Path, output: str, *, has_prefix: bool
) -> PurePosixPath:
    """Return a path in the app for a golden file, which no other file has."""
    target = _FOLDER / CASE / (f"{output}.{file.name}" if has_prefix else file.name)
    number = 1
    while golden.get(target, file) != file:
        target = _FOLDER / CASE / f"{output}{number if number > 1 else ''}.{file.name}"
        number += 1
    return target


def _names_folder(file: Path, folder: Path) -> bool:
    """Return whether a VCF file names the folder of a trial, as it does for a BAM file without read groups.

    dx-local test does not compare the headers that begin with `##`.
    """
    data = file.read_bytes()
    lines = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).split(b"\n")
    return any(str(folder).encode() in line for line in lines if not line.startswith(b"##"))


def _problem(file: Path, folder: Path, repeated: Path | None) -> str | None:
    """Return the reason why a file cannot be compared with a golden file, None if it can."""
    if file.stat().st_size > LARGEST_SAMPLE:
        return f"{file.name} is larger than 10 MiB"
    if file.name.endswith((".vcf", ".vcf.gz")) and _names_folder(file, folder):
        return f"{file.name} names the folder of the trial"
    if repeated is None or file.name.endswith(_HEADERS_VARY):
        return None
    if not repeated.is_file() or repeated.read_bytes() != file.read_bytes():
        return f"{file.name} differs from run to run"
    return None


def case_path() -> PurePosixPath:
    """Return the path of the case in the app."""
    return _FOLDER / f"{CASE}.json"
