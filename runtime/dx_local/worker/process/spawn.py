"""Start a program without a fork of this process, by a small library in C: spawn.c.

A fork of a process with dxpy imported copies its page tables, and each page that Python then writes to. A
program that replaces the copy at once, such as bash, does not need it.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class ProgramStart(NamedTuple):
    """A program to start, and the state to start it with."""

    namespaces: Sequence[tuple[int, int]]
    """The namespaces to enter, in this order: an open file and the kind, as for setns(2)."""
    stdout: int
    stderr: int
    cgroup: int | None
    """The open `cgroup.procs` of its control group, if it has one."""
    folder: str
    """Its current folder."""
    arguments: Sequence[str]
    """The name of the program, which is looked up in the PATH of `variables`, and its arguments."""
    variables: Mapping[str, str]


class _Namespace(ctypes.Structure):
    _fields_ = (("file", ctypes.c_int), ("kind", ctypes.c_int))


class _Start(ctypes.Structure):
    _fields_ = (
        ("namespaces", ctypes.POINTER(_Namespace)),
        ("namespace_count", ctypes.c_int),
        ("out", ctypes.c_int),
        ("err", ctypes.c_int),
        ("cgroup", ctypes.c_int),
        ("folder", ctypes.c_char_p),
        ("programs", ctypes.POINTER(ctypes.c_char_p)),
        ("arguments", ctypes.POINTER(ctypes.c_char_p)),
        ("variables", ctypes.POINTER(ctypes.c_char_p)),
        ("error", ctypes.c_int),
        ("subject", ctypes.c_char_p),
    )


class PreparedStart:
    """A start that only has to be made: everything is in memory of C."""

    def __init__(self, library: ctypes.PyDLL, program: ProgramStart) -> None:
        """Prepare it; `library` contains spawn.c. Raises ValueError for texts with zero bytes."""
        self._spawn = library.dx_spawn
        self._start = start = _Start(
            namespace_count=len(program.namespaces),
            out=program.stdout,
            err=program.stderr,
            cgroup=-1 if program.cgroup is None else program.cgroup,
            folder=_bytes(program.folder),
        )
        start.namespaces = (_Namespace * len(program.namespaces))(
            *(_Namespace(*each) for each in program.namespaces)
        )
        start.programs = _array(
            os.path.join(folder, program.arguments[0])  # noqa: PTH118
            for folder in program.variables.get("PATH", os.defpath).split(os.pathsep)
        )
        start.arguments = _array(program.arguments)
        start.variables = _array(f"{name}={value}" for name, value in program.variables.items())

    def __call__(self) -> int:
        """Start the program and return its process ID, like os.fork in the parent.

        It leads a session of its own, has these files as standard streams, no input, no other files, and
        default signals; it ends with this process. Raises OSError, with the step that failed if it is known.
        """
        pid = self._spawn(ctypes.byref(self._start))
        if pid < 0:
            subject = self._start.subject
            arguments = (os.fsdecode(subject),) if subject else ()
            raise OSError(self._start.error, os.strerror(self._start.error), *arguments)
        return int(pid)


def _array(texts: Iterable[str]) -> ctypes.Array[ctypes.c_char_p]:
    """Return an array for C, which ends with a null pointer."""
    encoded = [_bytes(text) for text in texts]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def _bytes(text: str) -> bytes:
    encoded = os.fsencode(text)
    if b"\0" in encoded:
        raise ValueError(text)
    return encoded
