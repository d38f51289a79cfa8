"""Places in code, as messages to the user name them."""

from __future__ import annotations

from pathlib import Path


def short_name(file: str) -> str:
    """Return the name of a file with that of its folder, as it is in the folder of an app: `src/app.py`."""
    return "/".join(Path(file).parts[-2:])
