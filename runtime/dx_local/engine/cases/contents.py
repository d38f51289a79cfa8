"""The content of files as lines: decompressed, BAM as text, and without headers that differ in each run."""

from __future__ import annotations

import gzip
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GZIP = b"\x1f\x8b"
_BAM = b"BAM\x01"
_VCF = b"##fileformat=VCF"
_SAM = (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")
_PROGRAM = b"@PG\t"
_PIECE = 1 << 20


class DamagedFileError(Exception):
    """A compressed file or BAM file ends too early or is damaged."""


class _Record(NamedTuple):
    """The fixed fields of a record in a BAM file. Source: section 4.2 of the SAM specification."""

    reference: int
    position: int
    name_length: int
    mapping_quality: int
    bin: int
    cigar_length: int
    flag: int
    sequence_length: int
    next_reference: int
    next_position: int
    template_length: int


_RECORD = struct.Struct("<iiBBHHHIiii")
_INT = struct.Struct("<i")


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file with their ends, decompressed; of a BAM file, its header and records.

    Raises DamagedFileError and OSError.
    """
    with path.open("rb") as file:
        is_compressed = file.read(len(_GZIP)) == _GZIP
    try:
        with gzip.open(path) if is_compressed else path.open("rb") as file:
            start = file.read(len(_BAM)) if is_compressed else b""
            if start == _BAM:
                yield from _bam_lines(cast("BinaryIO", file))
                return
            file.seek(0)
            yield from file
    except (EOFError, gzip.BadGzipFile, zlib.error, struct.error) as error:
        raise DamagedFileError(f"it is damaged: {error}") from None


def comparable_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file by which it is compared: those of `lines_of`, without headers that change.

    These are the lines of a VCF file that begin with ##, and @PG of SAM and BAM files. Raises as `lines_of`.
    """
    is_vcf = is_sam = False
    for number, line in enumerate(lines_of(path)):
        if not number:
            is_vcf, is_sam = line.startswith(_VCF), line.startswith(_SAM)
        if (is_vcf and line.startswith(b"##")) or (is_sam and line.startswith(_PROGRAM)):
            continue
        yield line


def has_content(path: Path) -> bool:
    """Return whether a file has at least one byte after decompression. Raises as `lines_of`."""
    return next(lines_of(path), None) is not None


def is_binary(path: Path) -> bool:
    """Return whether the content of a file is not text. Raises as `lines_of`."""
    size = 0
    for line in lines_of(path):
        if b"\0" in line:
            return True
        size += len(line)
        if size > _PIECE:
            break
    return False


def _bam_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the header lines of a BAM file, and a line for each record; `file` is after the magic bytes."""
    header = _exactly(file, _int(file)).rstrip(b"\0")
    yield from header.splitlines(keepends=True)
    references = []
    for _ in range(_int(file)):
        name = _exactly(file, _int(file)).rstrip(b"\0")
        references.append(name)
        length = _int(file)
        if not header:
            yield b"@SQ\tSN:%s\tLN:%d\n" % (name, length)
    while size := file.read(_INT.size):
        yield _record_line(_exactly(file, _INT.unpack(size)[0]), references)


def _record_line(data: bytes, references: list[bytes]) -> bytes:
    """Return the fields of a record that people know, and a checksum of the others."""
    record = _Record(*_RECORD.unpack_from(data))
    name = data[_RECORD.size : _RECORD.size + record.name_length].rstrip(b"\0")
    reference = references[record.reference] if 0 <= record.reference < len(references) else b"*"
    shown = (reference, record.position + 1, record.mapping_quality, zlib.crc32(data))
    return b"%s\t%d\t" % (name, record.flag) + b"%s\t%d\t%d\tcrc32:%08x\n" % shown


def _int(file: BinaryIO) -> int:
    value: int = _INT.unpack(_exactly(file, _INT.size))[0]
    return value


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError("it ends too early")
    return data
