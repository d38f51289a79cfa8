"""One job as its process sees it: what to run, and the surroundings that it runs in."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker import linux

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Files of this size and more under resources/home/dnanexus are linked rather than copied into a job's home:
# they are reference data, and every job has a home of its own.
_LINK_FROM_BYTES = 1 << 20

# Programs of ours that come before dxpy's of the same name.
_OWN_PROGRAMS = str(Path(__file__).parent / "bin")

# What lies at / on workers of the platform and nowhere else; what an app brings along comes before it.
IMAGE = str(Path(__file__).parent / "image")


@dataclass(frozen=True)
class Job:
    """What the executor tells the zygote about a job. Paths are absolute."""

    job_id: str
    function: str
    interpreter: str
    home: str
    code: str
    source: str | None
    """The author's own file that the code was taken from."""
    variables: dict[str, str]
    """The DX_* variables."""
    tools: str
    """The folder of the worker environment's programs; before it, one of clients that run them faster."""
    layers: Sequence[str]
    """Folders whose content lies at / in the cloud, the topmost first: the app's resources/ and the like."""
    log_sockets: str
    """What the paths of the two sockets for log messages begin with; they end in `.priority` and `.bulk`."""
    xtrace: bool
    """Whether bash prints each command."""

    @property
    def input_file(self) -> str:
        """The file that holds the job's input."""
        return f"{self.home}/job_input.json"

    def program(self) -> str:
        """Return the file to run, which error messages will name.

        That is the author's own file as long as it still holds the code that the applet was made of.
        """
        if self.source is not None:
            with contextlib.suppress(OSError):
                if Path(self.source).read_bytes() == Path(self.code).read_bytes():
                    return self.source
        return self.code


def enter(job: Job, stdout: int, stderr: int, inherited: dict[str, str]) -> None:
    """Make this process that job's own: session, standard streams, environment and current folder.

    Every other open file is closed, so that one job never holds another's pipes. `inherited` holds the host's
    variables, of which only some are passed on.
    """
    os.setsid()
    linux.die_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, stdout, stderr)):
        os.dup2(file, number)
    os.closerange(3, 1024)
    signal.set_wakeup_fd(-1, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    variables = environment(job, inherited)
    os.environ.clear()
    os.environ.update(variables)
    furnish_home(job)
    os.chdir(job.home)


def environment(job: Job, inherited: dict[str, str]) -> dict[str, str]:
    """Return all variables of the job's process.

    They are made here, not copied: neither the user's token nor the settings of the user's shell get in. Of
    the host's only PATH is kept, after the worker's own programs and the app's, and where temporary files go.
    """
    variables = {
        "HOME": job.home,
        "PWD": job.home,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "SHELL": "/bin/bash",
        "DX_CLI_WD": "/",
        "DX_USER_CONF_DIR": f"{job.home}/.dnanexus_config",
        "PATH": os.pathsep.join(
            [
                _OWN_PROGRAMS,
                job.tools,
                *folders(job.layers, ["usr/local/bin", "usr/bin", "bin"]),
                f"{IMAGE}/usr/bin",
                inherited.get("PATH", os.defpath),
            ]
        ),
    }
    if "TMPDIR" in inherited:
        variables["TMPDIR"] = inherited["TMPDIR"]
    if job.layers:
        variables["DX_FS_ROOT"] = job.layers[0]
        architecture = f"{platform.machine()}-linux-gnu"
        libraries = folders(
            job.layers,
            ["usr/local/lib", f"usr/lib/{architecture}", "usr/lib", f"lib/{architecture}", "lib"],
        )
        modules = folders(job.layers, ["usr/local/lib/python3*/*-packages", "usr/lib/python3*/*-packages"])
        for name, found in (("LD_LIBRARY_PATH", libraries), ("PYTHONPATH", modules)):
            if found:
                variables[name] = os.pathsep.join(found)
    return {**variables, **job.variables}


def folders(roots: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """Return the folders below the roots that exist: root by root, in the order of the glob patterns."""
    return [
        str(path)
        for root in roots
        for pattern in patterns
        for path in sorted(Path(root).glob(pattern))
        if path.is_dir()
    ]


def furnish_home(job: Job) -> None:
    """Put what lies under home/dnanexus in the layers into the job's home; large files as links."""
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
