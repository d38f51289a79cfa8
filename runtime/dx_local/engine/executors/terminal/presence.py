"""Detect a person at a terminal."""

from __future__ import annotations

import os


def has_terminal() -> bool:
    """Return whether a person can type commands: stdin and stderr are terminals, and this is no CI job."""
    return not os.environ.get("CI") and os.isatty(0) and os.isatty(2)
