"""Folders to overlay on `/`, by the digest of their content, which nodes use to check their copies."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from typing import TYPE_CHECKING

from dx_local.engine.executors.remote.assignment import LayerReference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1 << 20


def reference_of(folder: Path) -> LayerReference:
    """Return the digest of a folder's content and its bytes. Raises OSError.

    The digest covers names, modes, link targets and bytes, but neither owners nor times.
    """
    whole, size = hashlib.sha256(), 0
    for path, name in _entries(str(folder), ""):
        status = os.lstat(path)
        content = _content(path, status)
        size += status.st_size if stat.S_ISREG(status.st_mode) else 0
        mode = 0 if stat.S_ISLNK(status.st_mode) else status.st_mode
        for part in (os.fsencode(name), str(mode).encode(), content):
            whole.update(b"%d:" % len(part))
            whole.update(part)
    return LayerReference(whole.hexdigest(), size)


def _entries(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of everything below a folder and their names in it, in a fixed order."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        name = f"{prefix}{entry.name}"
        yield entry.path, name
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, f"{name}/")


def _content(path: str, status: os.stat_result) -> bytes:
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(os.readlink(path))  # noqa: PTH115 - a layer may have many thousands of files
    if not stat.S_ISREG(status.st_mode):
        return b""
    content = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a layer may have many thousands of files
        while block := file.read(_BLOCK):
            content.update(block)
    return content.digest()


class LayerCatalogue:
    """The references of folders on this machine; each folder is read once."""

    def __init__(self) -> None:
        self._references: dict[Path, asyncio.Task[LayerReference]] = {}

    async def reference(self, folder: Path) -> LayerReference:
        """Return the reference of a folder. Raises OSError."""
        if folder not in self._references:
            work = asyncio.to_thread(reference_of, folder)
            self._references[folder] = asyncio.ensure_future(work)
        return await asyncio.shield(self._references[folder])
