"""Wheels of everything in a worker environment, for machines that reach no package index."""

from __future__ import annotations

import os
import subprocess
import tempfile
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.python_environments import EnvironmentBuildError, key_of_environment
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.environments.python_environments import EnvironmentRequest, WorkerEnvironment

_LAST_LINES = 12


def wheels_of(request: EnvironmentRequest, environment: WorkerEnvironment) -> list[Path]:
    """Return wheels, kept in the cache, from which a machine of the same kind can make an environment.

    `environment` is one for the request on this machine. Raises EnvironmentBuildError.
    """
    folder = cache_dir("dx-local") / "wheels" / key_of_environment(request)
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locks.hold(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():  # another process may have made it before the lock was free
                _make(request, environment, folder)
    return sorted(folder.glob("*.whl"))


def _make(request: EnvironmentRequest, environment: WorkerEnvironment, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as unfinished:
        wanted = (f"dxpy=={request.dxpy}", *request.packages, "pip")
        command = [
            str(environment.python),
            "-m",
            "pip",
            "wheel",
            "--wheel-dir",
            f"{unfinished}/made",
            "--",
            *wanted,
        ]
        result = subprocess.run(
            command,
            cwd=unfinished,
            env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if result.returncode != 0:
            raise EnvironmentBuildError(request, "\n".join(result.stdout.splitlines()[-_LAST_LINES:]))
        os.rename(f"{unfinished}/made", folder)  # noqa: PTH104 - beside it
