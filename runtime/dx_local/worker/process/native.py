"""The library that is compiled from spawn.c and immortal.c, if there is one for this Python."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def load_library(path: Path) -> ctypes.PyDLL | None:
    """Return the library at a path; None if there is none that this Python can load."""
    try:
        # PyDLL keeps Python's global lock. To release it would be of no use, as there are no threads.
        return ctypes.PyDLL(str(path))
    except OSError:
        return None
