"""Read tar archives: ustar, GNU and pax headers, as they occur in images and their layers.

`tarfile` of the standard library takes several times as long per entry, and reads headers of any size into
memory. Source of the formats: tar(5) of libarchive; pax in POSIX.1-2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dx_local.worker.containers.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 512

FILE, HARD_LINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, FOLDER, FIFO = (
    b"0",
    b"1",
    b"2",
    b"3",
    b"4",
    b"5",
    b"6",
)
_CONTIGUOUS, _OLD_FILE = b"7", b"\0"
_LONG_NAME, _LONG_LINK = b"L", b"K"
_PAX, _PAX_FOR_ALL = b"x", b"g"
_WITHOUT_DATA = (HARD_LINK, SYMLINK, CHARACTER_DEVICE, BLOCK_DEVICE, FOLDER, FIFO)
_KNOWN = (FILE, *_WITHOUT_DATA)
_LONGEST_EXTENSION = 1 << 20  # bytes of names and pax records
_NO_BLOCK = b"\0" * BLOCK
_SPARSE = b"GNU.sparse."


class Entry(NamedTuple):
    """A file, folder or link of an archive; names are as they were written, which may be anything."""

    name: bytes
    kind: bytes
    mode: int
    uid: int
    gid: int
    size: int
    """Bytes of data that follow the header."""
    mtime_ns: int
    target: bytes
    """The target of a link."""


class ByteSource:
    """A stream of bytes in chunks, which `next_chunk` returns until an empty one marks the end."""

    def __init__(self, next_chunk: Callable[[], Any]) -> None:
        self._next_chunk = next_chunk
        self._chunk = memoryview(b"")
        self._at = 0
        self._bytes_before = 0

    @property
    def position(self) -> int:
        """The number of bytes that were read."""
        return self._bytes_before + self._at

    def read_some(self, most: int) -> memoryview:
        """Return at least one and at most this number of the next bytes; none only at the end."""
        if self._at == len(self._chunk):
            self._bytes_before += self._at
            self._chunk = memoryview(self._next_chunk())
            self._at = 0
        piece = self._chunk[self._at : self._at + most]
        self._at += len(piece)
        return piece

    def read(self, size: int) -> bytes:
        """Return the next bytes: fewer only at the end."""
        end = self._at + size
        if end <= len(self._chunk):
            piece = bytes(self._chunk[self._at : end])
            self._at = end
            return piece
        pieces = []
        while size and (some := self.read_some(size)):
            pieces.append(bytes(some))
            size -= len(some)
        return b"".join(pieces)

    def skip(self, size: int) -> None:
        """Skip bytes. Raises ArchiveError if there are fewer."""
        while size:
            skipped = len(self.read_some(size))
            if not skipped:
                raise ArchiveError("the archive is truncated")
            size -= skipped


def entries(source: ByteSource) -> Iterator[Entry]:
    """Yield the entries of an archive; their data may be read from the source before the next is requested.

    Raises ArchiveError.
    """
    for_all: dict[bytes, bytes] = {}
    pax: dict[bytes, bytes] = {}
    while True:
        header = source.read(BLOCK)
        if len(header) < BLOCK or header == _NO_BLOCK:
            if header.strip(b"\0"):
                raise ArchiveError("the archive is truncated")
            return
        entry = _parsed(header)
        if entry.kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_FOR_ALL):
            extension = _extension(source, entry.size)
            if entry.kind == _LONG_NAME:
                pax[b"path"] = extension.split(b"\0")[0]
            elif entry.kind == _LONG_LINK:
                pax[b"linkpath"] = extension.split(b"\0")[0]
            else:
                (pax if entry.kind == _PAX else for_all).update(_pax_records(extension))
            continue
        if for_all or pax:
            entry = _extended(entry, {**for_all, **pax})
            pax = {}
        if entry.kind not in _KNOWN:
            raise ArchiveError(f"{printable(entry.name)}: entries of type {entry.kind!r} are not supported")
        start = source.position
        yield entry
        padded = entry.size + -entry.size % BLOCK
        source.skip(start + padded - source.position)


def printable(name: bytes) -> str:
    """Return a name for an error message."""
    text = name.decode("utf-8", "replace")
    return repr(text if len(text) <= 100 else f"{text[:100]}…")


def _parsed(header: bytes) -> Entry:
    recorded = _number(header[148:156])
    if sum(header[:148]) + sum(header[156:]) + 8 * ord(" ") != recorded:
        raise ArchiveError("this is not a tar archive, or it is damaged: the checksum of an entry is wrong")
    name, kind = header[:100].split(b"\0")[0], header[156:157]
    # GNU tar writes other fields in the place of the prefix.
    if header[257:263] == b"ustar\0" and header[345]:
        name = header[345:500].split(b"\0")[0] + b"/" + name
    if kind in (_OLD_FILE, _CONTIGUOUS):
        kind = FOLDER if kind == _OLD_FILE and name.endswith(b"/") else FILE
    size = _number(header[124:136])
    if size < 0:
        raise ArchiveError(f"{printable(name)}: its size is negative")
    return Entry(
        name=name,
        kind=kind,
        mode=_number(header[100:108]) & 0o7777,
        uid=_number(header[108:116]),
        gid=_number(header[116:124]),
        size=0 if kind in _WITHOUT_DATA else size,
        mtime_ns=_number(header[136:148]) * 10**9,
        target=header[157:257].split(b"\0")[0],
    )


def _number(field: bytes) -> int:
    """Return a number in octal digits or, if the first bit is set, in binary."""
    if field[0] & 0x80:
        return int.from_bytes(field, "big", signed=True) & ((1 << (8 * len(field) - 1)) - 1)
    try:
        return int(field.split(b"\0")[0].strip() or b"0", 8)
    except ValueError as error:
        raise ArchiveError("this is not a tar archive, or it is damaged") from error


def _extension(source: ByteSource, size: int) -> bytes:
    if size > _LONGEST_EXTENSION:
        raise ArchiveError(f"an entry has a header of {size} bytes")
    data = source.read(size + -size % BLOCK)[:size]
    if len(data) < size:
        raise ArchiveError("the archive is truncated")
    return data


def _pax_records(data: bytes) -> dict[bytes, bytes]:
    """Return the records of a pax header: `LENGTH NAME=VALUE`, each in a line of its own."""
    records = {}
    while data.strip(b"\0"):
        digits, _, _ = data[:20].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        name, equals, value = data[len(digits) + 1 : length - 1].partition(b"=")
        if not equals or data[length - 1 : length] != b"\n":
            raise ArchiveError("an entry has a damaged pax header")
        records[name] = value
        data = data[length:]
    return records


def _extended(entry: Entry, records: dict[bytes, bytes]) -> Entry:
    if any(name.startswith(_SPARSE) for name in records):
        raise ArchiveError(f"{printable(entry.name)}: sparse files are not supported")
    try:
        return entry._replace(
            name=records.get(b"path", entry.name),
            target=records.get(b"linkpath", entry.target),
            uid=int(records.get(b"uid", entry.uid)),
            gid=int(records.get(b"gid", entry.gid)),
            size=0 if entry.kind in _WITHOUT_DATA else _not_negative(int(records.get(b"size", entry.size))),
            mtime_ns=_nanoseconds(records[b"mtime"]) if b"mtime" in records else entry.mtime_ns,
        )
    except ValueError as error:
        raise ArchiveError(f"{printable(entry.name)}: its pax header is damaged") from error


def _not_negative(size: int) -> int:
    if size < 0:
        raise ValueError(size)
    return size


def _nanoseconds(text: bytes) -> int:
    seconds, _, fraction = text.partition(b".")
    return int(seconds) * 10**9 + int((fraction + b"0" * 9)[:9])
