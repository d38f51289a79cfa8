"""Read gzip and zstd streams piece by piece, and recognise them by their first bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

from dx_local.worker.containers.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator

NONE, GZIP, ZSTD = "none", "gzip", "zstd"
CHUNK = 1 << 20

_MAGIC = {b"\x1f\x8b": GZIP, b"\x28\xb5\x2f\xfd": ZSTD}
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
LONGEST_MAGIC = 6


def compression_of(beginning: bytes) -> str:
    """Return the compression of a stream by its first bytes. Raises ArchiveError if it is not supported."""
    for magic, name in _OTHERS.items():
        if beginning.startswith(magic):
            raise ArchiveError(f"{name} is not supported; use gzip or zstd, or decompress the archive")
    return next((kind for magic, kind in _MAGIC.items() if beginning.startswith(magic)), NONE)


def raw_chunks(file: int, offset: int, length: int) -> Iterator[bytes]:
    """Yield a part of an open file. Raises ArchiveError if the file ends before."""
    while length:
        chunk = os.pread(file, min(CHUNK, length), offset)
        if not chunk:
            raise ArchiveError("the archive is truncated")
        yield chunk
        offset += len(chunk)
        length -= len(chunk)


def chunks(compression: str, file: int, offset: int, length: int) -> Iterator[bytes]:
    """Return an iterator over the uncompressed bytes of a part of an open file.

    Everything that it needs from the file system is opened by this call. Raises ArchiveError.
    """
    raw = raw_chunks(file, offset, length)
    if compression == GZIP:
        return _gunzipped(raw)
    if compression == ZSTD:
        return _unzstd(raw)
    return raw


def _gunzipped(raw: Iterator[bytes]) -> Iterator[bytes]:
    unzip = zlib.decompressobj(wbits=31)
    is_complete = False
    for chunk in raw:
        rest = chunk
        while rest:
            if unzip.eof:  # a gzip file may consist of several streams
                if not rest.strip(b"\0"):
                    break
                unzip = zlib.decompressobj(wbits=31)
            try:
                data = unzip.decompress(rest, CHUNK)
            except zlib.error as error:
                raise ArchiveError(f"the gzip stream is damaged ({error})") from error
            if data:
                yield data
            rest = unzip.unused_data if unzip.eof else unzip.unconsumed_tail
        is_complete = unzip.eof
    if not is_complete:
        raise ArchiveError("the gzip stream is truncated")


def _unzstd(raw: Iterator[bytes]) -> Iterator[bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # since Python 3.14
    except ImportError:
        return _unzstd_by_program(raw)
    return _unzstd_by_module(raw, zstd)


def _unzstd_by_module(raw: Iterator[bytes], zstd: Any) -> Iterator[bytes]:
    unzip = zstd.ZstdDecompressor()
    for chunk in raw:
        rest = chunk
        while rest or not (unzip.needs_input or unzip.eof):
            if unzip.eof:
                unzip = zstd.ZstdDecompressor()
            try:
                data = unzip.decompress(rest, CHUNK)
            except zstd.ZstdError as error:
                raise ArchiveError(f"the zstd stream is damaged ({error})") from error
            if data:
                yield data
            rest = unzip.unused_data if unzip.eof else b""
    if not unzip.eof:
        raise ArchiveError("the zstd stream is truncated")


def _unzstd_by_program(raw: Iterator[bytes]) -> Iterator[bytes]:
    program = shutil.which("zstd")
    if program is None:
        raise ArchiveError("zstd needs the program `zstd`, which is not installed; install it, or use gzip")
    # Its input comes from a child of this process, because one process cannot feed and read it at once.
    process = subprocess.Popen(
        [program, "-dcq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    feeder = os.fork()
    if feeder == 0:
        _feed(raw, process.stdin.fileno())
    process.stdin.close()
    return _output_of(process, feeder)


def _feed(raw: Iterator[bytes], pipe: int) -> None:
    status = 1
    try:
        for chunk in raw:
            data = memoryview(chunk)
            while data:
                data = data[os.write(pipe, data) :]
        status = 0
    finally:
        os._exit(status)


def _output_of(process: subprocess.Popen[bytes], feeder: int) -> Iterator[bytes]:
    assert process.stdout is not None
    try:
        while chunk := process.stdout.read(CHUNK):
            yield chunk
    finally:
        process.stdout.close()
        failed = process.wait() | os.waitpid(feeder, 0)[1]
    if failed:
        raise ArchiveError("the zstd stream is damaged or truncated")
