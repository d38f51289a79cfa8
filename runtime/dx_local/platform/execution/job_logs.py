"""The logs of jobs: the lines that each job printed, and an index of their times and levels.

    jobs/FUNCTION-JOBID/log.txt       the lines as text
    jobs/FUNCTION-JOBID/log.index     an entry of 23 bytes per line: time (ms since the epoch) and level

The text of a line is written before its entry, so that a reader who finds an entry also finds the text.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dx_local.platform.core.local_bytes import write_new_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.schema import JobTry

LEVELS = (
    "EMERG", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG", "STDOUT", "STDERR", "METRICS"
)  # fmt: skip
"""The levels of log lines, as in `dx watch --levels`; METRICS is never written here."""

DEBUGGER = "DEBUGGER"
"""The level of lines of a conversation with a debugger. Clients of the API get them as STDOUT."""

OPENING_STARTS = "Logging initialized (priority)"
"""The first line of a job's log. The worker writes the lines from here to OPENING_ENDS."""

OPENING_ENDS = "running (job ID {})"
"""The end of the last line that the worker writes before the job starts, with a place for the job's ID."""

DXPY_OPENING = re.compile(r"Invoking \S+ with \{")
"""The beginning of the line that dxpy prints first in every job. It repeats the whole input."""

MACHINERY_FRAME = re.compile(r'  File "[^"]*(?:/dxpy/utils/exec_utils\.py|/dx_local/worker/[^"]+)", line \d+')
"""The first line of a frame that every traceback of a job has: dxpy's call of the entry point, or the worker.

The code of the frame follows in lines with a deeper indent.
"""

_OPENING = re.compile(
    rb"%s\n(?:.*\n)*?\S+ %s\n"
    % tuple(re.escape(text.encode()).replace(rb"\{\}", rb"\S+") for text in (OPENING_STARTS, OPENING_ENDS))
)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")
_ENTRY = b"%013d %-8s\n"
_ENTRY_BYTES = 23
_CHUNK_LINES = 1000
_LONGEST_OPENING = 64 * 1024  # bytes
# Long folder names are cut at the beginning, because their end holds the job ID.
_MAX_NAME_LENGTH = 120


class LogEntry(NamedTuple):
    """A line of a job's log; `number` counts the lines of that job from 0."""

    timestamp: int
    job: str
    number: int
    level: str
    text: str


def folder_name(name: str) -> str:
    """Return a name that is safe as a path component: other characters become `_`, and it is cut."""
    return re.sub(r"[^\w.-]|^\.+", "_", name, flags=re.ASCII)[-_MAX_NAME_LENGTH:]


def log_path(platform: Platform, job: JobTry) -> Path:
    """Return the path of a job's log, in the try that the row describes; it exists once the job runs."""
    return platform.folder / "jobs" / job_folder_name(job) / "log.txt"


def log_paths(platform: Platform, job: JobTry) -> list[Path]:
    """Return the existing logs of all tries of a job, the first try first."""
    tries: Iterator[JobTry] = (
        {"id": job["id"], "function": job["function"], "try_number": number}
        for number in range(job["try_number"] + 1)
    )
    return [path for each in tries if (path := log_path(platform, each)).exists()]


def job_folder_name(job: JobTry) -> str:
    """Return the name of the job folder, in the try that the row describes."""
    number = job["try_number"]
    return folder_name(f"{job['function']}-{job['id']}" + (f"-try-{number}" if number else ""))


def write_log(log: Path, lines: Sequence[tuple[str, str]], timestamp: int) -> None:
    """Create a log with these lines, each a level and a text. Raises OSError."""
    write_new_file(str(log), "".join(f"{text}\n" for _, text in lines).encode())
    entries = b"".join(_ENTRY % (timestamp, level.encode()) for level, _ in lines)
    write_new_file(str(_index_of(log)), entries)


def job_output_bytes(log: Path, most: int | None = None) -> bytes:
    """Return the output of a job without the opening lines of its worker; at most the last `most` bytes.

    Conversations with a debugger are left out. A job without a log has printed nothing.
    """
    try:
        with log.open("rb") as file:
            is_whole = most is None or log.stat().st_size <= most
            if not is_whole:
                file.seek(-(most or 0), os.SEEK_END)
            text = file.read()
    except FileNotFoundError:
        return b""
    opening = _OPENING.match(text) if is_whole else None
    return _without_debugger(log, text[opening.end() :] if opening else text)


def job_output_lines(log: Path, most: int) -> list[tuple[str, str]]:
    """Return the level and text of each line in the last `most` bytes of `job_output_bytes`.

    The level is empty if the log has no index. Raises OSError.
    """
    text = job_output_bytes(log, most)
    lines, levels = _LINE.findall(text), [level for level in _last_levels(log, text) if level != DEBUGGER]
    known = [*[""] * (len(lines) - len(levels)), *levels][-len(lines) :]
    return [
        (level, line.decode("utf-8", "replace").rstrip("\r\n"))
        for level, line in zip(known, lines, strict=False)
    ]


