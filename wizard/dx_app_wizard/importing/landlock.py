"""Confine this process to one folder with Landlock, then become another program.

As a program, `FOLDER PROGRAM ARGUMENT…` runs a program that can read everything, write only below FOLDER,
and open no TCP connection. The kernel enforces that for all its children as well.

Source: https://docs.kernel.org/userspace-api/landlock.html. Landlock is part of Linux since 5.13, and of the
kernels of Ubuntu since 22.04; it needs no privileges.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of system calls, the same on all architectures."""

_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_SET_NO_NEW_PRIVILEGES = 38

_WRITE_FILE = 1 << 1
_CHANGES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))
"""Write, remove and create: every right of the first version except reading and executing."""
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_TCP = 0b11

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - programs share memory there


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (("file_system", ctypes.c_uint64), ("network", ctypes.c_uint64))


class _PathAttributes(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Return the version of Landlock in the running kernel, 0 without it."""
    if sys.platform != "linux":
        return 0
    found = int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION))
    return max(found, 0)


def confined(command: Sequence[str], folder: Path) -> list[str]:
    """Return the command that runs another one confined to folder; the same one without Landlock."""
    if not version():
        return list(command)
    package = str(Path(__file__).parents[2])
    start = (
        f"import sys; sys.path.insert(0, {package!r}); from runpy import run_module;"
        f" run_module({__name__!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-I", "-c", start, str(folder), *command]


def confine(folder: str) -> None:
    """Let this process, and all its children, write only below folder, and open no TCP connection.

    Moving files between folders and cutting them are restricted from version 2 and 3 on, TCP from version 4
    on. Raises OSError.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    known = version()
    changes = _CHANGES | (_REFER if known > 1 else 0) | (_TRUNCATE if known > 2 else 0)
    attributes = _RulesetAttributes(changes, _TCP if known > 3 else 0)
    size = ctypes.sizeof(attributes) if attributes.network else 8
    ruleset = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0))
    allowed = {folder: changes, _SHARED_MEMORY: changes}
    allowed.update(dict.fromkeys(_DEVICES, changes & (_WRITE_FILE | _TRUNCATE)))
    for path, rights in allowed.items():
        if os.path.lexists(path):
            _allow(libc, ruleset, path, rights)
    _checked(libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    rule = _PathAttributes(rights, parent)
    _checked(libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    os.close(parent)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


if __name__ == "__main__":
    confine(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the program that the user asked to try
