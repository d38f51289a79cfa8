"""Run the apps of the benchmarks with `dx-local run`, as a user would."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.process import Command, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.process import EndedCommand

BIN = Path(sys.executable).parent
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The version that the peers use, even if the machine has others."""
APPS = Path(__file__).parent / "apps"


def run_app(
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
    given = [f"-i{key}={value}" for key, value in inputs.items()]
    options: list[str | Path] = ["--python", _PYTHON, "--workspace-path", folder / "run", "--quiet", "--json"]
    argv: list[str | Path] = [BIN / "dx-local", "run", APPS / name, *given, *options, *more]
    ended = run(Command(argv, folder, {"TMPDIR": str(temporary), **(variables or {})}))
    output: dict[str, Any] = json.loads(ended.output)["output"]
    return ended, output
