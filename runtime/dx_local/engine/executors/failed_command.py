"""Name the command at which a bash job failed, from the files that its ERR trap wrote to the job's home.

    .dx-failed-command.N.M    the last command that failed in subshells of depth N and calls of depth M

The job's own shell is at depth 0. A file holds fields that end in NUL: the exit code, the line, the command,
the number of stack frames, the file of each frame from the innermost outwards, and the line at which each
frame was called.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dx_app_wizard.dxapp import regular_file
from dx_local.platform.execution.job_logs import job_output_bytes
from dx_local.worker.job import FAILED_COMMAND_FILE

if TYPE_CHECKING:
    from pathlib import Path

LOG_LINE = re.compile(r".+: line \d+: .*\(exit code \d+\)")
"""The lines that `log_lines` returns, with which the log of a failed job may end."""

_LONGEST_COMMAND = 200
_LOG_TAIL_BYTES = 8192

# A subshell fails with its last command; an older record is of a failure that the app ignored.
_SUBSHELL_NANOSECONDS = 1_000_000_000


class Frame(NamedTuple):
    """A line of a file of bash code."""

    file: str
    line: int


class FailedCommand(NamedTuple):
    """A command that failed; `frames` are its own line, then those of the calls that led to it."""

    subshell: int
    nanoseconds: int
    exit_code: int
    command: str
    frames: tuple[Frame, ...]


def log_lines(home: Path, log: Path, code_file: str) -> list[str]:
    """Return lines for the log of a job that failed, in the style of bash's own messages.

    They name the command that ended the job and, if it belongs to another file, the line of the app's code
    that led to it, except for lines that bash has named itself. `code_file` is the name of the file with
    the app's code. Raises OSError if the log cannot be read.
    """
    failed = _take(home)
    if failed is None:
        return []
    *frames, _wrapper = failed.frames
    own = next((frame for frame in frames if frame.file.endswith(f"/{code_file}")), None)
    if own is None:
        return []
    tail = job_output_bytes(log, _LOG_TAIL_BYTES)
    command = failed.command.partition("\n")[0][:_LONGEST_COMMAND]
    return [
        f"{file}: line {line}: {command} (exit code {failed.exit_code})"
        for file, line in dict.fromkeys((frames[0], own))
        if f": line {line}: ".encode() not in tail
    ]


def _take(home: Path) -> FailedCommand | None:
    """Return the command that ended a job, in its innermost subshell; None if no failed command did.

    Remove the files, which are not the job's. The shell of the job writes a record only if errexit is
    on and thus ends it.
    """
    files = list(home.glob(f"{FAILED_COMMAND_FILE}.*"))
    records = [record for file in files if (record := _parse(file))]
    for file in files:
        with suppress(OSError):
            file.unlink()
    ended = min((record for record in records if not record.subshell), key=_time, default=None)
    if ended is None:
        return None
    led_to_it = [record for record in records if record.subshell and _led_to(record, ended)]
    inner = max(led_to_it, key=lambda record: (record.subshell, len(record.frames)), default=None)
    return _inside(inner, ended) if inner else ended


def _time(record: FailedCommand) -> int:
    return record.nanoseconds


def _parse(file: Path) -> FailedCommand | None:
    """Return the record of a file, or None if it is incomplete."""
    try:
        exit_code, line, command, depth, *rest = (
            regular_file.read(file).decode("utf-8", "replace").split("\0")
        )
        count = int(depth)
        # A frame is at the line where the next inner one was called; the innermost is at the command.
        lines = [line, *rest[count : 2 * count - 1]]
        return FailedCommand(
            int(file.name.split(".")[2]),
            file.stat().st_mtime_ns,
            int(exit_code),
            command,
            tuple(Frame(source, int(at)) for source, at in zip(rest[:count], lines, strict=True)),
        )
    except (OSError, ValueError, IndexError):
        return None


def _led_to(inner: FailedCommand, outer: FailedCommand) -> bool:
    """Return whether a subshell may have failed because of a command: by time, exit code and calls."""
    callers = outer.frames[1:]
    return (
        inner.exit_code == outer.exit_code
        and 0 <= outer.nanoseconds - inner.nanoseconds < _SUBSHELL_NANOSECONDS
        and inner.frames[len(inner.frames) - len(callers) :] == callers
    )


def _inside(inner: FailedCommand, outer: FailedCommand) -> FailedCommand:
    """Return the inner command, at no line behind the end of the outer one.

    Bash (5.2) counts the lines of a command substitution from its end.
    """
    same = len(inner.frames) - len(outer.frames)
    own, limit = inner.frames[same], outer.frames[0]
    frame = own._replace(line=min(own.line, limit.line)) if own.file == limit.file else own
    return inner._replace(frames=(*inner.frames[:same], frame, *inner.frames[same + 1 :]))
