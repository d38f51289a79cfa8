"""File transfers over signed URLs: PUT of one part, GET of a file or of a byte range.

Bytes are streamed in blocks; a file is never read into memory as a whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dx_local.api.answers import answer_error, check_origin
from dx_local.platform.core import access
from dx_local.platform.core.context import Context
from dx_local.platform.core.local_bytes import temporary_in
from dx_local.platform.data import file_bytes, files
from dx_local.platform.data.transfer_urls import DownloadTicket, UploadTicket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from starlette.requests import Request

    from dx_local.platform.core.context import Platform

    Endpoint = Callable[[Request], Awaitable[Response]]

_BLOCK = 256 << 10
_WRITE_SIZE = 1 << 20
_PART_SIZE_HEADER = "x-dx-local-part-size"
"""Header of files whose MD5s are not known yet, by which a job can hash the parts while the server does."""


class _BadUploadError(Exception):
    """The received bytes are not the announced part; the client may try again."""


def transfer_routes(platform: Platform) -> list[Route]:
    """Return the routes for the URLs of `transfer_urls`."""
    ticket = "/F/U/{signature}/{file}/{index:number}/{size:number}/{md5}/{expires:number}"
    return [
        Route(ticket, _endpoint(platform, _put), methods=["PUT"]),
        Route("/F/D2PRJ/{file}/{project}", _endpoint(platform, _get_with_token)),
        Route("/F/D/{signature}/{expires:number}/{nonce}/{file}/{name:anything}", _endpoint(platform, _get)),
    ]


def _endpoint(platform: Platform, handler: Callable[[Platform, Request], Awaitable[Response]]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            check_origin(request.headers, platform.hosts)
            return await handler(platform, request)
        except _BadUploadError as error:
            # Plain text, because clients do not repeat an upload after the JSON of an API error.
            return Response(str(error), 400, media_type="text/plain")
        except Exception as error:  # noqa: BLE001 - any error becomes a response
            return answer_error(platform, error)

    return endpoint


async def _put(platform: Platform, request: Request) -> Response:
    path = request.path_params
    md5 = "" if path["md5"] == "-" else path["md5"]
    ticket = UploadTicket(path["file"], path["index"], path["size"], md5, path["expires"])
    ticket.check(platform, path["signature"])
    with temporary_in(file_bytes.part_folder(platform, ticket.file_id)) as received:
        md5 = await _receive(request, received, ticket)
        files.receive_part(platform, ticket, received, md5)
    return Response(headers={"etag": f'"{md5}"'})


async def _receive(request: Request, destination: Path, ticket: UploadTicket) -> str:
    """Write the body to destination and return its MD5 in hex. Raises _BadUploadError."""
    size = 0
    with destination.open("xb") as file:
        writing = _Writing(file)
        try:
            async for block in request.stream():
                size += len(block)
                if size > ticket.size:
                    break
                await writing.add(block)
        finally:
            md5 = await writing.end()
    if size != ticket.size:
        compared = "more" if size > ticket.size else "less"
        raise _BadUploadError(f"the part has {compared} than {ticket.size} bytes")
    if ticket.md5 and md5 != ticket.md5:
        raise _BadUploadError(f"the MD5 of the part is {md5}, not {ticket.md5}")
    return md5


class _Writing:
    """Write blocks to a file and hash them, in a thread while further blocks arrive."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._blocks: list[bytes] = []
        self._size = 0
        self._write_in_progress: asyncio.Future[None] | None = None

    async def add(self, block: bytes) -> None:
        """Queue a block; wait while an earlier write is in progress and another one is due."""
        self._blocks.append(block)
        self._size += len(block)
        if self._size >= _WRITE_SIZE:
            await self._finish_writing()
            blocks, self._blocks, self._size = self._blocks, [], 0
            self._write_in_progress = asyncio.ensure_future(asyncio.to_thread(self._write, blocks))

    async def end(self) -> str:
        """Write the remaining blocks, and return the MD5 of all bytes in hex."""
        await self._finish_writing()
        self._write(self._blocks)
        return self._md5.hexdigest()

    async def _finish_writing(self) -> None:
        in_progress, self._write_in_progress = self._write_in_progress, None
        if in_progress:
            await in_progress

    def _write(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self._md5.update(block)
            self._file.write(block)


async def _get(platform: Platform, request: Request) -> Response:
    path = request.path_params
    ticket = DownloadTicket(path["file"], path["expires"], path["nonce"])
    ticket.check(platform, path["signature"])
    return file_response(platform, request, ticket.file_id, path["name"])


async def _get_with_token(platform: Platform, request: Request) -> Response:
    path = request.path_params
    token = request.headers.get("x-authorization", "").removeprefix("Bearer ")
    context = Context(platform, access.authenticate(platform.store, token))
    placement = files.readable(context, path["file"], path["project"])
    return file_response(platform, request, path["file"], placement["name"])


def file_response(platform: Platform, request: Request, file_id: str, name: str) -> Response:
    """Return the bytes of a closed file as a download, or the requested range of them. Raises ApiError."""
    row = platform.store.get("object", file_id)
    if row is None:
        raise access.not_found(file_id)
    content = _Content.of(file_bytes.pieces(platform, file_id))
    headers = {
        "accept-ranges": "bytes",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-type": row["fields"]["media"],
        "last-modified": formatdate(row["created"] / 1000, usegmt=True),
        "x-content-type-options": "nosniff",
    }
    part_size = files.part_size_of_local_file(platform.store, row)
    if part_size is not None:
        headers[_PART_SIZE_HEADER] = str(part_size)
    return _respond(request, content, headers)


def _respond(request: Request, content: _Content, headers: dict[str, str]) -> Response:
    start, end, status = 0, content.size, 200
    wanted = _range(request.headers.get("range", ""), content.size)
    if wanted is not None:
        start, end = wanted
        status = 206
        if start >= end:
            headers["content-range"] = f"bytes */{content.size}"
            return Response(status_code=416, headers=headers)
        headers["content-range"] = f"bytes {start}-{end - 1}/{content.size}"
    headers["content-length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    if end - start <= _BLOCK:
        return Response(b"".join(content.read(start, end)), status, headers)
    return StreamingResponse(_as_async(content.read(start, end)), status, headers)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """Return the (start, end) of a Range header, end excluded, or None for the whole file.

    A range beyond the end of the file is empty. Several ranges, or another unit, are ignored.
    """
    found = re.fullmatch(r"bytes=(\d{0,999})-(\d{0,999})", header.strip(), re.ASCII)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


async def _as_async(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    # Starlette would read from a plain iterator in a thread, which costs more than the reads themselves.
    for block in blocks:
        yield block


@dataclass(frozen=True)
class _Content:
    """The bytes of a file: the concatenation of one or more local files."""

    pieces: list[tuple[Path, int]]

    @classmethod
    def of(cls, paths: list[Path]) -> _Content:
        """Return the content of these files."""
        return cls([(path, path.stat().st_size) for path in paths])

    @property
    def size(self) -> int:
        """The number of bytes."""
        return sum(size for _, size in self.pieces)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from start to end, end excluded, in blocks."""
        offset = 0
        for path, size in self.pieces:
            first, last = max(start - offset, 0), min(end - offset, size)
            if first < last:
                yield from _read(path, first, last)
            offset += size


def _read(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        left = end - start
        while left and (block := file.read(min(left, _BLOCK))):
            left -= len(block)
            yield block
