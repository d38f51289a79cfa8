"""Earlier commits of this repository, installed into the user's cache folder to be compared with."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environment import cached, install_step, new_environment, running_python
from benchmarks.ours import Installation
from benchmarks.process import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
_PACKAGES = ("wizard", "runtime")


def installed(commit: str, log: Callable[[str], None]) -> Installation:
    """Return the installation of a commit, as `make` installs this one and with its bytecode compiled.

    The commit's files are exported, so that the checkout does not change. Installed once for each commit and
    Python. Raises CommandError.
    """
    full = full_hash(commit)
    key = hashlib.sha256(running_python().encode()).hexdigest()[:8]

    def build(folder: Path) -> None:
        log(f"installing commit {full[:12]} into {folder}")
        _export(full, folder / "source")
        new_environment(folder / "environment", "--editable", folder / "source")
        python = folder / "environment" / "bin" / "python"
        folders = [folder / "source" / name for name in _PACKAGES]
        install_step(python, "-m", "compileall", "-q", *folders)

    folder = cached(f"commit-{full}-{key}", build)
    return Installation(folder / "environment" / "bin", full)


def full_hash(commit: str) -> str:
    """Return the full hash of a commit of this repository. Raises CommandError if there is none."""
    wanted = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}"]
    done = subprocess.run(
        ["git", "-C", ROOT, *wanted], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CommandError(
            f"{ROOT} has no commit {commit!r}. Fetch it first; a shallow clone has only the last commits."
        )
    return done.stdout.strip()


def _export(full: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    archive = folder.with_name("source.tar")
    install_step("git", "-C", ROOT, "archive", "--format=tar", "--output", archive, full)
    install_step("tar", "-x", "-f", archive, "-C", folder)
    archive.unlink()
