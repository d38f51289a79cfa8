"""Standard streams that a command can rely on, even if they are closed, full, or read by nobody.

A command runs to its end and exits with the code of its work; output that nobody can take is dropped, and
the first failure to write is kept.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READER_LEFT = (errno.EPIPE, errno.ECONNRESET)
_LEAST_ESCAPED, _MOST_ESCAPED = 0xDC80, 0xDCFF  # what Python makes of bytes that it cannot decode
_ERRORS = "dx_app_wizard.escape"


class Output(io.FileIO):
    """A descriptor for output. `error` is the first failure to write; everything after it is dropped."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write data, waiting if the descriptor does not block; never raise OSError."""
        if self.error is None:
            try:
                while (written := super().write(data)) is None:
                    select.select([], [self], [])
            except OSError as error:
                self.error = error
            else:
                return written
        return memoryview(data).nbytes

    @property
    def lost(self) -> str | None:
        """Why output is lost, or None; a reader that left has seen enough."""
        if self.error is None or self.error.errno in _READER_LEFT:
            return None
        return self.error.strerror or str(self.error)


def open_closed() -> None:
    """Open /dev/null in place of each of the descriptors 0, 1 and 2 that is closed.

    Otherwise the next file or socket would take its number, and get what is meant for people.
    """
    for descriptor in range(3):
        if not _is_open(descriptor):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def guard() -> tuple[Output, Output]:
    """Put streams in the place of sys.stdout and sys.stderr that never fail; return what is below them."""
    codecs.register_error(_ERRORS, _escaped)
    below = Output(1), Output(2)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(output),
            encoding=getattr(old, "encoding", None) or "utf-8",
            errors=_ERRORS,
            line_buffering=output is below[1] or output.isatty(),
        )
        for old, output in zip((sys.stdout, sys.stderr), below, strict=True)
    )
    return below


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what an encoding lacks: bytes of a path as they were, other characters by their number."""
    assert isinstance(error, UnicodeEncodeError)
    character = ord(error.object[error.start])
    if _LEAST_ESCAPED <= character <= _MOST_ESCAPED:
        return bytes([character & 0xFF]), error.start + 1
    return f"\\u{character:04x}" if character <= 0xFFFF else f"\\U{character:08x}", error.start + 1
