"""One job as its process sees it: what to run, and the surroundings that it runs in."""

from __future__ import annotations

import contextlib
import os
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
    """The folder of the worker environment's programs."""
    layers: Sequence[str]
    """Folders whose content lies at / in the cloud, the topmost first: the app's resources/ and the like."""
    log_sockets: str
    """What the paths of the two sockets for log messages begin with; they end in `.priority` and `.bulk`."""
    xtrace: bool
    """Whether bash prints each command."""
    shown: Sequence[str] = ()
    """Folders that it finds at their own paths, wherever they lie."""
    clients: str = ""
    """A folder of clients that run these programs faster, if there is one."""
    process_memory: int | None = None
    """How many bytes of memory each of its processes may hold, where they are not limited together."""
    has_network: bool = True
    """Whether it reaches more than the API."""
    is_sandboxed: bool = False
    """Whether it has a world of its own, with the layers over `/` and its home where workers have it."""

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


def leave_zygote(stdout: int, stderr: int, *groups: int) -> None:
    """Make this process a session of its own, with these files and no others, and a member of these groups.

    So one job never holds another's pipes.
    """
    os.setsid()
    linux.die_with_parent()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, stdout, stderr)):
        os.dup2(file, number)
    for entrance in groups:
        os.write(entrance, b"0")
    os.closerange(3, 1024)
    signal.set_wakeup_fd(-1, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def settle(job: Job, variables: dict[str, str]) -> None:
    """Give this process the job's variables, home and current folder."""
    os.environ.clear()
    os.environ.update(variables)
    furnish_home(job)
    os.chdir(job.home)


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
