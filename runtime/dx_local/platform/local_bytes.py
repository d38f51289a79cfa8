"""Bytes of files on this machine: linking and copying them without reading them, where the disk allows it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_FICLONE = 0x40049409  # from linux/fs.h
_BLOCK = 1 << 20

TEMPORARY = ".tmp"
"""How the names of files end that are being written."""


class Part(NamedTuple):
    """A stretch of a file: its size in bytes and the MD5 of it in hex."""

    size: int
    md5: str


def link_or_copy(source: Path, destination: Path) -> None:
    """Make destination hold the bytes of source, by the cheapest way that works.

    A clone of the blocks, a hard link, a symbolic link, or else a copy. Destination must not exist yet.
    """
    source = source.resolve(strict=True)
    ways: tuple[Callable[[Path, Path], None], ...] = (_clone_blocks, os.link, os.symlink)
    for way in ways:
        with contextlib.suppress(OSError):
            way(source, destination)
            return
    shutil.copyfile(source, destination)


def copy_to(sources: Sequence[Path], destination: Path) -> None:
    """Make destination a file of its own with the bytes of sources one after the other; it may be edited."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with temporary_in(destination.parent) as temporary:
        _copy(sources, temporary)
        temporary.replace(destination)


@contextmanager
def temporary_in(folder: Path) -> Iterator[Path]:
    """Yield a new path in folder; what is there at the end and was not moved away is removed."""
    temporary = folder / f".{secrets.token_hex(8)}{TEMPORARY}"
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def hash_parts(path: Path, part_size: int) -> list[Part]:
    """Return the parts of a file when it is cut into pieces of part_size bytes; an empty file is one part."""
    parts: list[Part] = []
    with path.open("rb") as file:
        while True:
            part = _hash_part(file.read, part_size)
            if not part.size and parts:
                return parts
            parts.append(part)
            if part.size < part_size:
                return parts


def _copy(sources: Sequence[Path], destination: Path) -> None:
    if len(sources) == 1:
        try:
            _clone_blocks(sources[0], destination)
        except OSError:
            shutil.copyfile(sources[0], destination)
        return
    with destination.open("wb") as out:
        for source in sources:
            with source.open("rb") as part:
                shutil.copyfileobj(part, out, _BLOCK)


def _hash_part(read: Callable[[int], bytes], size: int) -> Part:
    md5 = hashlib.md5(usedforsecurity=False)
    left = size
    while left and (block := read(min(left, _BLOCK))):
        md5.update(block)
        left -= len(block)
    return Part(size - left, md5.hexdigest())


def _clone_blocks(source: Path, destination: Path) -> None:
    """Make destination share the blocks of source until either is changed; OSError where that cannot be."""
    if sys.platform != "linux":
        raise OSError
    import fcntl

    created = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with source.open("rb") as original:
            fcntl.ioctl(created, _FICLONE, original.fileno())
    except OSError:
        destination.unlink()
        raise
    finally:
        os.close(created)
