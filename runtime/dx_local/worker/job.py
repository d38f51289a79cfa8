"""One job as its process sees it: the code to run, and the environment to run it in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.worker.channel import TERMINAL_SOCKET
from dx_local.worker.process import linux
from dx_local.worker.process.signals import stop_noticing_children

if TYPE_CHECKING:
    from collections.abc import Sequence


INPUT_FILE = "job_input.json"
"""Name of the file in a job's home that contains its input."""

FAILED_COMMAND_FILE = ".dx-failed-command"
"""Beginning of the names of files in the home of a bash job that hold failed commands; see its ERR trap."""


def code_name(job_id: str, interpreter: str) -> str:
    """Return the name of the file in a job's home that contains its code.

    Sources: traces in published logs of DNAnexus jobs for bash, and for Python
    https://github.com/etal/cnvkit/issues/569.
    """
    return f"{job_id}.code.{'sh' if interpreter == 'bash' else 'py'}"


@dataclass(frozen=True)
class Job:
    """The message by which the executor has the zygote start a job. Paths are absolute."""

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
    """Folders that are unpacked at / on the platform, the topmost first: the app's resources/ and assets."""
    log_sockets: str
    """The prefix of the paths of the two sockets for log messages, which end in `.priority` and `.bulk`."""
    settings: dict[str, Any]
    """The settings that the user has chosen, by the names of `dx_local.engine.settings.JobSettings`."""
    visible_paths: Sequence[str] = ()
    """Folders that appear at their own paths, even inside hidden ones."""
    clients: str = ""
    """A folder of clients that run the same programs faster, if there is one."""
    process_memory: int | None = None
    """The most bytes of memory that each of its processes may have; None if a control group limits them."""
    has_network: bool = True
    """True if it has network access beyond the API."""
    is_killed: bool = False
    """True if its process kills itself before the app's code runs."""
    shows_changes: bool = False
    """True if it can read its changes to the sandbox, at channel.CHANGES."""
    terminal_type: str = "dumb"
    """The value of TERM for the user's terminal."""
    git_depends: Sequence[dict[str, Any]] = ()
    """Repositories to clone and build before the code runs: Launch.git_depends."""
    is_sandboxed: bool = False
    """True if it runs in a sandbox, with the layers overlaid on `/` and its home at /home/dnanexus."""

    @property
    def terminal(self) -> str:
        """The address at which it asks for the user's terminal."""
        return f"{self.log_sockets.rpartition('/')[0]}/{TERMINAL_SOCKET}"

    @property
    def input_file(self) -> str:
        """The file that contains the job's input."""
        return f"{self.home}/{INPUT_FILE}"

    @property
    def code(self) -> str:
        """The file that contains the app's code."""
        return f"{self.home}/{code_name(self.job_id, self.interpreter)}"

    @property
    def wrapper(self) -> str:
        """The file that runs the code: `$0`, `sys.argv[0]` and `__file__`."""
        return f"{self.home}/{self.job_id}"


def detach_from_zygote(stdout: int, stderr: int, *cgroups: int) -> None:
    """Give this process a session of its own, these standard streams and no other files, and control groups.

    `cgroups` are open `cgroup.procs` files. All other files are closed so that no job keeps another's pipes
    open.
    """
    os.setsid()
    linux.die_with_parent()
    no_input = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((no_input, stdout, stderr)):
        os.dup2(file, number)
    for group in cgroups:
        os.write(group, b"0")
    os.closerange(3, 1024)
    stop_noticing_children()
