"""Write, clone, link and copy files on this machine; bytes are read only if the file system requires it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_FICLONE = 0x40049409  # from linux/fs.h
_BLOCK = 1 << 20
_COPY_CHUNK = 64 << 20
# Between different file systems, or on an old kernel.
_NEEDS_USER_SPACE_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)

TEMPORARY = ".tmp"
"""The suffix of files that are being written."""


class Part(NamedTuple):
    """A part of a file: its size in bytes and its MD5 in hex."""

    size: int
    md5: str


class CopyCancelledError(Exception):
    """The recipient of a copy has disconnected."""


def write_new_file(path: str, data: bytes) -> None:
    """Create a file with these bytes, in half the time of `Path.write_bytes`.

    Raises OSError, also if it exists.
    """
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, data[written:])
    finally:
        os.close(file)


def clone_or_link(source: Path, destination: Path) -> None:
    """Create destination with the bytes of source as a clone, a hard link or a symbolic link.

    The first of these that works is used. Never write to the destination: it may be the source itself.
    The destination must not exist yet.
    """
    source = source.resolve(strict=True)
    ways: tuple[Callable[[Path, Path], None], ...] = (_clone_file, os.link, os.symlink)
    for way in ways:
        with contextlib.suppress(OSError):
            way(source, destination)
            return
    copy_to([source], destination)


def clone_hard_link_or_copy(source: Path, destination: Path) -> None:
    """Create destination with the bytes of source as a clone, a hard link or a copy.

    The first of these that works is used. Unlike with `clone_or_link`, the source may be removed later. Never
    write to the destination: it may be the source itself. The destination must not exist yet.
    """
    for way in (_clone_file, os.link):
        with contextlib.suppress(OSError):
            way(source, destination)
            return
    copy_file(source, destination)


def copy_file(source: Path, destination: Path) -> None:
    """Create destination as an independent copy of source."""
    copy_to([source], destination)


def copy_to(sources: Sequence[Path], destination: Path) -> None:
    """Create destination as an independent file with the concatenated bytes of sources."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with temporary_in(destination.parent) as temporary:
        with temporary.open("xb") as file:
            copy_into(file.fileno(), sources)
        temporary.replace(destination)


def copy_into(destination: int, sources: Sequence[Path], is_wanted: Callable[[], bool] = lambda: True) -> int:
    """Overwrite an open file with the concatenated bytes of sources; return their number.

    Raises OSError, and CopyCancelledError once `is_wanted` returns False; the file then holds some of the
    bytes.
    """
    os.ftruncate(destination, 0)
    size = 0
    for path in sources:
        with path.open("rb") as source:
            size += _append(source.fileno(), destination, size, is_wanted)
    return size


def copy_open(source: int, destination: int, is_wanted: Callable[[], bool] = lambda: True) -> int:
    """Copy the bytes of an open file into another one, which is empty; return their number.

    Raises the same errors as `copy_into`. The position of the source, which other processes may share, can
    change.
    """
    return _append(source, destination, 0, is_wanted)


@contextmanager
def temporary_in(folder: Path) -> Iterator[Path]:
    """Yield a new path in folder; remove a file that is still there at the end."""
    temporary = folder / f".{secrets.token_hex(8)}{TEMPORARY}"
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def hash_parts(path: Path, part_size: int) -> list[Part]:
    """Return the parts of a file, each of part_size bytes but the last; an empty file has one part."""
    parts: list[Part] = []
    with path.open("rb") as file:
        while True:
            part = _hash_part(file.read, part_size)
            if not part.size and parts:
                return parts
            parts.append(part)
            if part.size < part_size:
                return parts


def _hash_part(read: Callable[[int], bytes], size: int) -> Part:
    md5 = hashlib.md5(usedforsecurity=False)
    left = size
    while left and (block := read(min(left, _BLOCK))):
        md5.update(block)
        left -= len(block)
    return Part(size - left, md5.hexdigest())


def _append(source: int, destination: int, at: int, is_wanted: Callable[[], bool]) -> int:
    """Copy the bytes of an open file into another one at an offset; holes remain holes."""
    size = os.fstat(source).st_size
    if at == 0 and _clone(source, destination):
        return size
    copy = _copy_in_kernel if hasattr(os, "copy_file_range") else _copy_through_memory
    for start, end in _stretches_of_data(source, size):
        done = start
        while done < end:
            if not is_wanted():
                raise CopyCancelledError
            try:
                copied = copy(source, done, destination, at + done, min(end - done, _COPY_CHUNK))
            except OSError as error:
                if copy is _copy_through_memory or error.errno not in _NEEDS_USER_SPACE_COPY:
                    raise
                copy = _copy_through_memory
                continue
            if not copied:
                raise OSError(errno.EIO, "the file shrank while it was copied")
            done += copied
    os.ftruncate(destination, at + size)
    return size


def _stretches_of_data(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each stretch of data; holes are skipped if the file system records them."""
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
            end = min(os.lseek(file, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno != errno.ENXIO:
                yield end, size
            return
        yield start, end


def _copy_in_kernel(source: int, start: int, destination: int, at: int, count: int) -> int:
    return os.copy_file_range(source, destination, count, start, at)


def _copy_through_memory(source: int, start: int, destination: int, at: int, count: int) -> int:
    return os.pwrite(destination, os.pread(source, min(count, _BLOCK), start), at)


def _clone_file(source: Path, destination: Path) -> None:
    """Create destination as a clone that shares the blocks of source. Raises OSError if it cannot."""
    created = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with source.open("rb") as original:
            is_cloned = _clone(original.fileno(), created)
    finally:
        os.close(created)
    if not is_cloned:
        destination.unlink()
        raise OSError(errno.EOPNOTSUPP, "this file system cannot clone files")


def _clone(source: int, destination: int) -> bool:
    """Make an open file share the blocks of another one; return whether the file system can do that."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(destination, _FICLONE, source)
    except OSError:
        return False
    return True
