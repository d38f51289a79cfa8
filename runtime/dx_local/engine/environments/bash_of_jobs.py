"""The bash that runs jobs without a sandbox: the first in PATH, or a newer one if that is too old."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from dx_local.worker.runners.bash_version import GUARD

_SECONDS = 10


class Bash(NamedTuple):
    """A bash, or the reason why bash jobs fail on this machine; the other fields are None then."""

    path: str | None
    version: str | None
    problem: str | None


def bash_of_jobs() -> Bash:
    """Return the bash that a job gets, by starting it in the same way."""
    with tempfile.TemporaryDirectory() as home:
        probe = Path(home, "probe")
        probe.write_text(f'{GUARD}\nprintf "%s\\n" "$BASH" "$BASH_VERSION"\n', encoding="utf-8")
        try:
            done = subprocess.run(
                ["bash", "-e", probe],
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Bash(None, None, f"bash cannot be started: {error}")
    if done.returncode:
        return Bash(None, None, done.stderr.strip() or f"bash ended with exit code {done.returncode}")
    path, version = done.stdout.splitlines()
    return Bash(path, version, None)
