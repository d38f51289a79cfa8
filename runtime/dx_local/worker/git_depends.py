"""Install a job's git dependencies before its code runs, as a worker of the platform does.

Each is cloned from a mirror on this machine, gets its own URL as `origin`, and is built by its
`build_commands`, all in one /bin/sh. Source: DXExecDependencyInstaller in dxpy.utils.exec_utils.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dx_local.worker.job import Job

_SHELL = "/bin/sh"


class InstallError(Exception):
    """A git dependency cannot be installed."""


def install(job: Job) -> None:
    """Install the dependencies in their order; end this process if one fails, with a job_error.json."""
    for dependency in job.git_depends:
        print(f"Installing git packages {dependency['name']}", flush=True)
        try:
            _install(job, dependency)
        except (InstallError, OSError) as error:
            task = f"Error while installing git packages {dependency['name']}"
            message = f"DXExecDependencyError: {task}: {error}"
            text = json.dumps({"error": {"type": "AppInternalError", "message": message}})
            Path(job.home, "job_error.json").write_text(text, encoding="utf-8")
            print(message, file=sys.stderr)
            sys.stderr.flush()
            os._exit(1)


def _install(job: Job, dependency: dict[str, Any]) -> None:
    destination = dependency["destdir"]
    if destination and not job.is_sandboxed:
        _check_inside(destination, job)
    folder = tempfile.gettempdir() if job.is_sandboxed else job.home
    log = Path(folder, f"dx_git_install_{dependency['group']}.log")
    with log.open("wb") as file:
        code = subprocess.call([_SHELL, "-c", _script(job, dependency)], stdout=file, stderr=file)
    if code:
        text = log.read_text(encoding="utf-8", errors="replace")
        sys.stdout.write(text)
        sys.stdout.flush()
        last = [line.strip() for line in text.splitlines() if line.strip()][-1:]
        raise InstallError(*(last or [f"its commands ended with exit code {code}"]))


def _script(job: Job, dependency: dict[str, Any]) -> str:
    """Return the shell code for a dependency. `destdir` and `build_commands` are shell code themselves."""
    temporary = "$(mktemp -d)" if job.is_sandboxed else '"$(mktemp -d "$HOME/.dx-git-XXXXXX")"'
    url = dependency["url"]
    name = re.split("[/:]", re.sub(r"/*$", "", url))[-1]
    name = name[: -len(".git")] if name.endswith(".git") else name
    folder = f"./{shlex.quote(name)}"
    steps = [
        f"_destdir={dependency['destdir'] or temporary}",
        'mkdir -p "$_destdir"',
        'cd "$_destdir"',
        # Copies, because hard links would let the job change the mirror.
        f"git clone --no-hardlinks {shlex.quote(dependency['mirror'])} {folder}",
        f"cd {folder}",
        f"git remote set-url origin {shlex.quote(url)}",
    ]
    if dependency["tag"]:
        steps.append(f"git checkout {shlex.quote(dependency['tag'])}")
    if dependency["build_commands"]:
        steps.append(dependency["build_commands"])
    return " && ".join(steps)


def _check_inside(destination: str, job: Job) -> None:
    """Raise InstallError unless a destination is inside the job's home."""
    done = subprocess.run(
        [_SHELL, "-c", f'_destdir={destination} && printf %s "$_destdir"'],
        stdout=subprocess.PIPE,
        check=False,
    )
    home = os.path.realpath(job.home)
    path = os.path.realpath(f"{home}/{os.fsdecode(done.stdout)}" if done.stdout[:1] != b"/" else done.stdout)
    if not f"{os.fsdecode(path)}/".startswith(f"{home}/"):
        raise InstallError(
            f"its destdir, {destination}, is outside of the job, which runs without a sandbox;"
            " use a folder in $HOME"
        )
