"""Lines at the bottom of a terminal that are redrawn in place, while others scroll above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ERASE_BELOW = "\x1b[J"


class RedrawnRegion:
    """Writes each drawing with one call, so that a terminal does not flicker."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._widths: list[int] = []

    def draw(self, above: Sequence[str], lines: Sequence[Text]) -> None:
        """Replace the region by these lines; print those for `above` before it, which stay."""
        with self._console.capture() as capture:
            for line in lines:
                self._console.print(line, no_wrap=True, overflow="crop", crop=True, soft_wrap=False)
        start = "" if self._widths else _HIDE_CURSOR
        self._write("".join([start, self._erasure(), *(f"{text}\n" for text in above), capture.get()]))
        self._widths = [line.cell_len for line in lines]

    def clear(self, above: Sequence[str]) -> None:
        """Remove the region, and show the cursor; print the lines for `above`, which stay."""
        cursor = _SHOW_CURSOR if self._widths else ""
        self._write("".join([self._erasure(), *(f"{text}\n" for text in above), cursor]))
        self._widths = []

    def close(self) -> None:
        """Leave the region as it was drawn last, and show the cursor."""
        if self._widths:
            self._write(_SHOW_CURSOR)
            self._widths = []

    def _erasure(self) -> str:
        """Return the codes that erase the region.

        Terminals wrap lines again that are too long for a window which has become narrower, so that they
        take more rows.
        """
        if not self._widths:
            return ""
        columns = max(self._console.width, 1)
        rows = sum(max(1, -(-width // columns)) for width in self._widths)
        return f"\r\x1b[{rows}A{_ERASE_BELOW}"

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
