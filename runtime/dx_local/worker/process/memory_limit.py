"""Holding a job to the memory that it may use: as a group of processes, or else each process by itself."""

from __future__ import annotations

import contextlib
import os
import resource

_GROUP_ENDING = ".group"


def group_of(log_sockets: str) -> str:
    """Return where, beside a job's sockets, the link to its control group lies if it has one."""
    return log_sockets + _GROUP_ENDING


def limit_each_process(size: int | None) -> None:
    """Let this process, and each that comes from it, hold so many bytes of data, if there is a limit.

    Data is what a process may write to, rather than all that it maps. Raises OSError or ValueError.
    """
    if size is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def follow(log_sockets: str) -> None:
    """Let this process enter the group of the job with these sockets, if that has one. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        file = os.open(f"{group_of(log_sockets)}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"0")
        finally:
            os.close(file)
