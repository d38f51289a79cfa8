"""Whole files by one request for each file or part, for jobs that cannot pass open files to the platform.

Jobs on nodes have no socket of the platform. dxpy's own functions hold a part in memory, then hash it, then
write or send it, one step after the other. Here, bytes are hashed in threads while further ones are on their
way. The checks are the same: the MD5 of each part is compared with the platform's.

All functions return False for whatever is unusual; then dxpy's own functions run.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

import dxpy
import urllib3
from dxpy.exceptions import DXError

if TYPE_CHECKING:
    from concurrent.futures import Future

    JSON = dict[str, Any]

_BLOCK = 1 << 20
_MOST_HASHING_THREADS = 4
_ERRORS = (DXError, urllib3.exceptions.HTTPError, OSError, KeyError, ValueError)
_PART_SIZE_HEADER = "x-dx-local-part-size"
_ONCE = {"max_retries": 0}  # dxpy's own functions try again


def download(file_id: str, project: str | None, target: BinaryIO) -> bool:
    """Write the bytes of a closed file to an open one, which can be read; return whether they are right.

    `project` is that of the download, or None. On failure, the target may hold anything.
    """
    try:
        with ThreadPoolExecutor(1 + _threads()) as threads:
            hint = {} if project is None else {"project": project}
            source = dxpy.api.file_download(file_id, hint, **_ONCE)
            wanted = {"fields": {"parts": True, "drive": True}}
            description = threads.submit(dxpy.api.file_describe, file_id, wanted, **_ONCE)
            response = _request("GET", source, b"", preload_content=False)
            with closing(response):
                os.ftruncate(target.fileno(), 0)
                part_size = int(response.headers.get(_PART_SIZE_HEADER, 0)) or None
                parts = _ReceivedParts(target.fileno(), part_size, description, threads)
                while True:
                    block = response.read(_BLOCK, decode_content=False)
                    if not block:
                        break
                    _write(target.fileno(), block)
                    parts.add(len(block))
            return parts.are_right()
    except _ERRORS:
        return False


def _write(file: int, data: bytes) -> None:
    """Write bytes to a file without a buffer, from which other threads could not read them."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


class _ReceivedParts:
    """The parts of a file that is being written, hashed as soon as each is complete.

    `part_size` is the size of all parts but the last, or None if only the description has their sizes. The
    platform may have to compute the description, which takes as long as hashing the parts here.
    """

    def __init__(
        self, file: int, part_size: int | None, description: Future[JSON], threads: ThreadPoolExecutor
    ) -> None:
        self._file = file
        self._part_size = part_size
        self._description = description
        self._threads = threads
        self._received = 0
        self._hashed = 0
        self._parts: list[tuple[int, Future[str]]] = []
        self._expected: list[tuple[int, str]] | None = None

    def add(self, size: int) -> None:
        """Note that so many more bytes are in the file."""
        self._received += size
        if self._part_size is not None or self._description.done():
            self._hash_complete_parts()

    def are_right(self) -> bool:
        """Return whether the file, to which nothing is added now, consists of the right parts."""
        self._hash_complete_parts()
        if self._part_size is not None and (self._hashed < self._received or not self._parts):
            self._hash(self._received - self._hashed)
        is_whole = self._hashed == self._received
        return is_whole and [(size, md5.result()) for size, md5 in self._parts] == self._described()

    def _hash_complete_parts(self) -> None:
        while (size := self._next_size()) is not None and self._hashed + size <= self._received:
            self._hash(size)

    def _next_size(self) -> int | None:
        if self._part_size is not None:
            return self._part_size
        described, index = self._described(), len(self._parts)
        return described[index][0] if index < len(described) else None

    def _described(self) -> list[tuple[int, str]]:
        """Return the sizes and MD5s of the parts, from the description.

        Raises ValueError for a file on a drive, whose parts have no MD5.
        """
        if self._expected is None:
            description = self._description.result()
            if "drive" in description:
                raise ValueError
            parts: JSON = description["parts"]
            self._expected = [(parts[index]["size"], parts[index]["md5"]) for index in sorted(parts, key=int)]
        return self._expected

    def _hash(self, size: int) -> None:
        self._parts.append((size, self._threads.submit(_md5_of_file, self._file, self._hashed, size)))
        self._hashed += size


def _md5_of_file(file: int, start: int, size: int) -> str:
    """Return the MD5 of bytes of an open file. Raises OSError if it ends before."""
    md5 = hashlib.md5()  # noqa: S324  (the checksum of the API)
    end = start + size
    while start < end:
        block = os.pread(file, min(_BLOCK, end - start), start)
        if not block:
            raise OSError(errno.EIO, "the file has become shorter")
        md5.update(block)
        start += len(block)
    return md5.hexdigest()


def upload(handler: Any, source: BinaryIO) -> bool:
    """Upload an open, non-empty file in the parts of a DXFile, and close that; return whether it is right."""
    part_size = handler._write_bufsize  # noqa: SLF001
    try:
        with ThreadPoolExecutor(_threads()) as threads:
            data = memoryview(mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ))
            sent = [
                _upload_part(handler.get_id(), index, data[start : start + part_size], threads)
                for index, start in enumerate(range(0, len(data), part_size), start=1)
            ]
            is_right = all(md5.result() == received for md5, received in sent)
        if is_right:
            dxpy.api.file_close(handler.get_id(), **_ONCE)
    except _ERRORS:
        return False
    return is_right


def _upload_part(
    file_id: str, index: int, data: memoryview, threads: ThreadPoolExecutor
) -> tuple[Future[str], str]:
    """Upload a part; return its MD5 as computed here, soon, and as reported by the platform."""
    md5 = threads.submit(_md5, data)
    target = dxpy.api.file_upload(file_id, {"index": index, "size": len(data)}, **_ONCE)
    response = _request("PUT", target, data)
    return md5, response.headers["etag"].strip('"')


def _md5(data: memoryview) -> str:
    return hashlib.md5(data).hexdigest()  # noqa: S324  (the checksum of the API)


def _request(method: str, place: JSON, data: bytes | memoryview, **options: Any) -> Any:
    """Send a request to a URL that the platform has issued, and return dxpy's response."""
    return dxpy.DXHTTPRequest(
        place["url"],
        data,
        method=method,
        headers=dict(place["headers"]),
        auth=None,
        jsonify_data=False,
        prepend_srv=False,
        want_full_response=True,
        **_ONCE,
        **options,
    )


def _threads() -> int:
    return min(_MOST_HASHING_THREADS, os.cpu_count() or 1)
