"""Locks between processes, on files and folders, that also work if the file system has none.

A lock is `flock` if possible, because the kernel drops it when its process ends. Lustre without the mount
option `flock`, NFS without a lock service and some FUSE file systems refuse it; and on a network file system,
that of a folder holds on one host only. There, a lock is (also) a file that names its owner:

    FILE.owner, FOLDER/.dx-local.owner                held alone
    FILE.reader-XXXX, FOLDER/.dx-local.reader-XXXX    held with others

The mark of a process that has ended is ignored, and removed by the next owner. Whether a process of another
host (or PID namespace) has ended cannot be seen, so owners renew the time of their marks, and a mark that was
not renewed for two minutes counts as left behind.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import threading
import time
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_local.worker.process import file_systems
from dx_local.worker.process.file_systems import REFUSALS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MARKS = ".dx-local."
"""Beginning of the names of marks in a locked folder."""

_RENEWAL_SECONDS = 20.0
_LONGEST_SILENCE = 120.0  # of an owner on another host
_UNFINISHED_SECONDS = (
    10.0  # after which an empty mark, or a lock on breaking marks, was left by a killed process
)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.5
_LINKED = 2  # the number of links of a file that has become a mark
_ENDED = (b"Z", b"X")
_NO_LINKS = REFUSALS | {errno.EPERM, errno.EMLINK, errno.EACCES}


class Lock:
    """A held lock. `file` is the open file or folder; closing it would not give the lock up everywhere."""

    def __init__(self, file: int, mark: str | None = None) -> None:
        self.file = file
        self._mark = mark

    @property
    def is_mark(self) -> bool:
        """True if the lock is a file that names its owner, because the file system has no locks."""
        return self._mark is not None

    def release(self) -> None:
        """Give up the lock, also if what it was on has been removed."""
        if self._mark:
            _renewals.end(self._mark)
            with contextlib.suppress(OSError):
                os.unlink(self._mark)
            self._mark = None
        if self.file >= 0:
            os.close(self.file)
            self.file = -1

    def __enter__(self) -> Lock:  # noqa: PYI034  (Self is not in Python 3.8)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Wish(NamedTuple):
    """The kind of lock that is wanted."""

    shared: bool = False
    """True if others may hold the lock as well, provided that they share it."""
    renews: bool = True
    """False if processes of other hosts may ignore a mark after two minutes.

    A process that makes namespaces needs that, because it may have no second thread.
    """
    of_folder: bool = False
    """True for the lock on a folder, which must exist; a file is created if it is missing."""
    follows: bool = True
    """False if the path may not be a symbolic link."""


ALONE = Wish()
SHARED = Wish(shared=True)


def hold(path: str | os.PathLike[str], wish: Wish = ALONE) -> Lock:
    """Wait for the lock on a file or a folder, and return it. Raises OSError."""
    pause = _FIRST_PAUSE
    while True:
        lock = _take(os.fspath(path), wish, waits=True)
        if lock:
            return lock
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def try_hold(path: str | os.PathLike[str], wish: Wish = ALONE) -> Lock | None:
    """Return the lock on a file or a folder, or None if it is not free. Raises OSError."""
    return _take(os.fspath(path), wish, waits=False)


def is_held(path: str | os.PathLike[str]) -> bool:
    """Return whether a process holds the lock on a folder or a file alone; nothing is created.

    Raises OSError, such as FileNotFoundError.
    """
    text = os.fspath(path)
    file = os.open(text, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _flock(file, SHARED, waits=False) is False:
            return True
    finally:
        os.close(file)
    return _is_alive(_owner(text), time.time())


def _take(path: str, wish: Wish, *, waits: bool) -> Lock | None:
    kind = os.O_RDONLY | os.O_DIRECTORY if wish.of_folder else os.O_RDWR | os.O_CREAT
    file = os.open(path, kind | os.O_CLOEXEC | (0 if wish.follows else os.O_NOFOLLOW), 0o666)
    lock = None
    try:
        is_flocked = _flock(file, wish, waits=waits)
        if is_flocked is False:
            return None
        if not is_flocked or _is_on_this_host_only(file, path):
            lock = _marked(file, path, wish)
        elif not _is_alive(_owner(path), time.time()):
            lock = Lock(file)
        return lock
    finally:
        if lock is None:
            os.close(file)


def _flock(file: int, wish: Wish, *, waits: bool) -> bool | None:
    """Return whether an open file could be locked; None if its file system has no locks."""
    kind = LOCK_SH if wish.shared else LOCK_EX
    try:
        flock(file, kind if waits else kind | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        return None
    return True


def _marked(file: int, path: str, wish: Wish) -> Lock | None:
    mark = _marked_for_many(path) if wish.shared else _marked_alone(path)
    if mark is None:
        return None
    if wish.renews:
        _renewals.begin(mark)
    return Lock(file, mark)


def _is_on_this_host_only(file: int, path: str) -> bool:
    """Return whether other hosts do not see the lock of `flock`: that of a folder is not sent to a server."""
    return stat.S_ISDIR(os.fstat(file).st_mode) and file_systems.is_network(file_systems.type_of(path))


def _stem(path: str) -> str:
    return f"{path}/{MARKS}" if os.path.isdir(path) else f"{path}."


def _owner(path: str) -> str:
    return f"{_stem(path)}owner"


def _marked_alone(path: str) -> str | None:
    """Create the mark of an owner and return its path; None if there is another owner, or are readers."""
    stem = _stem(path)
    owner = _owner(path)
    is_ours, now = _create(owner)
    if not is_ours:
        if _is_alive(owner, now) or not _remove_left(owner, now):
            return None
        is_ours, now = _create(owner)
        if not is_ours:
            return None
    for reader in _readers(stem):
        if _is_alive(reader, now):
            os.unlink(owner)
            return None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(reader)
    return owner


def _marked_for_many(path: str) -> str | None:
    """Create the mark of a reader and return its path; None if there is an owner."""
    stem = _stem(path)
    reader = f"{stem}reader-{os.urandom(4).hex()}"
    # As an owner's, the mark comes first: if an owner and a reader begin at once, one sees the other.
    is_ours, now = _create(reader)
    if is_ours and not _is_alive(_owner(path), now):
        return reader
    with contextlib.suppress(FileNotFoundError):
        os.unlink(reader)
    return None


def _readers(stem: str) -> Iterator[str]:
    folder, prefix = os.path.split(f"{stem}reader-")
    for name in os.listdir(folder or "."):
        if name.startswith(prefix):
            yield os.path.join(folder, name)


def _create(mark: str) -> tuple[bool, float]:
    """Create a mark of this process; return whether there was none, and the time by the file system's clock.

    A link appears with its whole content, and over NFS only one of two hosts makes it.
    """
    content = json.dumps(_this_process()).encode()
    unfinished = f"{mark}-{os.urandom(4).hex()}.new"
    try:
        _write_new(unfinished, content)
        now = os.stat(unfinished).st_mtime
        try:
            os.link(unfinished, mark)
        except OSError as error:
            # The answer of an NFS server may get lost, so the number of links decides.
            if os.stat(unfinished).st_nlink == _LINKED:
                return True, now
            if isinstance(error, FileExistsError):
                return False, now
            if error.errno not in _NO_LINKS:
                raise
            with contextlib.suppress(FileExistsError):
                _write_new(mark, content)
                return True, now
            return False, now
        return True, now
    finally:
        with contextlib.suppress(OSError):
            os.unlink(unfinished)


def _write_new(path: str, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        os.write(file, content)
    finally:
        os.close(file)


def _remove_left(owner: str, now: float) -> bool:
    """Remove the mark of an owner that has ended, unless another process does; return whether it is gone."""
    breaking = f"{owner}.removing"
    try:
        os.close(os.open(breaking, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):
            if now - os.stat(breaking).st_mtime > _UNFINISHED_SECONDS:
                os.unlink(breaking)
        return False
    try:
        # Another process may have removed it and have created its own before this one was alone.
        if _is_alive(owner, now):
            return False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(owner)
        return True
    finally:
        with contextlib.suppress(OSError):
            os.unlink(breaking)


def _is_alive(mark: str, now: float) -> bool:
    """Return whether a mark exists and its process has not ended, as far as can be seen."""
    try:
        with open(mark, "rb") as file:
            content, age = file.read(), now - os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return False
    try:
        process = json.loads(content)
        host, pid, begin = process["host"], int(process["pid"]), process["begin"]
    except (ValueError, KeyError, TypeError):
        return age < _UNFINISHED_SECONDS
    if host == _this_host():
        return _exists(pid) and begin == _begin_of(pid)
    return bool(age < _LONGEST_SILENCE)


def _this_process() -> dict[str, Any]:
    pid = os.getpid()
    return {"host": _this_host(), "pid": pid, "begin": _begin_of(pid), "name": os.uname().nodename}


def _this_host() -> str:
    """Return the identity of this boot of this machine and of the PID namespace, in which IDs are unique."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return os.uname().nodename


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _begin_of(pid: int) -> int | None:
    """Return the time at which a process began, in ticks since the boot: a later one may have the same ID.

    Returns None if that is unknown, and -1 if the process has ended but its parent has not collected it.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return -1 if fields[0] in _ENDED else int(fields[19])


class _Renewals:
    """Renews the times of this process's marks in a thread."""

    def __init__(self) -> None:
        self._marks: set[str] = set()
        self._thread: threading.Thread | None = None

    def begin(self, mark: str) -> None:
        self._marks.add(os.path.abspath(mark))
        if self._thread is None or not self._thread.is_alive():  # a fork does not have it
            self._thread = threading.Thread(target=self._renew, name="locks", daemon=True)
            self._thread.start()

    def end(self, mark: str) -> None:
        self._marks.discard(os.path.abspath(mark))

    def _renew(self) -> None:
        while True:
            time.sleep(_RENEWAL_SECONDS)
            for mark in tuple(self._marks):
                with contextlib.suppress(OSError):
                    os.utime(mark)


_renewals = _Renewals()
