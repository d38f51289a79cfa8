"""Write the traceback of an internal error to a crash log instead of the terminal."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from datetime import datetime, timezone
from pathlib import Path

from dx_app_wizard import __version__
from dx_app_wizard.user_dirs import state_dir


def write_crash_log(error: BaseException) -> Path | None:
    """Write the traceback of error to a file; return its path, None if it cannot be written.

    The file is in the state folder or, if that cannot be written, in the temporary folder.
    """
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S")
    text = "".join(
        [
            f"dx-app-wizard {__version__}, Python {platform.python_version()}, {platform.platform()}\n",
            f"arguments: {sys.argv[1:]!r}\n\n",
            *traceback.format_exception(type(error), error, error.__traceback__),
        ]
    )
    try:
        return _write(state_dir("dx-app-wizard"), f"crash-{stamp}-", text)
    except OSError:
        pass
    try:
        return _write(Path(tempfile.gettempdir()), f"dx-app-wizard-crash-{stamp}-", text)
    except OSError:
        return None


def _write(folder: Path, prefix: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    handle, path = tempfile.mkstemp(prefix=prefix, suffix=".log", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return Path(path)
