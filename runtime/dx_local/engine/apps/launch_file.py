"""The configuration by which VS Code attaches to a job that waits for it.

Source: https://code.visualstudio.com/docs/python/debugging
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dx_app_wizard.files import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

_PLACE = ".vscode/launch.json"


def prepare_launch_file(app: Path, port: int) -> str:
    """Write .vscode/launch.json to an app's folder unless it is there, and return a message on it.

    Raises OSError.
    """
    configuration = _configuration(port)
    path = app / _PLACE
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        document = {"version": "0.2.0", "configurations": [configuration]}
        atomic_write(path, json.dumps(document, indent=4) + "\n")
        return f"{path} was written: start {configuration['name']!r} in VS Code, with the app's folder open."
    text = json.dumps(configuration)
    return f"{path} exists: its configurations need this one, if it is not there: {text}"


def _configuration(port: int) -> dict[str, Any]:
    """Return the configuration; jobs see the app's source at its own path, so that no paths are mapped."""
    return {
        "name": "job of dx-local",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": port},
    }
