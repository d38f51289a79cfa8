"""List the processes of this machine with ps(1), for systems whose kernel has no /proc: macOS.

There, the kernel neither passes orphans on to this process nor reports the sessions of processes. A process
of a job is recognized by its process group, or by the DX_JOB_ID that it was started with. The kernel conceals
the variables of programs that belong to macOS, such as /bin/sleep, so of these only the group is known.
Source for the options: ps(1) of macOS.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMAND = ("ps", "-axwwE", "-o", "pid=,pgid=,uid=,stat=,command=")
_LINE = re.compile(r"\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)")
_JOB_ID = re.compile(r" DX_JOB_ID=(job-[0-9A-Za-z]{24})(?= |$)")
_SECONDS = 10


class Process(NamedTuple):
    """A process of this user that has not ended."""

    pid: int
    group: int
    job_id: str | None
    """The DX_JOB_ID that it was started with, if that is known."""


def own_processes() -> list[Process]:
    """Return the processes of this user; an empty list if they cannot be listed."""
    try:
        listed = subprocess.run(
            _COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(_parsed(listed.stdout.decode("utf-8", "replace")))


def _parsed(listed: str) -> Iterator[Process]:
    for line in listed.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        pid, group, user, state, command = found.groups()
        if int(user) == os.getuid() and not state.startswith("Z"):
            # The variables come after the arguments, one of which may look like this variable.
            job_ids = _JOB_ID.findall(command)
            yield Process(int(pid), int(group), job_ids[-1] if job_ids else None)
