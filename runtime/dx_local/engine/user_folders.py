"""Where this program keeps what outlives one command: below the user's cache and state folders."""

from __future__ import annotations

import os
from pathlib import Path

from dx_local.errors import UsageError


def user_folder(variable: str, in_home: str) -> Path:
    """Return the folder dx-local below what an XDG variable names, or else below a folder of the home.

    Raises UsageError where the variable names none, and nobody knows the home, as in some containers.
    """
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named / "dx-local"
    try:
        return Path.home() / in_home / "dx-local"
    except RuntimeError:
        hint = f"Set HOME, or {variable}, to a folder."
        raise UsageError("there is no home folder to keep files in", hint) from None
