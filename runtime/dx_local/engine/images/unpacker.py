"""Unpack the layers that jobs request; jobs that want the same one wait for the process that unpacks it."""

from __future__ import annotations

import asyncio
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from dx_local.engine.images.cache import ImageCache
from dx_local.worker.containers.errors import ArchiveError
from dx_local.worker.containers.images.archives import Part, hex_digest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

_LAYERS_AT_ONCE = 4


class LayerUnpacker:
    """The layers that are being unpacked into the cache in one folder, in one asyncio loop."""

    def __init__(self, folder: Path) -> None:
        self._cache = ImageCache(folder)
        self._threads = ThreadPoolExecutor(_LAYERS_AT_ONCE, "image-layers")
        self._unpacking: dict[str, asyncio.Future[str | None]] = {}
        self._processes: set[subprocess.Popen[str]] = set()
        self._is_killed = False

    def kill(self) -> None:
        """Stop what is being unpacked: all jobs have ended. Their requests fail soon."""
        self._is_killed = True
        for process in tuple(self._processes):
            process.kill()

    def close(self) -> None:
        """End the threads; no request is left."""
        self._threads.shutdown()

    async def provide(self, message: Any, opened: list[int]) -> str | None:
        """Have a layer unpacked; return the reason if that fails."""
        try:
            digest, part = _requested(message, opened)
        except ArchiveError as error:
            return str(error)
        if self._cache.has_layer(digest):
            return None
        if digest not in self._unpacking:
            work = partial(self._unpack, digest, part)
            unpacking = asyncio.get_running_loop().run_in_executor(self._threads, work)
            # Before the waiting jobs learn of it.
            unpacking.add_done_callback(lambda _: self._unpacking.pop(digest))
            self._unpacking[digest] = unpacking
            return await unpacking
        # The first job's archive may be damaged, so a failure of its own is no reason for the others.
        if await asyncio.shield(self._unpacking[digest]) is None:
            return None
        return await self.provide(message, opened)

    def _unpack(self, digest: str, part: Part) -> str | None:
        try:
            self._cache.add_layer(digest, part, on_process=self._note)
        except (ArchiveError, OSError) as error:
            return str(error)
        return None

    def _note(self, process: subprocess.Popen[str]) -> None:
        self._processes = {each for each in self._processes if each.returncode is None} | {process}
        if self._is_killed:
            process.kill()


def _requested(message: Any, opened: list[int]) -> tuple[str, Part]:
    """Return the digest and the place of the layer that a job requests. Raises ArchiveError."""
    if len(opened) != 1 or not stat.S_ISREG(os.fstat(opened[0]).st_mode):
        raise ArchiveError("the archive is not a regular file")
    match message:
        case {"layer": str(digest), "offset": int(offset), "length": int(length)} if min(offset, length) >= 0:
            # The digest becomes the name of a folder.
            return hex_digest(f"sha256:{digest}"), Part(opened[0], offset, length)
    raise ArchiveError("the request is malformed")
