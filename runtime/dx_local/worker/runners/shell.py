"""Run an interactive shell in place of a job that has ended, on the user's terminal."""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import shutil
import sys
import termios
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker import job_home
from dx_local.worker.debugger.terminal import request_terminal
from dx_local.worker.process.signals import restore_defaults_of_programs
from dx_local.worker.runners import bash, python

if TYPE_CHECKING:
    from dx_local.worker.job import Job

# Its token is that of the ended job, which is not valid any more.
_NOT_COPIED = ("environment",)
_STARTUP_FILE = ".dx-shell-rc"
_STARTUP = """\
. "$HOME/.bash_helper_vars"
if [ -f "$HOME/.bashrc" ]; then . "$HOME/.bashrc"; fi
unset HISTFILE
PS1={prompt}
"""
_UNSAFE = re.compile(r"[^\w\[\]. -]")


def run(job: Job) -> NoReturn:
    """Copy the home of the ended job to that of this one, and become a shell in there."""
    place = job.settings["shell"]
    shutil.copytree(
        place["home"],
        job.home,
        symlinks=True,
        ignore=shutil.ignore_patterns(*_NOT_COPIED),
        dirs_exist_ok=True,
    )
    python.configure_dxpy(job)
    bash.write_variables(job, job.home, dict(os.environ))
    prompt = f"(dx {_UNSAFE.sub('_', place['label'])}) \\w\\$ "
    job_home.write(job.home, _STARTUP_FILE, _STARTUP.format(prompt=shlex.quote(prompt)))
    granted = request_terminal(job.terminal, job.job_id, "as it ended, in a copy; exit ends the shell")
    if granted is None:
        sys.exit("The shell cannot start: no terminal")
    connection, terminal, _label = granted
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for file in (0, 1, 2):
        os.dup2(terminal, file)
    os.close(terminal)
    connection.set_inheritable(True)  # the terminal is lent as long as this is open
    os.environ["TERM"] = job.terminal_type
    restore_defaults_of_programs()
    os.execvp("bash", ["bash", "--rcfile", f"{job.home}/{_STARTUP_FILE}", "-i"])  # noqa: S606
