"""Unpack layers for jobs: `docker load` passes the open archive here, because jobs cannot write to the cache.

    job → here   {"layer": SHA-256, "offset", "length"}, and the archive, open for reading
    here → job   {} once the layer is in the cache, or {"error": reason}

Jobs that want the same layer wait for the one process that unpacks it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from dx_local.worker import channel
from dx_local.worker.containers.errors import ArchiveError
from dx_local.worker.containers.images.archives import Part, hex_digest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from dx_local.engine.images.cache import ImageCache

_LAYERS_AT_ONCE = 4
_MOST_WAITING_JOBS = 128
_PATIENCE_SECONDS = 10.0
_LONGEST_REQUEST = 16 * 1024  # bytes


class LayerService:
    """Serves jobs in the asyncio loop in which it listens."""

    def __init__(self, cache: ImageCache) -> None:
        self._cache = cache
        self._threads = ThreadPoolExecutor(_LAYERS_AT_ONCE, "image-layers")
        self._listener: socket.socket | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._unpacking: dict[str, asyncio.Future[str | None]] = {}
        self._processes: set[subprocess.Popen[str]] = set()
        self._is_closed = False
        self._lock = -1

    def listen(self, folder: Path) -> None:
        """Serve jobs on a socket in a folder that only the user can enter; keep layers from being removed."""
        self._lock = self._cache.use()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(folder / channel.LAYERS_SOCKET))
        self._listener.listen(_MOST_WAITING_JOBS)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Stop serving, and stop what is being unpacked: all jobs have ended."""
        self._is_closed = True
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        for process in tuple(self._processes):
            process.kill()
        await asyncio.gather(*self._requests)
        self._threads.shutdown()
        os.close(self._lock)

    def _accept(self) -> None:
        assert self._listener
        with suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            task = asyncio.create_task(self._serve(connection))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_SECONDS)
        loop = asyncio.get_running_loop()
        opened: list[int] = []
        with connection, suppress(OSError, ValueError):  # the job may have ended
            try:
                receive = partial(channel.receive_bytes, connection, _LONGEST_REQUEST)
                received = await loop.run_in_executor(None, receive)
                text, opened = received or (b"{}", [])
                error = await self._provide(json.loads(text), opened)
            finally:
                for file in opened:
                    os.close(file)
            connection.sendall(channel.pack({"error": error} if error else {}))

    async def _provide(self, message: Any, opened: list[int]) -> str | None:
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
        return await self._provide(message, opened)

    def _unpack(self, digest: str, part: Part) -> str | None:
        try:
            self._cache.add_layer(digest, part, on_process=self._note)
        except (ArchiveError, OSError) as error:
            return str(error)
        return None

    def _note(self, process: subprocess.Popen[str]) -> None:
        self._processes = {each for each in self._processes if each.returncode is None} | {process}
        if self._is_closed:
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
