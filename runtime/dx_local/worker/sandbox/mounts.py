"""Namespaces and mounts, as Linux gives them: system calls that are prepared first and then made in order.

A process that was just forked pays for every page of Python's that it touches. So whoever forks it prepares
the calls, and the process itself does no more than make them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import signal
import stat
import struct
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEW_MOUNTS = 0x00020000
NEW_USER = 0x10000000
NEW_PROCESSES = 0x20000000
NEW_NETWORK = 0x40000000

_BIND = 0x1000
_RECURSIVE = 0x4000
_PRIVATE = 1 << 18
_DETACH = 2

# The same on all architectures.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_MOUNT_SETATTR = 442
_SYS_CLONE3 = 435

_CLONE = 1
_EMPTY_PATH = 4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_READ_ONLY = struct.pack("QQQQ", 1, 0, 0, 0)

_UNSHARE, _CLONE3 = _MAKING_NAMESPACES = ("unshare", "clone3")

_libc = ctypes.CDLL(None, use_errno=True)
# Of these functions, Python keeps its lock while they run, so that a copy of this process has it as well.
_libc_under_lock = ctypes.PyDLL(None, use_errno=True)


class Call(NamedTuple):
    """A system call with all that it is given."""

    function: Any
    arguments: tuple[Any, ...]
    place: str
    """What it is about, for whoever reads that it failed."""
    may_fail: bool = False
    """Whether the calls after it make sense without it."""


def perform(calls: Iterable[Call]) -> None:
    """Make system calls in their order. Raises OSError, with the place, for one that fails and may not."""
    for function, arguments, place, may_fail in calls:
        if function(*arguments) and not may_fail:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), place)


def refusal(error: OSError) -> str:
    """Return why the system refuses a call of this module."""
    # The kernel has no other number for this, and its text would have users look at their disks.
    if error.errno == errno.ENOSPC and error.filename in _MAKING_NAMESPACES:
        return "this system lets its users make no more namespaces: see `sysctl user`"
    return f"this system does not let its users do it ({error})"


def available() -> bool:
    """Tell whether this system has what the functions here call."""
    return sys.platform == "linux" and hasattr(_libc, "pivot_root")


def unshare(kinds: int) -> Call:
    """Give the process, which may have one thread only, namespaces of its own of these kinds."""
    return Call(_libc.unshare, (kinds,), _UNSHARE)


def fork_into(kinds: int) -> int:
    """Fork this process, which may have one thread only, into new namespaces of these kinds.

    Returns as os.fork does. If a user namespace is among them, it owns the others; for a PID namespace,
    os.fork and unshare would need one more process. Python's own work after a fork, such as new locks for
    threads, is left out. Raises OSError.
    """
    arguments = struct.pack("8Q", kinds, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)  # struct clone_args of clone3(2)
    pid = _libc_under_lock.syscall(_SYS_CLONE3, arguments, len(arguments))
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), _CLONE3)
    return int(pid)


def join(namespace: int, kind: int) -> Call:
    """Enter a namespace of this kind, which is that of an open file."""
    return Call(_libc.setns, (namespace, kind), "setns")


def forget_others() -> Call:
    """Keep mounts made elsewhere from coming here, and those made here from going elsewhere."""
    return _mount(None, "/", None, _RECURSIVE | _PRIVATE)


def folder(path: str) -> Call:
    """Make a folder."""
    return Call(_libc.mkdir, (os.fsencode(path), 0o755), path)


def file(path: str) -> Call:
    """Make an empty file."""
    return Call(_libc.mknod, (os.fsencode(path), stat.S_IFREG | 0o600, 0), path)


def link(target: str, path: str) -> Call:
    """Make a symbolic link."""
    return Call(_libc.symlink, (os.fsencode(target), os.fsencode(path)), path)


def common_folder(path: str) -> list[Call]:
    """Make a folder in which all users may make files, and remove their own."""
    return [folder(path), Call(_libc.chmod, (os.fsencode(path), 0o1777), path)]


def bind(source: str, target: str, *, deep: bool = False, may_fail: bool = False) -> list[Call]:
    """Show a file or folder, if `deep` with all that is mounted below it, at another place, to be read only.

    Kernels before 5.12 cannot make all of it read-only; there it stays as writable as it was.
    """
    change = (_SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, _READ_ONLY, len(_READ_ONLY))
    return [
        bind_writable(source, target, deep=deep)._replace(may_fail=may_fail),
        Call(_libc.syscall, change, target, may_fail=True),
    ]


def bind_writable(source: str, target: str, *, deep: bool = False) -> Call:
    """Show a file or folder at another place as it is."""
    return _mount(source, target, None, _BIND | (_RECURSIVE if deep else 0))


def memory(target: str) -> Call:
    """Mount an empty folder whose content lies in memory, at most half of it."""
    return _mount("tmpfs", target, "tmpfs", 0, "mode=755")


def processes(target: str) -> Call:
    """Mount the /proc of the PID namespace that this process is in.

    The kernel allows it only if some /proc that hides nothing is mounted in this mount namespace.
    """
    return _mount("proc", target, "proc", 0)


def overlay(target: str, lowers: Sequence[str], writable: str | None = None) -> Call:
    """Show folders as one, the topmost first; what is changed goes to `writable`.

    That is a folder with the empty folders `upper` and `work`; without it, there must be two folders or more.
    `userxattr` is what lets users do it; `volatile` spares a sync of the whole file system at the end.
    """
    options = [f"lowerdir={':'.join(_escaped(lower) for lower in lowers)}", "userxattr"]
    if writable is not None:
        options += [f"upperdir={_escaped(writable)}/upper", f"workdir={_escaped(writable)}/work", "volatile"]
    return _mount("overlay", target, "overlay", 0, ",".join(options))


def take_along(path: str) -> int:
    """Return a file that stands for a folder, to be shown in another mount namespace. Raises OSError."""
    file = _libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(path), _CLONE | os.O_CLOEXEC)
    if file < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return int(file)


def put_down(file: int, target: str) -> Call:
    """Show, once, what was taken along."""
    arguments = (_SYS_MOVE_MOUNT, file, b"", _AT_FDCWD, os.fsencode(target), _EMPTY_PATH)
    return Call(_libc.syscall, arguments, target)


def unmount(target: str) -> Call:
    """Take away what is mounted at a place, at once for those who look and later for those who use it."""
    return Call(_libc.umount2, (os.fsencode(target), _DETACH), target)


def change_root(root: str) -> list[Call]:
    """Make a folder at which something is mounted the root and the current folder; forget the old root."""
    return [
        Call(_libc.chdir, (os.fsencode(root),), root),
        # With both places the same the old root comes to lie over the new one, and is taken off from there.
        Call(_libc.pivot_root, (b".", b"."), root),
        unmount("."),
        Call(_libc.chdir, (b"/",), "/"),
    ]


def mounted() -> list[str]:
    """Return the places where something is mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [_unescaped(line.split(" ")[4]) for line in file]


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> Call:
    texts = (text and os.fsencode(text) for text in (source, target, kind))
    place = target if source in (None, kind) else f"{source} at {target}"
    return Call(_libc.mount, (*texts, ctypes.c_ulong(flags), options and os.fsencode(options)), place)


def _escaped(path: str) -> str:
    return re.sub(r"([\\:,])", r"\\\1", path)


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
