"""The program that unpacks one layer into an empty folder, in which it is locked before the first entry.

    python -IS unpack_layer.py FD OFFSET LENGTH COMPRESSION DIGEST FOLDER
        FD: the number of the inherited open archive
        OFFSET, LENGTH: the layer in it, in bytes
        COMPRESSION: none, gzip or zstd
        DIGEST: the expected SHA-256 of the uncompressed layer, in hexadecimal

It enters a user and a mount namespace and makes the folder its root, so no name and no link leads outside.
Its exit code is 0 if the folder holds the layer; otherwise stdout explains why not. It hashes the bytes that
it writes, and not the archive once more, which a job could have changed in between.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import queue
import resource
import sys
import threading
from typing import TYPE_CHECKING

if __name__ == "__main__":
    _package = os.path.abspath(f"{__file__}/../../../..")
    _spec = importlib.util.spec_from_file_location("dx_local", f"{_package}/__init__.py")
    assert _spec is not None
    sys.modules["dx_local"] = importlib.util.module_from_spec(_spec)

from dx_local.worker.containers.errors import ArchiveError
from dx_local.worker.containers.images import compression, tar_headers
from dx_local.worker.containers.unpacking.layer_folder import LayerFolder
from dx_local.worker.sandbox import mounts, user_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPARED_BYTES = 64 << 20  # of the free space, and of the free inodes:
_SPARED_INODES = 1000
_MOST_MEMORY = 2 << 30
_CHUNKS_AHEAD = 8


class _HashedChunks:
    """Chunks that a thread hashes while they are used: the next one, and the digest of all."""

    def __init__(self, chunks: Iterator[bytes], most_bytes: int) -> None:
        self._chunks = chunks
        self._most_bytes = self._left = most_bytes
        self._hash = hashlib.sha256()
        self._is_complete = False
        self._queue: queue.Queue[bytes] = queue.Queue(_CHUNKS_AHEAD)
        self._thread = threading.Thread(target=self._update, daemon=True)
        self._thread.start()

    def next_chunk(self) -> bytes:
        """Return the next chunk; an empty one at the end. Raises ArchiveError if the disk is too small."""
        chunk = next(self._chunks, b"")
        self._left -= len(chunk)
        if self._left < 0:
            raise too_large(self._most_bytes)
        if not self._is_complete:
            self._queue.put(chunk)
        self._is_complete = not chunk
        return chunk

    def digest(self) -> str:
        """Return the digest once the last chunk was returned."""
        self._thread.join()
        return self._hash.hexdigest()

    def _update(self) -> None:
        while chunk := self._queue.get():
            self._hash.update(chunk)


def too_large(free: int) -> ArchiveError:
    """Return the error for a layer that is larger than the free space."""
    return ArchiveError(
        f"the layer needs more than the {free >> 20} MiB that are free on the disk of the cache"
    )


def unpack(file: int, part: tuple[int, int], kind: str, digest: str, folder: str) -> None:
    """Unpack a layer. `part` is its offset and length. Raises ArchiveError or OSError.

    Afterwards this process is locked in the folder.
    """
    offset, length = part
    disk = os.statvfs(folder)
    free = max(disk.f_bavail * disk.f_frsize - _SPARED_BYTES, 0)
    most_entries = max(disk.f_favail - _SPARED_INODES, 0) if disk.f_files else sys.maxsize
    if length > free:
        raise too_large(free)
    chunks = compression.chunks(kind, file, offset, length)
    user_namespace.enter(mounts.NEW_MOUNTS)
    owns_all = user_namespace.is_root_of_host()
    os.chroot(folder)
    os.chdir("/")
    os.umask(0)
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    hashed = _HashedChunks(chunks, free)
    source = tar_headers.ByteSource(hashed.next_chunk)
    LayerFolder(most_entries, owns_all=owns_all).fill(source)
    while source.read_some(compression.CHUNK):
        pass  # what follows the end of the archive belongs to the layer's digest
    if hashed.digest() != digest:
        raise ArchiveError("the archive is damaged: the layer has another digest than the image names")


def main(arguments: list[str]) -> int:
    """Unpack as the command line says; return the exit code."""
    file, offset, length = map(int, arguments[:3])
    kind, digest, folder = arguments[3:]
    try:
        unpack(file, (offset, length), kind, digest, folder)
    except ArchiveError as error:
        print(error)
        return 1
    except MemoryError:
        print("the archive is damaged: to read it takes too much memory")
        return 1
    except OSError as error:
        print(f"the layer cannot be unpacked: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    _code = main(sys.argv[1:])
    sys.stdout.flush()
    # Python would end the thread, and the C library load another library for that from its own folder, which
    # is out of reach by now.
    os._exit(_code)
