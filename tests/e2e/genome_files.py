"""Reading SAM, BAM, BAI and VCF files by Python alone, to hold what programs made of them against.

Source: the specifications at https://samtools.github.io/hts-specs/
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_UNMAPPED = 0x4
_METADATA_BIN = 37450


@dataclass(frozen=True)
class Read:
    """A line of a SAM file, or a record of a BAM file; the position is that of SAM, from 1."""

    name: str
    flag: int
    chromosome: str
    position: int
    quality: int

    @property
    def is_mapped(self) -> bool:
        return not self.flag & _UNMAPPED


@dataclass(frozen=True)
class Variant:
    """A line of a VCF file."""

    chromosome: str
    position: int
    name: str
    quality: float
    info: dict[str, str]


def read_sam(path: Path) -> list[Read]:
    """Return the reads of a SAM file, in its order."""
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("@")]
    return [Read(row[0], int(row[1]), row[2], int(row[3]), int(row[4])) for row in rows]


def read_bam(path: Path) -> list[Read]:
    """Return the reads of a BAM file, in its order; each is on a chromosome."""
    data = gzip.decompress(path.read_bytes())
    magic, text_length = struct.unpack_from("<4si", data)
    assert magic == b"BAM\1"
    offset = 8 + text_length + 4
    names = []
    for _ in range(struct.unpack_from("<i", data, offset - 4)[0]):
        (length,) = struct.unpack_from("<i", data, offset)
        names.append(data[offset + 4 : offset + 3 + length].decode())
        offset += 4 + length + 4
    reads = []
    while offset < len(data):
        size, chromosome, position, name_length, quality, _bin, _operations, flag = struct.unpack_from(
            "<iiiBBHHH", data, offset
        )
        name = data[offset + 36 : offset + 35 + name_length].decode()
        reads.append(Read(name, flag, names[chromosome], position + 1, quality))
        offset += 4 + size
    return reads


def read_index(path: Path) -> list[tuple[int, int]]:
    """Return how many mapped and how many unmapped reads the index of a BAM file has for each chromosome."""
    data = path.read_bytes()
    magic, chromosomes = struct.unpack_from("<4si", data)
    assert magic == b"BAI\1"
    offset = 8
    counts = []
    for _ in range(chromosomes):
        (bins,) = struct.unpack_from("<i", data, offset)
        offset += 4
        for _ in range(bins):
            number, chunks = struct.unpack_from("<Ii", data, offset)
            if number == _METADATA_BIN:
                counts.append(struct.unpack_from("<QQ", data, offset + 8 + 16))
            offset += 8 + 16 * chunks
        (intervals,) = struct.unpack_from("<i", data, offset)
        offset += 4 + 8 * intervals
    return counts


def read_vcf(path: Path) -> list[Variant]:
    """Return the variants of a VCF file, compressed or not, in its order."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data).decode()
    variants = []
    for line in text.splitlines():
        if not line.startswith("#"):
            chromosome, position, name, _, _, quality, _, info = line.split("\t")[:8]
            keys = dict(part.partition("=")[::2] for part in info.split(";"))
            variants.append(Variant(chromosome, int(position), name, float(quality), keys))
    return variants
