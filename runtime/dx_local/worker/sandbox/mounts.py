"""Linux system calls for namespaces and mounts, prepared first and made in order later.

A freshly forked process pays for every page of Python's memory that it touches, because the kernel has to
copy that page. So the process that forks prepares the calls, and its child only makes them.
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
NEW_PIDS = 0x20000000
NEW_NETWORK = 0x40000000
NEW_HOSTNAME = 0x04000000

_BIND = 0x1000
_REMOUNT = 0x20
_RECURSIVE = 0x4000
_PRIVATE = 1 << 18
_DETACH = 2

# These system calls have no wrapper in older C libraries. Their numbers are the same on all architectures.
_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_MOUNT_SETATTR = 442
_SYS_CLONE3 = 435

_CLONE = 1
_EMPTY_PATH = 4
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_AT_EMPTY_PATH = 0x1000
_READ_ONLY = struct.pack("QQQQ", 1, 0, 0, 0)

_UNSHARE, _CLONE3 = _NAMESPACE_CALLS = ("unshare", "clone3")

_libc = ctypes.CDLL(None, use_errno=True)
# clone3 returns in two processes. PyDLL keeps Python's global lock during the call, so that the child owns
# the lock as well as the parent.
_libc_under_lock = ctypes.PyDLL(None, use_errno=True)


class Syscall(NamedTuple):
    """A system call and its arguments."""

    function: Any
    arguments: tuple[Any, ...]
    subject: str
    """The path or operation to name in the error message if the call fails."""
    may_fail: bool = False
    """True if the calls after it do not depend on its success."""


def perform(calls: Iterable[Syscall]) -> None:
    """Make system calls in order. Raises OSError, with the subject, if one fails that may not."""
    for function, arguments, subject, may_fail in calls:
        if function(*arguments) and not may_fail:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), subject)


def explain_refusal(error: OSError) -> str:
    """Return why the system refused a call of this module, for the user."""
    # ENOSPC is how the kernel reports its limit on namespaces. Its text would have users look at their disks.
    if error.errno == errno.ENOSPC and error.filename in _NAMESPACE_CALLS:
        return "this system lets its users make no more namespaces: see `sysctl user`"
    return f"this system does not permit it ({error})"


def is_supported() -> bool:
    """Return whether this system has the calls that this module uses."""
    return sys.platform == "linux" and hasattr(_libc, "pivot_root")


def unshare(kinds: int) -> Syscall:
    """Move the process, which must be single-threaded, into new namespaces of these kinds."""
    return Syscall(_libc.unshare, (kinds,), _UNSHARE)


def fork_into(kinds: int) -> int:
    """Fork this process, which must be single-threaded, into new namespaces of these kinds.

    Returns like os.fork. If a user namespace is among the kinds, it owns the others. One call replaces
    unshare, fork and, for a PID namespace, a second fork. Python's own work after a fork, such as new locks
    for threads, is skipped. Raises OSError.
    """
    arguments = struct.pack("8Q", kinds, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)  # struct clone_args of clone3(2)
    pid = _libc_under_lock.syscall(_SYS_CLONE3, arguments, len(arguments))
    if pid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), _CLONE3)
    return int(pid)


def enter_namespace(namespace: int, kind: int) -> Syscall:
    """Enter the namespace of this kind that an open file refers to."""
    return Syscall(_libc.setns, (namespace, kind), "setns")


def make_mounts_private() -> Syscall:
    """Stop mounts from propagating between this mount namespace and others, in both directions."""
    return _mount(None, "/", None, _RECURSIVE | _PRIVATE)


def folder(path: str) -> Syscall:
    """Make a folder."""
    return Syscall(_libc.mkdir, (os.fsencode(path), 0o755), path)


def file(path: str) -> Syscall:
    """Make an empty file."""
    return Syscall(_libc.mknod, (os.fsencode(path), stat.S_IFREG | 0o600, 0), path)


def link(target: str, path: str) -> Syscall:
    """Make a symbolic link."""
    return Syscall(_libc.symlink, (os.fsencode(target), os.fsencode(path)), path)


def sticky_folder(path: str) -> list[Syscall]:
    """Make a folder like /tmp: all users may create files in it, and remove only their own."""
    return [folder(path), Syscall(_libc.chmod, (os.fsencode(path), 0o1777), path)]


def bind_read_only(source: str, target: str, *, deep: bool = False, may_fail: bool = False) -> list[Syscall]:
    """Bind a file or folder to another path, read-only; if `deep`, with everything mounted inside it.

    Kernels before 5.12 cannot make a whole tree read-only. There the mount stays as writable as its source.
    """
    change = (_SYS_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, _READ_ONLY, len(_READ_ONLY))
    return [
        bind(source, target, deep=deep)._replace(may_fail=may_fail),
        Syscall(_libc.syscall, change, target, may_fail=True),
    ]


def bind(source: str, target: str, *, deep: bool = False) -> Syscall:
    """Bind a file or folder to another path, as writable as it is."""
    return _mount(source, target, None, _BIND | (_RECURSIVE if deep else 0))


def tmpfs(target: str) -> Syscall:
    """Mount an empty folder whose content is kept in memory, at most half of the machine's."""
    return _mount("tmpfs", target, "tmpfs", 0, "mode=755")


