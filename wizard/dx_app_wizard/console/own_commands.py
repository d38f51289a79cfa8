"""Shell commands that start the programs of this installation, whether or not they are on PATH."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def dx_local() -> str:
    """Return the command that starts `dx-local` from any folder."""
    return _command("dx-local", "dx_local")


def dx_app_wizard() -> str:
    """Return the command that starts `dx-app-wizard` from any folder."""
    return _command("dx-app-wizard", "dx_app_wizard")


def pytest() -> str | None:
    """Return the command that starts pytest with our plugin, or None if pytest is not installed with us."""
    return _command("pytest", "pytest") if find_spec("pytest") else None


def _command(program: str, module: str) -> str:
    """Return the bare name if the shell finds our program by it, else its path, else a call of the module."""
    ours = next((path for folder in _script_folders() if os.access(path := folder / program, os.X_OK)), None)
    if ours is None:
        return f"{shlex.quote(sys.executable)} -m {module}"
    found = shutil.which(program)
    # A path that is relative to this folder leads nowhere after `cd`.
    is_found = found is not None and Path(found).is_absolute() and ours.samefile(found)
    return program if is_found else shlex.quote(str(ours))


def _script_folders() -> Iterator[Path]:
    """Yield the folders in which installers put the programs of this Python."""
    yield Path(sys.executable).parent
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
