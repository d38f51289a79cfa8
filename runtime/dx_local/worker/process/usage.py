"""The memory and CPU time that processes used.

A job's tools run in processes of the tool server, which are not descendants of the job's own. Their usage is
recorded in a file beside the job's sockets, from which the zygote adds it to the rest.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import resource

_RECORD = struct.Struct("<Qd")
_SUFFIX = ".usage"
# getrusage(2) and wait4(2) count memory in these units.
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage(NamedTuple):
    """The usage of some processes."""

    memory: int
    """The largest memory of one of them, in bytes; all of them together may have had more."""
    cpu_seconds: float
    """Their time on processors, in user mode and in the kernel."""

    def combined_with(self, other: Usage) -> Usage:
        """Return the usage of these and the other processes together."""
        return Usage(max(self.memory, other.memory), self.cpu_seconds + other.cpu_seconds)


NO_USAGE = Usage(0, 0.0)


def usage_of(status: resource.struct_rusage) -> Usage:
    """Return the usage of a process that was waited for, and of the children that it waited for itself."""
    return Usage(status.ru_maxrss * _MEMORY_UNIT, status.ru_utime + status.ru_stime)


def record(log_sockets: str, usage: Usage) -> None:
    """Append a usage to the record beside a job's sockets. Raises OSError."""
    file = os.open(log_sockets + _SUFFIX, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, _RECORD.pack(*usage))
    finally:
        os.close(file)


def collect_records(log_sockets: str) -> Usage:
    """Return the total of the record beside a job's sockets, and remove it."""
    path = log_sockets + _SUFFIX
    total = NO_USAGE
    try:
        with open(path, "rb") as file:  # noqa: PTH123  (it seldom exists, and this finds out fastest)
            for found in _RECORD.iter_unpack(file.read()):
                total = total.combined_with(Usage(*found))
        os.unlink(path)  # noqa: PTH108
    except FileNotFoundError:
        pass
    return total
