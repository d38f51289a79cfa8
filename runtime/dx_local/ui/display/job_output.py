"""Decide which lines of jobs are shown; all of them are in the files of the jobs."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from dx_app_wizard.console.text import plain
from dx_local.engine.executors.log_sources.line_splitter import LONGEST_LINE
from dx_local.platform.core.schema import JobTry
from dx_local.platform.execution.job_logs import (
    DXPY_OPENING,
    MACHINERY_FRAME,
    job_output_bytes,
    log_paths,
)

if TYPE_CHECKING:
    from dx_local.platform.core.context import Platform

MANY_JOBS = 8
"""The number of running jobs above which their lines are no longer shown as they come."""

MANY_LINES = 50
"""The number of lines in a second above which no more are shown."""

HELD_BACK = "log lines of jobs are in their files: --logs all shows them"
"""The message that explains missing lines."""

_TAIL_BYTES = 64 * 1024
_CHARACTER_BYTES = 4  # at most: overlong lines are cut at characters
_CODE_INDENT = "    "


class Logs(str, Enum):
    """The jobs whose output is shown: those of a calm run, all, those that failed, or none."""

    AUTO = "auto"
    ALL = "all"
    FAILED = "failed"
    NONE = "none"


class Noise:
    """Recognises the lines that every Python job prints, and that tell nothing about it; its log has them.

    They are the line with which dxpy begins, which repeats the whole input, and the frames of dxpy and the
    worker in tracebacks.
    """

    def __init__(self) -> None:
        self._in_frame: set[str] = set()
        self._in_opening: set[str] = set()

    def has(self, job_id: str, text: str) -> bool:
        """Return whether the next line of a job is noise."""
        if MACHINERY_FRAME.match(text):
            self._in_frame.add(job_id)
            return True
        if job_id in self._in_frame and text.startswith(_CODE_INDENT):
            return True
        self._in_frame.discard(job_id)
        return self._is_opening(job_id, text)

    def _is_opening(self, job_id: str, text: str) -> bool:
        """Return whether a line is that of dxpy, or a part of that line: a large input makes it overlong."""
        if job_id not in self._in_opening and not DXPY_OPENING.match(text):
            return False
        self._in_opening.add(job_id)
        if len(text.encode(errors="replace")) <= LONGEST_LINE - _CHARACTER_BYTES:
            self._in_opening.discard(job_id)  # the last piece
        return True


class LogGate:
    """Lets lines of jobs pass, or holds them back and counts them.

    `most_lines` is the number of lines in a second above which no more pass; None for no limit.
    """

    def __init__(self, logs: Logs, most_lines: int | None = None) -> None:
        self.held_back = 0
        self._logs = logs
        self._most_lines = most_lines
        self._second = 0
        self._count = 0
        self._last_count = 0

    def lets_pass(self, now: float, *, is_calm: bool) -> bool:
        """Return whether a line that comes now is shown; `is_calm` is false if too many jobs run for that."""
        if self._logs is not Logs.AUTO:
            return self._logs is Logs.ALL
        passes = is_calm and not self._is_flood(now)
        self.held_back += not passes
        return passes

    def _is_flood(self, now: float) -> bool:
        """Count a line, and return whether this second or the last one has too many."""
        second = int(now)
        if second != self._second:
            self._last_count = self._count if second == self._second + 1 else 0
            self._second, self._count = second, 0
        self._count += 1
        most = self._most_lines
        return most is not None and max(self._count, self._last_count) > most


def last_lines(platform: Platform, job_id: str) -> list[str]:
    """Return the last lines of a job's log without noise, safe to print; none if it has no log."""
    row = platform.store.one(JobTry, "SELECT id, function, try_number FROM job WHERE id = ?", job_id)
    path = next(reversed(log_paths(platform, row)), None) if row else None
    text = job_output_bytes(path, _TAIL_BYTES) if path else b""
    noise = Noise()
    lines = text.decode("utf-8", "replace").splitlines()
    return [plain(line) for line in lines if not noise.has(job_id, line)]
