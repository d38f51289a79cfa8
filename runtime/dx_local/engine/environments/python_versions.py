"""Find the Pythons of this machine without starting them, and the version of a release's workers."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON_OF_RELEASE = {"20.04": "3.8", "24.04": "3.12"}
"""The version of `python3` on workers, by release of Ubuntu."""

_VERSION = re.compile(r"(\d+)\.(\d+)(\.\d+)?", re.ASCII)


def running_version() -> str:
    """Return the version of the running Python in the form `3.12`."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def find_python(version: str) -> Path | None:
    """Return a Python of a version (`3.12`, `3.12.1`) from uv, PATH or pyenv; None if there is none.

    Scripts that start a Python, such as the shims of pyenv in PATH, do not count.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    program = f"python{match[1]}.{match[2]}"
    return next(
        (path for path in _candidates(version, program, whole=bool(match[3])) if _is_program(path)), None
    )


def _candidates(version: str, program: str, *, whole: bool) -> Iterator[Path]:
    releases = version if whole else f"{version}.*"
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR")
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    yield from _newest_first(Path(uv) if uv else Path(data, "uv", "python"), f"cpython-{releases}-*", program)
    if not whole and (in_path := shutil.which(program)):
        yield Path(in_path)
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")  # noqa: PTH111
    yield from _newest_first(Path(pyenv, "versions"), releases, program)


def _newest_first(folder: Path, pattern: str, program: str) -> list[Path]:
    try:
        found = list(folder.glob(f"{pattern}/bin/{program}"))
    except OSError:  # PYENV_ROOT may be another user's
        return []
    return sorted(found, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))], reverse=True)


def _is_program(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) != b"#!" and os.access(path, os.X_OK)
    except OSError:
        return False
