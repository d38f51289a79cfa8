"""Replace the figures of the last full run on the page, between two markers."""

from __future__ import annotations

import os
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"
BEGIN = "<!-- bench: begin. `make bench` writes the text below. -->"
END = "<!-- bench: end -->"


class MarkerError(Exception):
    """A page does not have both markers, each once and in order."""


def replaced(page: str, text: str) -> str:
    """Return a page with the text between its markers replaced. Raises MarkerError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise MarkerError
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def write(text: str, page: Path = PAGE) -> None:
    """Replace the text between the markers of a page.

    Raises MarkerError and OSError, and then leaves the page unchanged.
    """
    new = replaced(page.read_text(encoding="utf-8"), text)
    unfinished = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        unfinished.write_text(new, encoding="utf-8")
        unfinished.replace(page)
    finally:
        unfinished.unlink(missing_ok=True)
