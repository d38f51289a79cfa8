"""The user's terminal, lent to jobs that stop in a debugger."""

from __future__ import annotations

import os


def has_terminal() -> bool:
    """Return whether a person can type commands: stdin and stderr are terminals, and no CI system runs this."""
    return not os.environ.get("CI") and os.isatty(0) and os.isatty(2)
