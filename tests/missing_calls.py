"""Run a command on a system that lacks system calls, such as an older kernel, or Lustre without `flock`.

    python -m tests.missing_calls NAME[=ERROR][,NAME...] COMMAND ARGUMENT...

The kernel itself fails these calls, by default with ENOSYS, in the command and all its descendants (seccomp).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RECORD_LOCKS = "record-locks"
"""The locks of SQLite: some commands of fcntl."""

NO_LOCKS = f"flock,{RECORD_LOCKS}"

# CentOS 7 lacks them all, RHEL 8 those from pidfd_open on.
OLD_KERNEL = (
    "copy_file_range,pidfd_open,clone3,open_tree,move_mount,mount_setattr,openat2,close_range,faccessat2"
)

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # from linux/audit.h
# From asm/unistd.h; later calls have the same number on all architectures.
_NUMBERS = {
    "x86_64": {"flock": 73, "fcntl": 72, "copy_file_range": 326, "mount": 165},
    "aarch64": {"flock": 32, "fcntl": 25, "copy_file_range": 285, "mount": 40},
}
_COMMON_NUMBERS = {
    "open_tree": 428,
    "move_mount": 429,
    "pidfd_open": 434,
    "clone3": 435,
    "close_range": 436,
    "openat2": 437,
    "faccessat2": 439,
    "mount_setattr": 442,
}
_LOCK_COMMANDS = (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW, 36, 37, 38)  # and those of open files

# From linux/filter.h and linux/seccomp.h.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _SECOND_ARGUMENT_AT = 0, 4, 24
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

Instruction = tuple[int, int, int, int]
"""An operation, the instructions to skip if a comparison is true or false, and a constant."""


@dataclass(frozen=True)
class Failure:
    """A system call that fails, and its error."""

    name: str
    error: int


def is_possible() -> bool:
    """Return whether this system has such filters, and this module its numbers."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES


def fail(failures: Sequence[Failure]) -> None:
    """Have these calls fail in this process and its descendants. Raises OSError."""
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _program(failures))
    instructions = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _program(failures: Sequence[Failure]) -> Iterator[Instruction]:
    machine = platform.machine()
    numbers = {**_NUMBERS[machine], **_COMMON_NUMBERS}
    yield _LOAD, 0, 0, _ARCHITECTURE_AT
    yield _JUMP_IF_EQUAL, 1, 0, _ARCHITECTURES[machine]
    yield _RETURN, 0, 0, _ALLOW
    yield _LOAD, 0, 0, _NUMBER_AT
    for failure in failures:
        end = (_RETURN, 0, 0, _FAIL | failure.error)
        if failure.name == RECORD_LOCKS:
            comparisons = [(_JUMP_IF_EQUAL, 0, 1, command) for command in _LOCK_COMMANDS]
            block = [
                (_LOAD, 0, 0, _SECOND_ARGUMENT_AT),
                *(each for pair in comparisons for each in (pair, end)),
            ]
            block.append((_LOAD, 0, 0, _NUMBER_AT))
            yield _JUMP_IF_EQUAL, 0, len(block), numbers["fcntl"]
            yield from block
        else:
            yield _JUMP_IF_EQUAL, 0, 1, numbers[failure.name]
            yield end
    yield _RETURN, 0, 0, _ALLOW


def _failures(text: str) -> Iterator[Failure]:
    for part in text.split(","):
        name, _, error = part.partition("=")
        yield Failure(name, getattr(errno, error or "ENOSYS"))


if __name__ == "__main__":
    fail(list(_failures(sys.argv[1])))
    os.execvp(sys.argv[2], sys.argv[2:])
