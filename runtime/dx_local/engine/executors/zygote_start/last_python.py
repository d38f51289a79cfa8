"""The Python under which an app's last run started its first job, in a file of the user's cache.

The next run can start a zygote with it before it has read the app. The file is a hint: if it is missing,
unreadable or wrong, a run takes longer to start.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import find_cache_dir

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "last-pythons.json"
_MOST_APPS = 200


def last_python(app: str) -> str | None:
    """Return the Python of an app's last run; for a new app, one that another app was run with lately."""
    pythons = _read()
    return pythons.get(os.path.realpath(app)) or next(reversed(pythons.values()), None)


def remember_python(app: str, python: str) -> None:
    """Keep the Python of an app's run, unless the cache cannot be written."""
    path, pythons = os.path.realpath(app), _read()
    if pythons.pop(path, None) == python:
        return
    latest = dict([*list(pythons.items())[1 - _MOST_APPS :], (path, python)])
    from dx_app_wizard.files import atomic_write  # few runs have something new to write

    file = _file()
    if file is None:
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, json.dumps(latest, indent=0) + "\n")


def _read() -> dict[str, str]:
    """Return the Pythons by the absolute path of the app, the last change last."""
    file = _file()
    try:
        found = json.loads(file.read_bytes()) if file else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict) or not all(isinstance(python, str) for python in found.values()):
        return {}
    return found


def _file() -> Path | None:
    folder = find_cache_dir("dx-local")
    return folder and folder / _FILE
