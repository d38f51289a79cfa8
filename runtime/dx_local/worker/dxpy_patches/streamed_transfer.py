"""Whole files by one request for each file or part, for jobs that cannot pass open files to the platform.

Jobs on nodes have no socket of the platform. dxpy's own functions hold a part in memory, then hash it, then
write or send it, one step after the other. Here, bytes are hashed in threads while further ones are on their
way. The checks are the same: the MD5 of each part is compared with the platform's.

All functions return False for whatever is unusual; then dxpy's own functions run.
"""

from __future__ import annotations

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
            parts = _ReceivedParts(target.fileno(), description, threads)
            response = _request("GET", source, b"", preload_content=False)
            with closing(response):
                target.truncate(0)
                while True:
                    block = response.read(_BLOCK, decode_content=False)
                    if not block:
                        break
                    target.write(block)
                    parts.add(len(block))
            target.flush()
            return parts.are_right()
    except _ERRORS:
        return False


class _ReceivedParts:
    """The parts of a file that is being written, hashed as soon as each is complete."""

    def __init__(self, file: int, description: Future[JSON], threads: ThreadPoolExecutor) -> None:
        self._file = file
        self._description = description
        self._threads = threads
        self._received = 0
        self._hashed = 0
        self._waiting: list[JSON] | None = None
        self._checks: list[Future[bool]] = []

    def add(self, size: int) -> None:
        """Note that so many more bytes are in the file."""
        self._received += size
        if self._description.done():
            self._check_complete_parts()

    def are_right(self) -> bool:
        """Return whether the file, to which nothing is added now, consists of the right parts."""
        self._check_complete_parts()
        is_whole = not self._waiting and self._hashed == self._received
        return is_whole and all(check.result() for check in self._checks)

    def _check_complete_parts(self) -> None:
        if self._waiting is None:
            self._waiting = _parts_in_order(self._description.result())
        while self._waiting and self._hashed + self._waiting[0]["size"] <= self._received:
            part = self._waiting.pop(0)
            self._checks.append(self._threads.submit(self._is_right, self._hashed, part))
            self._hashed += part["size"]

    def _is_right(self, start: int, part: JSON) -> bool:
        md5 = hashlib.md5()  # noqa: S324  (the checksum of the API)
        end = start + part["size"]
        while start < end:
            block = os.pread(self._file, min(_BLOCK, end - start), start)
            if not block:
                return False
            md5.update(block)
            start += len(block)
        return bool(md5.hexdigest() == part["md5"])


def _parts_in_order(description: JSON) -> list[JSON]:
    """Return the parts of a file. Raises ValueError for a file on a drive, whose parts have no MD5."""
    if "drive" in description:
        raise ValueError
    parts: JSON = description["parts"]
    return [parts[index] for index in sorted(parts, key=int)]


def upload(handler: Any, source: BinaryIO) -> bool:
    """Upload an open, non-empty file in the parts of a DXFile, and close that; return whether all went well."""
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
        return is_right
    except _ERRORS:
        return False


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
