"""The files that a job finds in its home: those of its layers, and those that workers write.

The executor has written job_input.json, the two descriptions and the code. Of the other files on a worker
(listed in published logs of DNAnexus jobs), `.profile`, `.bash_profile`, `.bash_logout`, `.byobu/` and
`.ssh/` are for people who log in, and nothing reads `dx_stdout` and `dx_stderr`; they are left out because
each file costs time in each job.
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

# Files of this size and more under resources/home/dnanexus are linked rather than copied into a job's home:
# they are reference data, and every job has a home of its own.
_LINK_FROM_BYTES = 1 << 20

# Apps read this file after they have run an installer that adds to it. As on Ubuntu, a shell in which nobody
# types reads no further than this line.
_BASHRC = "case $- in *i*) ;; *) return ;; esac\n"


def furnish(job: Job) -> None:
    """Copy home/dnanexus of the layers into the job's home, and write `environment`."""
    for layer in job.layers:
        furniture = Path(layer, "home", "dnanexus")
        if furniture.is_dir():
            shutil.copytree(
                furniture,
                job.home,
                symlinks=True,
                ignore=partial(_taken, str(furniture), job.home),
                dirs_exist_ok=True,
                copy_function=_copy_or_link,
            )
    exports = (f"export {name}={shlex.quote(value)}\n" for name, value in job.variables.items())
    write(job, "environment", "".join(exports), mode=0o600)  # it holds the job's token


def write_bashrc(job: Job) -> None:
    """Write `.bashrc`, unless a layer has brought its own."""
    with contextlib.suppress(FileExistsError):
        write(job, ".bashrc", _BASHRC, flags=os.O_EXCL)


def write(job: Job, name: str, text: str, *, mode: int = 0o666, flags: int = os.O_TRUNC) -> None:
    """Write a file in the job's home, in place of any that a layer has brought."""
    file = os.open(f"{job.home}/{name}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, mode)
    try:
        data = text.encode()
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)


def _taken(furniture: str, home: str, folder: str, names: Iterable[str]) -> set[str]:
    """Return which names of a folder are in the home already, where a higher layer or we have put them."""
    there = Path(home + folder[len(furniture) :])
    return {
        name
        for name in names
        if os.path.lexists(there / name) and not ((there / name).is_dir() and Path(folder, name).is_dir())
    }


def _copy_or_link(source: str, target: str) -> str:
    if os.path.getsize(source) < _LINK_FROM_BYTES:  # noqa: PTH202  (shutil hands over strings)
        return shutil.copy2(source, target)
    os.symlink(source, target)  # noqa: PTH211
    return target
