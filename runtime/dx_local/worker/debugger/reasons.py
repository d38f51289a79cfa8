"""The failures that stop a job in a debugger, by their names on the platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALL = "All"
"""The name for all failures."""

# On the platform, a failure has this reason unless job_error.json has another one.
_DEFAULT = "AppInternalError"


def stops_for(stop_on: Sequence[str], error_file: str) -> bool:
    """Return whether a job stops that fails now; `error_file` is its job_error.json, which may be missing."""
    if not stop_on:
        return False
    try:
        reason = json.loads(Path(error_file).read_bytes())["error"]["type"]
    except (OSError, ValueError, KeyError, TypeError):
        reason = _DEFAULT
    return ALL in stop_on or reason in stop_on
