"""Transfer whole files between jobs and the platform without HTTP: pass open files, let the kernel copy.

A job opens the file to download into or to upload, and passes it over a Unix socket. Permissions are checked
as in the API calls that this replaces. Every unusual request is refused; then the job falls back to HTTP,
whose responses are authoritative. The job's side is worker/dxpy_patches/file_transfer.py.

    job → platform   {"token", "fetch": file ID, "project": ID or null}, and a file open for writing;
                     with "linkable": true, the response may be a link
                     {"token", "store": file ID, "size", "partSize"}, and a file open for reading
    platform → job   {"size": bytes} when the file is complete: downloaded, or stored and closed
                     {"link": path, "device": number} of the stored bytes
                     {} if refused; a file to download into may then hold a part of the bytes
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from dx_local.platform.core import access, local_bytes
from dx_local.platform.core.context import Context
from dx_local.platform.core.errors import ApiError
from dx_local.platform.data import file_bytes, files
from dx_local.platform.requests import strict_json
from dx_local.worker import channel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Caller, Platform

    T = TypeVar("T")
    Delay = Callable[[Caller, int], Awaitable[None]]

_COPIES_AT_ONCE = 4
_MOST_WAITING_JOBS = 128
_PATIENCE_SECONDS = 10.0
_LONGEST_REQUEST = 16 * 1024  # bytes


class _RefusedError(Exception):
    """The job must use HTTP."""


class FileTransfer:
    """Sends files to jobs and receives files from them, in the asyncio loop in which it listens.

    With `links`, a job whose sandbox protects the stored file gets a link to it instead of a copy. `delay` is
    awaited before each transfer, with its caller and its size in bytes.
    """

    def __init__(self, platform: Platform, *, links: bool = False, delay: Delay | None = None) -> None:
        self._platform = platform
        self._delay = delay or _no_delay
        self._links = links
        self._threads = ThreadPoolExecutor(_COPIES_AT_ONCE, "file-transfer")
        self._listener: socket.socket | None = None
        self._transfers: set[asyncio.Task[None]] = set()

    def listen(self, folder: Path) -> None:
        """Serve jobs on a socket in a folder that only the user can enter."""
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        self._listener.bind(str(folder / channel.FILE_TRANSFER_SOCKET))
        self._listener.listen(_MOST_WAITING_JOBS)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Stop serving, and wait for transfers under way; those of ended jobs finish soon."""
        if self._listener:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        await asyncio.gather(*self._transfers)
        self._threads.shutdown()

    def _accept(self) -> None:
        assert self._listener
        with suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            task = asyncio.create_task(self._serve(connection))
            self._transfers.add(task)
            task.add_done_callback(self._transfers.discard)

    async def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_SECONDS)
        opened: list[int] = []
        with connection, suppress(OSError):  # the job may have ended
            try:
                receive = partial(channel.receive_bytes, connection, _LONGEST_REQUEST)
                received = await self._in_thread(receive)
                text, opened = received or (b"", [])
                connection.setblocking(False)
                message = strict_json.parse(text)
                answer = await self._answer(message, opened, connection)
            except (_RefusedError, ApiError, OSError, ValueError, local_bytes.CopyCancelledError):
                answer = {}
            finally:
                for file in opened:
                    os.close(file)
            connection.sendall(channel.pack(answer))

    async def _answer(self, message: Any, opened: list[int], connection: socket.socket) -> JSON:
        if len(opened) != 1 or not stat.S_ISREG(os.fstat(opened[0]).st_mode):
            raise _RefusedError
        is_waiting = partial(_is_waiting, connection)
        match message:
            case {"token": str(token), "fetch": str(file_id), "project": str() | None as project}:
                context = self._context(token)
                pieces = self._pieces(context, file_id, project)
                await self._delay(context.caller, sum(piece.stat().st_size for piece in pieces))
                if self._links and message.get("linkable") and len(pieces) == 1:
                    return {"link": str(pieces[0].absolute()), "device": pieces[0].stat().st_dev}
                if any(os.path.samestat(piece.stat(), os.fstat(opened[0])) for piece in pieces):
                    raise _RefusedError  # truncating it would destroy the stored bytes
                work = partial(local_bytes.copy_into, opened[0], pieces, is_waiting)
                return {"size": await self._in_thread(work)}
            case {"token": str(token), "store": str(file_id), "size": int(size), "partSize": int(part_size)}:
                context, sizes = self._context(token), (size, part_size)
                await self._delay(context.caller, size)
                await self._store(context, file_id, sizes, opened[0], is_waiting)
                return {"size": size}
        raise _RefusedError

    def _context(self, token: str) -> Context:
        caller = access.caller_of(self._platform.store, token)
        if caller is None:
            raise _RefusedError
        return Context(self._platform, caller)

    def _pieces(self, context: Context, file_id: str, project: str | None) -> list[Path]:
        with self._platform.store.transaction():
            files.readable(context, file_id, project)
            return file_bytes.pieces(self._platform, file_id)

    async def _store(
        self,
        context: Context,
        file_id: str,
        sizes: tuple[int, int],
        file: int,
        is_waiting: Callable[[], bool],
    ) -> None:
        size, part_size = sizes
        with self._platform.store.transaction():
            files.check_empty(context, file_id)
        with local_bytes.temporary_in(file_bytes.new_bytes_folder(self._platform)) as received:
            with received.open("xb") as copy:
                work = partial(local_bytes.copy_open, file, copy.fileno(), is_waiting)
                if await self._in_thread(work) != size:
                    raise _RefusedError
            with self._platform.store.transaction():
                files.close_with_bytes(context, file_id, received, part_size)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _no_delay(_caller: Caller, _size: int) -> None:
    pass


def _is_waiting(connection: socket.socket) -> bool:
    """Return whether a job still waits for its response."""
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
