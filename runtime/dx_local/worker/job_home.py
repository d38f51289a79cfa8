"""The files that a job finds in its home: those of its layers, and those that a worker writes.

The executor has written job_input.json, the two descriptions and the code. Workers have more files (listed in
published logs of DNAnexus jobs). They are left out because each would cost every job time: `.profile`,
`.bash_profile`, `.bash_logout`, `.byobu/` and `.ssh/` serve people who log in, and nothing reads `dx_stdout`
and `dx_stderr`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.worker.job import Job

# Files in resources/home/dnanexus from this size on are linked into a job's home rather than copied: they are
# reference data, and every job has a home of its own.
_LINK_FROM_BYTES = 1 << 20

# Apps source this file after an installer has added to it. As on Ubuntu, a non-interactive shell stops
# reading at this line.
_BASHRC = "case $- in *i*) ;; *) return ;; esac\n"


def enter_home(job: Job) -> None:
    """Populate the job's home, in which `environment` has been written, and make it the current folder."""
    populate_home(job)
    os.chdir(job.home)


def populate_home(job: Job) -> None:
    """Copy home/dnanexus of the layers into the job's home."""
    for template in templates_of(job):
        shutil.copytree(
            template,
            job.home,
            symlinks=True,
            ignore=partial(_existing_names, template, job.home),
            dirs_exist_ok=True,
            copy_function=_copy_or_link,
        )


def templates_of(job: Job) -> list[str]:
    """Return the folders in the layers whose files a job finds in its home, the topmost first."""
    folders = [f"{layer}/home/dnanexus" for layer in job.layers]
    return [folder for folder in folders if os.path.isdir(folder)]  # noqa: PTH112


def write_environment(job: Job, home: str) -> None:
    """Write `environment` to the job's home, which this process sees at `home`."""
    exports = (f"export {name}={shlex.quote(value)}\n" for name, value in job.variables.items())
    write(home, "environment", "".join(exports), mode=0o600)  # it contains the job's token


def write_bashrc(home: str) -> None:
    """Write `.bashrc`, unless a layer contains one."""
    with contextlib.suppress(FileExistsError):
        write(home, ".bashrc", _BASHRC, flags=os.O_EXCL)


def write(home: str, name: str, text: str, *, mode: int = 0o666, flags: int = os.O_TRUNC) -> None:
    """Write a file in a job's home, replacing one from a layer."""
    file = os.open(f"{home}/{name}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, mode)
    try:
        data = text.encode()
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def _existing_names(template: str, home: str, folder: str, names: Iterable[str]) -> set[str]:
    """Return which names of a folder exist in the home already, from a higher layer or from the executor."""
    target = Path(home + folder[len(template) :])
    return {
        name
        for name in names
        if os.path.lexists(target / name) and not ((target / name).is_dir() and Path(folder, name).is_dir())
    }


def _copy_or_link(source: str, target: str) -> str:
    if os.path.getsize(source) < _LINK_FROM_BYTES:  # noqa: PTH202  (shutil passes strings)
        return shutil.copy2(source, target)
    os.symlink(source, target)  # noqa: PTH211
    return target