def proc(target: str) -> Syscall:
    """Mount the /proc of this process's PID namespace.

    The kernel permits it only if a /proc with nothing hidden is already mounted in this mount namespace.
    """
    return _mount("proc", target, "proc", 0)


def proc_for_all(target: str) -> Syscall:
    """Show all processes of its PID namespace in a /proc, whatever it was set to.

    Its option `gid` has no effect then.
    """
    return _mount(None, target, None, _REMOUNT, "hidepid=0")


def overlay(target: str, lowers: Sequence[str], upper_folder: str | None = None) -> Syscall:
    """Mount an overlay of folders, the topmost first; changes go to `upper_folder`.

    `upper_folder` contains the empty folders `upper` and `work`. Without it, the overlay is read-only and
    needs at least two folders. `userxattr` lets ordinary users mount an overlay. `volatile` skips the sync of
    the whole file system at unmount: the changes are discarded anyway.
    """
    options = [f"lowerdir={':'.join(_escaped(lower) for lower in lowers)}", "userxattr"]
    if upper_folder is not None:
        upper = _escaped(upper_folder)
        options += [f"upperdir={upper}/upper", f"workdir={upper}/work", "volatile"]
    return _mount("overlay", target, "overlay", 0, ",".join(options))


def clone_mount(path: str, *, deep: bool = False) -> int:
    """Return a detached mount of a file or folder, to attach in another mount namespace. Raises OSError.

    If `deep`, everything mounted inside it comes along.
    """
    flags = _CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if deep else 0)
    file = _libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, os.fsencode(path), flags)
    if file < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    return int(file)


def attach_mount(file: int, target: str) -> Syscall:
    """Attach a mount from `clone_mount`, which is possible once."""
    arguments = (_SYS_MOVE_MOUNT, file, b"", _AT_FDCWD, os.fsencode(target), _EMPTY_PATH)
    return Syscall(_libc.syscall, arguments, target)


def make_read_only(file: int) -> Syscall:
    """Make a mount from `clone_mount` read-only, with everything mounted inside it."""
    flags = _AT_RECURSIVE | _AT_EMPTY_PATH
    return Syscall(
        _libc.syscall, (_SYS_MOUNT_SETATTR, file, b"", flags, _READ_ONLY, len(_READ_ONLY)), "mount_setattr"
    )


def unmount(target: str) -> Syscall:
    """Detach a mount from its path now; the kernel releases it when its last user does."""
    return Syscall(_libc.umount2, (os.fsencode(target), _DETACH), target)


def change_root(root: str) -> list[Syscall]:
    """Make a mount point the root and the current folder, and detach the old root."""
    return [
        Syscall(_libc.chdir, (os.fsencode(root),), root),
        # With "." as both paths, the old root is stacked on the new one and needs no folder inside it.
        Syscall(_libc.pivot_root, (b".", b"."), root),
        unmount("."),
        Syscall(_libc.chdir, (b"/",), "/"),
    ]


def mount_points() -> list[str]:
    """Return the paths at which something is mounted in this process's mount namespace."""
    return [mount.path for mount in mounted()]


class Mounted(NamedTuple):
    """A mount: its mount point, the path in its file system that appears there, and the system's options."""

    path: str
    root: str
    options: str


def mounted() -> list[Mounted]:
    """Return the mounts of this process's mount namespace, the latest last.

    Source: proc(5), /proc/PID/mountinfo.
    """
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        fields = [line.rstrip("\n").split(" ") for line in file]
    return [Mounted(*map(_unescaped, (each[4], each[3], each[-1]))) for each in fields]


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None = None
) -> Syscall:
    texts = (text and os.fsencode(text) for text in (source, target, kind))
    subject = target if source in (None, kind) else f"{source} at {target}"
    return Syscall(_libc.mount, (*texts, ctypes.c_ulong(flags), options and os.fsencode(options)), subject)


def _escaped(path: str) -> str:
    return re.sub(r"([\\:,])", r"\\\1", path)


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
