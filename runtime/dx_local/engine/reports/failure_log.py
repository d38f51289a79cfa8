"""Shorten the log of a failed job to the lines that explain the failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_local.engine.reports.source_lines import BASH_LINE, ENTRY_CALL
from dx_local.platform.execution.job_logs import DXPY_OPENING, MACHINERY_FRAME, job_output_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_TAIL_BYTES = 1024 * 1024
_MOST_PROGRAMS = 3
_TRACEBACK = "Traceback (most recent call last):"
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line \d+(?:, in (?P<name>.+))?')
_MISSING = (
    re.compile(r"(?:^|: )(?P<program>[^\s:]+): command not found$"),  # bash
    re.compile(r"^\S*sh: \d+: (?P<program>\S+): not found$"),  # dash, which is sh on workers
)


def last_lines(log: Path) -> tuple[str, ...]:
    """Return the last lines that a job printed, at most 1 MiB. Raises OSError."""
    return tuple(job_output_bytes(log, _TAIL_BYTES).decode("utf-8", "replace").splitlines())


def relative(text: str, app: Path) -> str:
    """Return a text in which the paths of files in the app's folder are relative to that folder."""
    return text.replace(f"{app.resolve()}/", "")


def missing_programs(lines: Sequence[str], app: Path) -> tuple[str, ...]:
    """Return a message for each program that a shell did not find: `src/app.sh:3: bwa: command not found`.

    Such a program in a pipe does not end the job, or lets another program fail.
    """
    found: dict[str, str] = {}
    for line in lines:
        match = next(filter(None, (pattern.search(line) for pattern in _MISSING)), None)
        if match:
            place = BASH_LINE.match(relative(line, app))
            at = f"{place['file']}:{place['line']}: " if place else ""
            found.setdefault(match["program"], f"{at}{match['program']}: command not found")
    return tuple(found.values())[:_MOST_PROGRAMS]


def excerpt(lines: Sequence[str], app: Path) -> list[str]:
    """Return the lines that explain a failure: of tracebacks only the frames in the app's own code.

    Paths in the app's folder become relative to it. The line with which dxpy begins, and empty lines, are
    left out.
    """
    own = [relative(line, app) for line in lines if line.strip() and not DXPY_OPENING.match(line)]
    kept: list[str] = []
    position = 0
    while position < len(own):
        if own[position] == _TRACEBACK:
            end = _end_of_frames(own, position + 1)
            kept += _own_frames(own[position + 1 : end])
            position = end
        else:
            kept.append(own[position])
            position += 1
    return kept


def _end_of_frames(lines: Sequence[str], start: int) -> int:
    return next((at for at in range(start, len(lines)) if not lines[at].startswith("  ")), len(lines))


def _own_frames(lines: Sequence[str]) -> list[str]:
    """Return the frames of the app's own code; if there are none, those of anything but the machinery."""
    frames = list(_frames(lines))
    own = [frame for frame, is_own in frames if is_own]
    return own or [frame for frame, _ in frames]


def _frames(lines: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the first line of each frame outside the machinery, and whether it is in the app's own code."""
    for position, line in enumerate(lines):
        match = _FRAME.match(line)
        if match is None or MACHINERY_FRAME.match(line):
            continue
        code = lines[position + 1].strip() if position + 1 < len(lines) else ""
        if match["name"] != "<module>" or code != ENTRY_CALL:
            yield line, not match["file"].startswith(("/", "<"))
