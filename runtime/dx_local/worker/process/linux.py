"""Linux features for looking after processes. On other systems these functions do nothing or find nothing."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

_LIST_ATTEMPTS = 100
_NAMESPACES = ("mnt", "net", "ipc", "uts", "cgroup", "time", "pid")

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, for whatever reason."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none is lost."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> None:
    """Keep processes of other user namespaces from inspecting this one, even those of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)


def continue_in_child() -> None:
    """Return only in a child of this process; the process itself waits for the child and then ends.

    This is the way into a new PID namespace: the process that made it stays outside, and only its children
    are inside. Raises OSError.
    """
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        return
    os.closerange(3, 1024)  # or the other ends of sockets would not notice when the child closes them
    _, status = os.waitpid(pid, 0)
    os._exit(status >> 8)


def open_process(pid: int) -> int:
    """Open a process's folder in /proc. The file never refers to a later process with the same ID."""
    return os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY)


def fork_into_pid_namespace_of(process: int) -> None:
    """Have the next children of this process start in the PID namespace of another, an `open_process`.

    Raises OSError.
    """
    if _namespace(process, "pid") != _own_namespace("pid_for_children"):
        file = os.open("ns/pid", os.O_RDONLY, dir_fd=process)
        try:
            _set_namespace(file)
        finally:
            os.close(file)


def join_namespaces_of(process: int) -> None:
    """Enter the namespaces of another process, an `open_process`.

    Raises OSError if this one cannot see the system as the other does, for instance if their PID namespaces
    differ.
    """
    root = os.open("root", os.O_PATH, dir_fd=process)
    others = [name for name in ("user", *_NAMESPACES) if _namespace(process, name) != _own_namespace(name)]
    if "pid" in others:
        raise OSError(errno.EXDEV, "only a process's children enter another PID namespace")
    files = {name: os.open(f"ns/{name}", os.O_RDONLY, dir_fd=process) for name in others}
    # The privilege to enter the others comes either from this process's user namespace, which it loses when
    # it enters the other one, or only from that. So each is tried before and, if that failed, once more
    # after.
    remaining = [name for name in others if name == "user" or _libc.setns(files[name], 0)]
    for name in remaining:
        _set_namespace(files[name])
    if not os.path.samestat(os.stat("/"), os.fstat(root)):  # noqa: PTH116
        raise OSError(errno.EXDEV, "that process has another root folder")
    for file in (root, *files.values()):
        os.close(file)


def is_in_pid_namespace(pid: int, namespace: int) -> bool:
    """Return whether a process is in the PID namespace that an open file refers to."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino == os.fstat(namespace).st_ino  # noqa: PTH116
    except OSError:  # it has just ended
        return False


def _set_namespace(file: int) -> None:
    if _libc.setns(file, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _namespace(process: int, name: str) -> str | None:
    try:
        return os.readlink(f"ns/{name}", dir_fd=process)
    except FileNotFoundError:  # the kernel does not have this kind
        return None


def _own_namespace(name: str) -> str | None:
    try:
        return os.readlink(f"/proc/self/ns/{name}")  # noqa: PTH115
    except FileNotFoundError:
        return None


def children(parent: int | None = None) -> list[int]:
    """Return the process IDs of the children of a process, or of this one, including adopted ones."""
    parent = parent or os.getpid()
    try:
        # Without buffers, because this is done for every job.
        with open(f"/proc/{parent}/task/{parent}/children", "rb", buffering=0) as file:  # noqa: PTH123
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def next_exited_child(options: int) -> tuple[int, int]:
    """Return the process ID and session of an exited child that was not reaped; zeros if there is none.

    Raises ChildProcessError if there is no child at all.
    """
    if sys.platform != "linux":
        return 0, 0
    found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | options)
    return (found.si_pid, os.getsid(found.si_pid)) if found else (0, 0)


def parent_of(pid: int) -> int:
    """Return the process ID of another process's parent, or 0 if it is unknown."""
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return int(status.rpartition(b")")[2].split()[1])


def reads_pipe(pid: int) -> bool:
    """Return whether a process can read from a pipe, as a filter does.

    All its open files count: a shell that starts a filter makes the pipe its standard input only a little
    later, and then closes the file that it was before. If that happens in between, the list is made again.
    """
    files = Path(f"/proc/{pid}/fd")
    for _ in range(_LIST_ATTEMPTS):
        try:
            numbers = [file.name for file in files.iterdir()]
        except OSError:
            return False
        with contextlib.suppress(FileNotFoundError):
            return any(_is_read_end(pid, number) for number in numbers)
    return True  # whatever closes files so often is at work


def _is_read_end(pid: int, number: str) -> bool:
    if not os.readlink(f"/proc/{pid}/fd/{number}").startswith("pipe:"):  # noqa: PTH115
        return False
    flags = Path(f"/proc/{pid}/fdinfo/{number}").read_text().partition("flags:")[2].split()[0]
    return int(flags, 8) & os.O_ACCMODE == os.O_RDONLY


def job_id_of(pid: int) -> str | None:
    """Return the DX_JOB_ID that a process was started with, or None if it is unknown."""
    with contextlib.suppress(OSError):
        for variable in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if variable.startswith(b"DX_JOB_ID="):
                return variable.partition(b"=")[2].decode("utf-8", "replace")
    return None


def _prctl(option: int, argument: int) -> None:
    if sys.platform == "linux":
        _libc.prctl(option, argument, 0, 0, 0)
