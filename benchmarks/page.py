"""The page that keeps the last full run, rewritten in place between two markers."""

from __future__ import annotations

import os
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"
BEGIN = "<!-- bench: begin. `make bench` writes what follows. -->"
END = "<!-- bench: end -->"


class MarkerError(Exception):
    """A page has not both markers, each once and in order."""


def replaced(page: str, text: str) -> str:
    """Return a page with other text between its markers. Raises MarkerError."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise MarkerError
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}"


def write(text: str, page: Path = PAGE) -> None:
    """Put text between the markers of a page.

    Raises MarkerError and OSError; then the page stays as it was.
    """
    new = replaced(page.read_text(encoding="utf-8"), text)
    unfinished = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        unfinished.write_text(new, encoding="utf-8")
        unfinished.replace(page)
    finally:
        unfinished.unlink(missing_ok=True)
