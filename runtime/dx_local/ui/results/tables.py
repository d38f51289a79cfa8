"""Print aligned columns of text, and durations."""

from __future__ import annotations

import sys
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from dx_app_wizard.console.text import plain
from dx_local.ui.fitting import cut

if TYPE_CHECKING:
    from collections.abc import Sequence


def print_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Print rows of equal length on stdout; `right` has the columns to align at their right.

    On a terminal, each line is cut at the right edge.
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    for row in rows:
        cells = (
            cell.rjust(widths[number]) if number in right else cell.ljust(widths[number])
            for number, cell in enumerate(row)
        )
        line = plain("  ".join(cells).rstrip())
        click.echo(line if width is None else cut(line, width))


def duration_text(seconds: float) -> str:
    """Return a duration such as `1.3 s`, `2:05` or `1:02:05`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
