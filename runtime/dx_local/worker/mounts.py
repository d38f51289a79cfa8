"""Namespaces and mounts, as Linux gives them to a process; each failure is an OSError with its place."""

from __future__ import annotations

import ctypes
import os
import re
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW_MOUNTS = 0x00020000
NEW_USER = 0x10000000

_BIND = 0x1000
_RECURSIVE = 0x4000
_PRIVATE = 1 << 18
_DETACH = 2

_SYS_MOUNT_SETATTR = 442  # the same on all architectures
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_READ_ONLY = 1

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(kinds: int) -> None:
    """Give this process, which may have one thread only, namespaces of its own of these kinds."""
    _check(_libc.unshare(kinds), "unshare")


def forget_others() -> None:
    """Keep mounts made elsewhere from coming here, and those made here from going elsewhere."""
    _mount(None, "/", None, _RECURSIVE | _PRIVATE)


def bind(source: str, target: str, *, read_only: bool = True, deep: bool = False) -> None:
    """Show a file or folder, if `deep` with all that is mounted below it, at another place.

    Kernels before 5.12 cannot make all of it read-only; there it stays as writable as it was.
    """
    _mount(source, target, None, _BIND | (_RECURSIVE if deep else 0))
    if read_only:
        change = struct.pack("QQQQ", _READ_ONLY, 0, 0, 0)
        _libc.syscall(
            _SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, change, ctypes.c_size_t(32)
        )


def memory(target: str) -> None:
    """Mount an empty folder whose content lies in memory, at most half of it."""
    _mount("tmpfs", target, "tmpfs", 0, "mode=755")


def overlay(target: str, lowers: Sequence[str], writable: str | None = None) -> None:
    """Show folders as one, the topmost first; what is changed goes to `writable`.

    That is a folder with the empty folders `upper` and `work`; without it, there must be two folders or more.
    `userxattr` is what lets users do it; `volatile` spares a sync of the whole file system at the end.
    """
    options = [f"lowerdir={':'.join(_escaped(lower) for lower in lowers)}", "userxattr"]
    if writable is not None:
        options += [f"upperdir={_escaped(writable)}/upper", f"workdir={_escaped(writable)}/work", "volatile"]
    _mount("overlay", target, "overlay", 0, ",".join(options))


def unmount(target: str) -> None:
    """Take away what is mounted at a place, at once for those who look and later for those who use it."""
    _check(_libc.umount2(os.fsencode(target), _DETACH), target)


def change_root(root: str) -> None:
    """Make a folder at which something is mounted the root and the current folder; forget the old root."""
    os.chdir(root)
    # With both places the same the old root comes to lie over the new one, and is taken off from there.
    _check(_libc.pivot_root(b".", b"."), root)
    unmount(".")
    os.chdir("/")


def mounted() -> list[str]:
    """Return the places where something is mounted."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [_unescaped(line.split(" ")[4]) for line in file]


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    source_, kind_, options_ = (text and os.fsencode(text) for text in (source, kind, options))
    result = _libc.mount(source_, os.fsencode(target), kind_, ctypes.c_ulong(flags), options_)
    _check(result, target if source in (None, kind) else f"{source} at {target}")


def _check(result: int, place: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), place)


def _escaped(path: str) -> str:
    return re.sub(r"([\\:,])", r"\\\1", path)


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def available() -> bool:
    """Tell whether this system has what the functions here call."""
    return sys.platform == "linux" and hasattr(_libc, "pivot_root")
