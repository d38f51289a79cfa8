"""Unpack layers for jobs: `docker load` passes the open archive here, because jobs cannot write to the cache.

    job → here   {"layer": SHA-256, "offset", "length"}, and the archive, open for reading
    here → job   {} once the layer is in the cache, or {"error": reason}

`unpacker` does the work.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from dx_local.engine.images import image_folder
from dx_local.worker import channel

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.images.unpacker import LayerUnpacker
    from dx_local.worker.process.locks import Lock

_MOST_WAITING_JOBS = 128
_PATIENCE_SECONDS = 10.0
_LONGEST_REQUEST = 16 * 1024  # bytes


class LayerService:
    """Serves jobs in the asyncio loop in which it listens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._listener: socket.socket | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._unpacker: LayerUnpacker | None = None
        self._lock: Lock | None = None

    def listen(self, folder: Path) -> None:
        """Serve jobs on a socket in a folder that only the user can enter; keep layers from being removed."""
        self._lock = image_folder.hold(self._folder)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(folder / channel.LAYERS_SOCKET))
        self._listener.listen(_MOST_WAITING_JOBS)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Stop serving, and stop what is being unpacked: all jobs have ended."""
        if self._listener is None:
            return
        asyncio.get_running_loop().remove_reader(self._listener)
        self._listener.close()
        if self._unpacker:
            self._unpacker.kill()
        await asyncio.gather(*self._requests)
        if self._unpacker:
            self._unpacker.close()
        if self._lock:
            self._lock.release()

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
                error = await self._unpacker_for_jobs().provide(json.loads(text), opened)
            finally:
                for file in opened:
                    os.close(file)
            connection.sendall(channel.pack({"error": error} if error else {}))

    def _unpacker_for_jobs(self) -> LayerUnpacker:
        if self._unpacker is None:
            # Imported here, because most runs have no container.
            from dx_local.engine.images.unpacker import LayerUnpacker

            self._unpacker = LayerUnpacker(self._folder)
        return self._unpacker
