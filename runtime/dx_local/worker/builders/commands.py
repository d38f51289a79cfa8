"""Run the programs of a build: their output goes to the job's log, and its end into error messages."""

from __future__ import annotations

import subprocess
from collections import deque
from typing import TYPE_CHECKING

from dx_local.worker.builders.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LAST_LINES = 10
"""The number of lines of a program's output that error messages quote."""


def run(command: Sequence[str], *, folder: Path | None = None) -> None:
    """Run a program and print its output as it comes.

    Raises BuildError with the exit code and the last lines if it fails, or if it is not installed.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise BuildError(
            f"{command[0]} is not installed on this machine, and the build needs it. Install it."
        ) from None
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="", flush=True)
        last.append(line.rstrip("\n"))
    if code := process.wait():
        raise failure_of(command[0], code, last)


def failure_of(program: str, code: int, output: Iterable[str]) -> BuildError:
    """Return the error for a program that failed, by its exit code and the lines of its output."""
    how = f"failed with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return BuildError(f"{program} {how}.", [*output][-LAST_LINES:])
