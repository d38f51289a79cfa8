"""What processes used of the machine: memory and CPU time.

A job's tools run in processes of the tool server, not below the job's own. What they used is noted in a file
beside the job's sockets, from which the zygote adds it to the rest.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import resource

_NOTE = struct.Struct("<Qd")
_ENDING = ".usage"
# getrusage(2) and wait4(2) count memory in these units.
_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage(NamedTuple):
    """What some processes used."""

    memory: int
    """The most memory that one of them held, in bytes; what they held together may have been more."""
    cpu_seconds: float
    """Their time on processors, in user mode and in the kernel."""

    def and_of(self, other: Usage) -> Usage:
        """Return what these processes and the others used."""
        return Usage(max(self.memory, other.memory), self.cpu_seconds + other.cpu_seconds)


NOTHING = Usage(0, 0.0)


def usage_of(ended: resource.struct_rusage) -> Usage:
    """Return what a process used that was waited for, together with those that it waited for itself."""
    return Usage(ended.ru_maxrss * _MEMORY_UNIT, ended.ru_utime + ended.ru_stime)


def note(log_sockets: str, usage: Usage) -> None:
    """Add to the notes beside a job's sockets; raise OSError where they cannot be written."""
    file = os.open(log_sockets + _ENDING, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, _NOTE.pack(*usage))
    finally:
        os.close(file)


def take_notes(log_sockets: str) -> Usage:
    """Return what is noted beside a job's sockets, all of it together, and remove the notes."""
    place = log_sockets + _ENDING
    total = NOTHING
    try:
        with open(place, "rb") as file:  # noqa: PTH123  (it is seldom there, and this is the quickest no)
            for found in _NOTE.iter_unpack(file.read()):
                total = total.and_of(Usage(*found))
        os.unlink(place)  # noqa: PTH108
    except FileNotFoundError:
        pass
    return total
