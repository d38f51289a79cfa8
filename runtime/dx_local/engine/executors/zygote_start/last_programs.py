"""The worker environment in which an app's last run started its first job, in a file of the user's cache.

The next run can start a zygote in it before it has read the app. The file is a hint: if it is missing,
unreadable or wrong, a run takes longer to start.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import find_cache_dir
from dx_local.engine.executors.zygote_start.process import WorkerPrograms

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "last-environments.json"
_MOST_APPS = 200


def last_programs(app: str) -> WorkerPrograms | None:
    """Return the programs of an app's last run; for a new app, those another app was run with lately."""
    known = _read()
    return known.get(os.path.realpath(app)) or next(reversed(known.values()), None)


def remember_programs(app: str, programs: WorkerPrograms) -> None:
    """Keep the programs of an app's run, unless the cache cannot be written."""
    path, known = os.path.realpath(app), _read()
    if known.pop(path, None) == programs:
        return
    latest = dict([*list(known.items())[1 - _MOST_APPS :], (path, programs)])
    file = _file()
    if file is None:
        return
    from dx_app_wizard.files import atomic_write  # few runs have something new to write

    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, json.dumps(latest, indent=0) + "\n")


def _read() -> dict[str, WorkerPrograms]:
    """Return the programs by the absolute path of the app, the last change last."""
    file = _file()
    try:
        found = json.loads(file.read_bytes()) if file else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {app: WorkerPrograms(*value) for app, value in found.items() if _is_programs(value)}


def _is_programs(value: object) -> bool:
    match value:
        case [str(), str(), str() | None]:
            return True
    return False


def _file() -> Path | None:
    folder = find_cache_dir("dx-local")
    return folder and folder / _FILE
