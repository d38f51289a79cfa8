"""Limits on a job's memory: a control group for all its processes, or else a limit for each process."""

from __future__ import annotations

import contextlib
import os
import resource

_LINK_SUFFIX = ".group"


def cgroup_link(log_sockets: str) -> str:
    """Return the path, beside a job's sockets, of the link to the job's control group if it has one."""
    return log_sockets + _LINK_SUFFIX


def limit_each_process(size: int | None) -> None:
    """Limit the data of this process, and of each of its descendants, to `size` bytes, unless it is None.

    Data is the memory that a process may write to, rather than all that it maps. Raises OSError or
    ValueError.
    """
    if size is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def join_cgroup(log_sockets: str) -> None:
    """Move this process into the control group of the job with these sockets, if any. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        file = os.open(f"{cgroup_link(log_sockets)}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, b"0")
        finally:
            os.close(file)
