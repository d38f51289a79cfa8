"""Collect the output of a job: two pipes for stdout and stderr, two sockets for log messages, a log file.

Sources: dxpy.dxlog.DXLogHandler for the format of log messages, `dx watch --levels` for names of levels.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from dx_local.engine.executors.log_sources.line_splitter import LineSplitter
from dx_local.engine.executors.protocol import LogLine
from dx_local.platform.execution.job_logs import DEBUGGER, LogWriter
from dx_local.platform.requests import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dx_local.engine.executors.log_sources.log_sockets import LogSockets

_READ_BYTES = 64 * 1024
_LONGEST_REMARK = 500  # characters
_SYSLOG_LEVELS = ("EMERG", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")
_STREAM_LEVELS = {"INFO": "STDOUT", "ERROR": "STDERR"}
# Time to read on after the job's process ended, in case a process that cannot be killed holds its pipes.
_DRAIN_SECONDS = 1.0


class JobStreams:
    """Reads everything that one job prints and logs, in the running asyncio loop, line by line.

    Each line is written to the log file and passed to `on_log`. `sockets` are released at the end, or at once
    if this raises OSError. `rename` maps each line that the job prints to the line to keep. `remark_on` may
    return a remark on printed lines; the first one is logged before them and kept in `remark`.
    """

    def __init__(
        self,
        job_id: str,
        log: Path,
        sockets: LogSockets,
        on_log: Callable[[LogLine], None],
        *,
        rename: Callable[[bytes], bytes] | None = None,
        remark_on: Callable[[bytes], str | None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._job_id = job_id
        self._on_log = on_log
        self._rename = rename
        self._remark_on = remark_on
        self._found_remark: str | None = None
        self._lost: str | None = None
        self._pipes: dict[int, tuple[str, LineSplitter]] = {}
        self._sockets = sockets
        self._then: Callable[[], None] | None = None
        self._last_lines: Callable[[], Sequence[str]] = tuple
        self._timer: asyncio.TimerHandle | None = None
        self._is_released = False
        self.write_ends: list[int] = []
        """Ends of the pipes for stdout and stderr; the caller closes them."""
        try:
            self._log = LogWriter(log)
        except OSError:
            sockets.release()
            raise
        sockets.receive = self._add_message
        try:
            self._open_pipe("STDOUT")
            self._open_pipe("STDERR")
        except OSError:
            for write_end in self.write_ends:
                os.close(write_end)
            self._release()
            raise

    @property
    def remark(self) -> str | None:
        """A likely cause of a failure that the job's own messages do not mention."""
        return "\n".join(filter(None, (self._found_remark, self._lost))) or None

    def append(self, text: str) -> None:
        """Append text to the log as if the job had printed it to stderr."""
        self._add("STDERR", "STDERR", [line.encode() for line in text.splitlines()])

    def add_terminal_lines(self, lines: Sequence[str], *, is_seen: bool) -> None:
        """Add lines that a job printed to a terminal; `is_seen` is false if the user has not seen them."""
        if self._is_released:
            return
        source = DEBUGGER if is_seen else "STDOUT"
        self._add(source, source, [line.encode("utf-8", "replace") for line in lines])

    def end(self, then: Callable[[], None], last_lines: Callable[[], Sequence[str]] = tuple) -> None:
        """Read the rest once the job's processes have ended, close everything, and call `then`.

        `last_lines` returns lines to add to the log when the rest has been read.
        """
        self._then = then
        self._last_lines = last_lines
        if self._pipes:
            self._timer = self._loop.call_later(_DRAIN_SECONDS, self._close)
        else:
            self._close()

    def _open_pipe(self, source: str) -> None:
        read_end, write_end = os.pipe()
        self.write_ends.append(write_end)
        os.set_blocking(read_end, False)
        self._pipes[read_end] = (source, LineSplitter())
        self._loop.add_reader(read_end, self._read_pipe, read_end)

    def _read_pipe(self, pipe: int) -> None:
        source, splitter = self._pipes[pipe]
        try:
            data = os.read(pipe, _READ_BYTES)
        except BlockingIOError:
            return
        self._add_printed(source, splitter.feed(data) if data else splitter.rest())
        if not data:
            self._close_pipe(pipe)
            if self._then and not self._pipes:
                self._close()

    def _add_message(self, datagram: bytes) -> None:
        source, level, text = _parse_datagram(datagram)
        self._add(source, level, [line.encode("utf-8", "surrogateescape") for line in text.split("\n")])

    def _add_printed(self, source: str, lines: list[bytes]) -> None:
        self._add(source, source, self._renamed(lines))

    def _renamed(self, lines: list[bytes]) -> list[bytes]:
        return [self._rename(line) for line in lines] if self._rename else lines

    def _add(self, source: str, level: str, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._remark_on and (remark := self._remark_on(b"\n".join(lines))):
            self._remark_on, self._found_remark = None, remark
            self.append(remark)
        now = time.time_ns() // 1_000_000
        lost = self._log.lost
        self._log.write(lines, level, now)
        if self._log.lost > lost:
            last = lines[-1].decode("utf-8", "replace")[:_LONGEST_REMARK]
            self._lost = f"{self._log.lost} lines of the log could not be written. The last one: {last}"
        for line in lines:
            message = line.decode("utf-8", "replace").removesuffix("\r")
            self._on_log(LogLine(self._job_id, source, level, message, now))

    def _close_pipe(self, pipe: int) -> None:
        self._loop.remove_reader(pipe)
        del self._pipes[pipe]
        os.close(pipe)

    def _close(self) -> None:
        then, self._then = self._then, None
        if then is None:
            return
        if self._timer:
            self._timer.cancel()
        for source, splitter in self._pipes.values():
            self._add_printed(source, splitter.rest())
        self._sockets.drain()
        # Not STDERR: the job has not printed them.
        self._add("DX_APP", "ERROR", self._renamed([line.encode() for line in self._last_lines()]))
        self._release()
        then()

    def _release(self) -> None:
        self._is_released = True
        for pipe in list(self._pipes):
            self._close_pipe(pipe)
        self._sockets.release()
        self._log.close()


def _parse_datagram(datagram: bytes) -> tuple[str, str, str]:
    """Return source, level and text of a log message; one in an unknown format is all text."""
    try:
        message = strict_json.parse(datagram, replaces_surrogates=True)
        source, text = str(message["source"]), str(message["msg"])
        level = _SYSLOG_LEVELS[int(message["level"])]
    except (ValueError, KeyError, TypeError, IndexError):
        return "DX_APP", "INFO", datagram.decode("utf-8", "replace")
    if source == "DX_APP_STREAM":
        level = _STREAM_LEVELS.get(level, level)
    return source, level, text
