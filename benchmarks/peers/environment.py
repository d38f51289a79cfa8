"""Python environments of the peers: pinned, created once by uv, and stored in the user's cache folder."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import uv
from benchmarks.process import CommandError

from dx_app_wizard.user_dirs import cache_dir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_COMPLETE = "complete"


def programs_of(name: str, requirements: Sequence[str]) -> Path:
    """Return the folder of a peer's programs, which are installed if necessary. Raises CommandError.

    Each peer has an environment of its own, so that no peer restricts the dependencies of another.
    """
    wanted = "\n".join([*requirements, platform.python_version(), sys.base_prefix])
    key = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    folder = cache_dir("dx-local") / "benchmarks" / f"{name}-{key}"
    if not (folder / _COMPLETE).exists():
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _uv("venv", "--no-project", "--python", sys.executable, str(folder))
        python = str(folder / "bin" / "python")
        _uv("pip", "install", "--compile-bytecode", "--python", python, "--", *requirements)
        (folder / _COMPLETE).touch()
    return folder / "bin"


def _uv(*arguments: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), "--quiet", *arguments],
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
