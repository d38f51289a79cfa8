"""Standard streams that never fail, even if they are closed, their disk is full, or their reader has left.

So a command always runs to its end, and its exit code reflects its work. Output that cannot be written is
dropped, and the first error is kept.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING

from dx_app_wizard.console.utf8_paths import encoding_of_streams

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READER_LEFT = (errno.EPIPE, errno.ECONNRESET)
_LEAST_ESCAPED, _MOST_ESCAPED = 0xDC80, 0xDCFF  # surrogates for bytes that Python could not decode
_ERRORS = "dx_app_wizard.escape"


class Output(io.FileIO):
    """A file descriptor for output. `error` is the first error; all output after it is dropped."""

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
        """The reason for lost output, or None; output after the reader has left is not lost."""
        if self.error is None or self.error.errno in _READER_LEFT:
            return None
        return self.error.strerror or str(self.error)


def open_closed() -> None:
    """Open /dev/null for each of the file descriptors 0, 1 and 2 that is closed.

    Otherwise the next file or socket would get its number, and with it the output of the program.
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
    """Replace sys.stdout and sys.stderr by streams that never fail; return their outputs."""
    codecs.register_error(_ERRORS, _escaped)
    chosen = encoding_of_streams()
    if chosen and isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding=chosen)
    outputs = Output(1), Output(2)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(output),
            encoding=chosen or getattr(old, "encoding", None) or "utf-8",
            errors=_ERRORS,
            line_buffering=output is outputs[1] or output.isatty(),
        )
        for old, output in zip((sys.stdout, sys.stderr), outputs, strict=True)
    )
    return outputs


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode a character that the encoding lacks: as its original byte, or else as an escape."""
    assert isinstance(error, UnicodeEncodeError)
    character = ord(error.object[error.start])
    if _LEAST_ESCAPED <= character <= _MOST_ESCAPED:
        return bytes([character & 0xFF]), error.start + 1
    return f"\\u{character:04x}" if character <= 0xFFFF else f"\\U{character:08x}", error.start + 1
