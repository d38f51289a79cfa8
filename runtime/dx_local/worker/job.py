"""One job as its process sees it: what to run, and the surroundings that it runs in."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker import job_home
from dx_local.worker.process import linux

if TYPE_CHECKING:
    from collections.abc import Sequence


def code_name(job_id: str, interpreter: str) -> str:
    """Return the name of the file in a job's home that holds its code.

    Sources: traces in published logs of DNAnexus jobs for bash, and for Python
    https://github.com/etal/cnvkit/issues/569.
    """
    return f"{job_id}.code.{'sh' if interpreter == 'bash' else 'py'}"


@dataclass(frozen=True)
class Job:
    """What the executor tells the zygote about a job. Paths are absolute."""

    job_id: str
    function: str
    interpreter: str
    home: str
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

    @property
    def code(self) -> str:
        """The file that holds the app's code."""
        return f"{self.home}/{code_name(self.job_id, self.interpreter)}"

    @property
    def wrapper(self) -> str:
        """The file that runs the code: `$0`, `sys.argv[0]` and `__file__`."""
        return f"{self.home}/{self.job_id}"


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
    job_home.furnish(job)
    os.chdir(job.home)
