"""Entries of the benchmarks in the user's cache folder, each created once, and the uv that fills them."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import uv
from benchmarks.process import CommandError

from dx_app_wizard.user_dirs import cache_dir
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COMPLETE = "complete"


def cached(name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder of a cache entry; `build` fills it if it is missing or was left unfinished.

    Raises whatever `build` raises.
    """
    folder = cache_dir("dx-local") / "benchmarks" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locks.hold(folder.with_name(f"{name}.lock")):
        if not (folder / _COMPLETE).exists():
            if folder.exists():
                shutil.rmtree(folder)
            build(folder)
            (folder / _COMPLETE).touch()
    return folder


def running_python() -> str:
    """Return what distinguishes the running Python from others, for the keys of environments."""
    return f"{platform.python_version()}\n{sys.base_prefix}"


def new_environment(folder: Path, *requirements: str | Path) -> None:
    """Create a virtual environment of the running Python with these packages. Raises CommandError."""
    _uv("venv", "--no-project", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    _uv("pip", "install", "--compile-bytecode", "--python", python, *requirements)


def install_step(*command: str | Path) -> None:
    """Run one command of an installation. Raises CommandError with the last lines that it printed."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise CommandError(f"cannot be installed: {' '.join(lines[-3:])}")


def _uv(*arguments: str | Path) -> None:
    install_step(uv.find_uv_bin(), "--quiet", *arguments)
