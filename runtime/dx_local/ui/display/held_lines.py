"""Lines that are held back while a job has the terminal."""

from __future__ import annotations

from collections import deque

MOST_LINES = 1000
"""The number of lines that are held back; the first ones of more are left out."""


class HeldLines:
    """Holds lines back between `hold` and `release`."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._count = 0
        self.is_holding = False

    def hold(self) -> None:
        """Hold lines back from now on."""
        self.is_holding = True

    def add(self, text: str) -> None:
        """Hold a line back."""
        self._lines.append(text)
        self._count += 1

    def release(self) -> list[str]:
        """Hold no more lines back, and return those that are to be printed now."""
        self.is_holding = False
        missing = self._count - len(self._lines)
        lines = [f"({missing:,} lines are in the files of the jobs only)"] if missing else []
        lines += self._lines
        self._lines.clear()
        self._count = 0
        return lines