def _without_debugger(log: Path, text: bytes) -> bytes:
    """Return the last lines of a log without those of a conversation with a debugger."""
    levels = _last_levels(log, text)
    if DEBUGGER not in levels:
        return text
    lines = _LINE.findall(text)
    # A line of which only the end is here has an entry as well; one that is being written has none yet.
    first = max(len(lines) - len(levels), 0)
    kept = (line for line, level in zip(lines[first:], levels, strict=False) if level != DEBUGGER)
    return b"".join(kept)


def _last_levels(log: Path, text: bytes) -> list[str]:
    """Return the levels of the last lines of a log, as many as a text has; none if it has no index."""
    count = len(_LINE.findall(text))
    try:
        with _index_of(log).open("rb") as index:
            index.seek(max(index.seek(0, os.SEEK_END) - count * _ENTRY_BYTES, 0))
            return [entry.split()[-1].decode() for entry in index.read().splitlines()]
    except FileNotFoundError:
        return []


def line_count(log: Path) -> int:
    """Return the number of lines that a job has printed, without the opening lines of its worker.

    Raises OSError if the log or its index is missing.
    """
    lines = _index_of(log).stat().st_size // _ENTRY_BYTES
    with log.open("rb") as file:
        opening = _OPENING.match(file.read(_LONGEST_OPENING))
    return lines - opening[0].count(b"\n") if opening else lines


class LogWriter:
    """Writes the log of one job; lines survive the process once `write` has returned.

    `lost` counts the lines that could not be written, for example because the disk was full. Raises OSError.
    """

    def __init__(self, log: Path) -> None:
        self.lost = 0
        self._text = _GrowingFile(log)
        try:
            self._index = _GrowingFile(_index_of(log))
        except OSError:
            self._text.close()
            raise

    def write(self, lines: Sequence[bytes], level: str, timestamp: int) -> None:
        """Append lines, passed without line ends: all of them or none."""
        size = self._text.size
        written = self._text.add(b"".join(line + b"\n" for line in lines))
        if not (written and self._index.add(_ENTRY % (timestamp, level.encode()) * len(lines))):
            self.lost += len(lines)
            if written:
                self._text.cut(size)

    def close(self) -> None:
        """Close the files."""
        self._text.close()
        self._index.close()


class _GrowingFile:
    """A file to which one process appends; `size` is that of the file in bytes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self.size = os.lseek(self._file, 0, os.SEEK_END)

    def add(self, data: bytes) -> bool:
        """Append data as a whole or not at all; return whether it was appended."""
        try:
            is_whole = os.write(self._file, data) == len(data)
        except OSError:
            is_whole = False
        if is_whole:
            self.size += len(data)
        else:
            self.cut(self.size)
        return is_whole

    def cut(self, size: int) -> None:
        """Remove all bytes after the first `size` if possible."""
        with suppress(OSError):
            os.ftruncate(self._file, size)
            self.size = size

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class LogReader:
    """Reads the log of one job from its beginning, and later the lines that were added."""

    def __init__(self, job_id: str, log: Path) -> None:
        self._job_id = job_id
        self._log = log
        self._number = 0
        self._offset = 0

    def read(self, most: int = _CHUNK_LINES) -> list[LogEntry]:
        """Return at most `most` further lines; none if there are no more yet, or no log."""
        try:
            with _index_of(self._log).open("rb") as index:
                index.seek(self._number * _ENTRY_BYTES)
                data = index.read(most * _ENTRY_BYTES)
            found = [
                data[start : start + _ENTRY_BYTES]
                for start in range(0, len(data) - _ENTRY_BYTES + 1, _ENTRY_BYTES)
            ]
            with self._log.open("rb") as text:
                text.seek(self._offset)
                lines = [text.readline() for _ in found]
                self._offset = text.tell()
        except FileNotFoundError:
            return []
        first = self._number
        self._number += len(found)
        return [
            self._entry(number, entry, line)
            for number, (entry, line) in enumerate(zip(found, lines, strict=True), first)
        ]

    def rest(self) -> Iterator[LogEntry]:
        """Yield all remaining lines, with a thousand in memory at a time."""
        while entries := self.read():
            yield from entries

    def _entry(self, number: int, entry: bytes, line: bytes) -> LogEntry:
        timestamp, found = entry.split()
        level = "STDOUT" if found.decode() == DEBUGGER else found.decode()
        text = line.decode("utf-8", "replace").removesuffix("\n").removesuffix("\r")
        return LogEntry(int(timestamp), self._job_id, number, level, text)


def _index_of(log: Path) -> Path:
    return log.with_suffix(".index")
