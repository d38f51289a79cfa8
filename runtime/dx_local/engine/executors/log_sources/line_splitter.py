"""Split the output of a job into lines of a bounded length."""

from __future__ import annotations

LONGEST_LINE = 64 * 1024
"""Bytes; longer lines are cut."""


class LineSplitter:
    """Splits a stream of bytes into lines, and overlong lines into pieces at character boundaries."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._pending = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that data completes, without line ends."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        pieces = [piece for line in lines for piece in self._cut(line)]
        *full, self._pending = self._cut(self._pending)
        return pieces + full

    def rest(self) -> list[bytes]:
        """Return the last line if it has no line end."""
        rest, self._pending = self._pending, b""
        return [rest] if rest else []

    def _cut(self, line: bytes) -> list[bytes]:
        pieces = []
        while len(line) > self._longest:
            end = self._longest
            while line[end] & 0xC0 == 0x80 and end > self._longest - 4:
                end -= 1
            pieces.append(line[:end])
            line = line[end:]
        return [*pieces, line]
