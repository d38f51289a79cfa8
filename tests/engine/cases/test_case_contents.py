"""Files are compared by content: gzip times, header lines and program records make no difference."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.cases.contents import DamagedFileError, comparable_lines, has_content, lines_of

if TYPE_CHECKING:
    from pathlib import Path

VCF = "##fileformat=VCFv4.2\n##fileDate={}\n#CHROM\tPOS\n1\t{}\n"
SAM = "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:100\n@PG\tID:{0}\tCL:{0} -o x\n"


def packed(data: bytes, time: int = 0) -> bytes:
    return gzip.compress(data, mtime=time)


def bam(header: str, *positions: int) -> bytes:
    """Return a BAM file with one read at each position."""
    data = b"BAM\1" + struct.pack("<i", len(header)) + header.encode()
    data += struct.pack("<i", 1) + struct.pack("<i", 5) + b"chr1\0" + struct.pack("<i", 100)
    for number, position in enumerate(positions):
        name = f"read{number}\0".encode()
        fields = (0, position, len(name), 60, 4681, 1, 16, 2, -1, -1, 0)
        record = struct.pack("<iiBBHHHIiii", *fields) + name + struct.pack("<I", 2 << 4) + b"\x12" + b"II"
        data += struct.pack("<i", len(record)) + record
    # Two members, as in BGZF.
    return packed(data[:40]) + packed(data[40:])


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (b"a\nb\n", b"a\nb\n", True),
        (b"a\nb\n", b"a\nb", False),
        (packed(b"a\n", 1), packed(b"a\n", 2), True),
        (packed(b"a\n"), b"a\n", True),
        (packed(b"a\n"), packed(b"b\n"), False),
        (VCF.format("today", 5).encode(), VCF.format("yesterday", 5).encode(), True),
        (VCF.format("today", 5).encode(), VCF.format("today", 6).encode(), False),
        (b"##gff-version 3\n", b"##gff-version 2\n", False),
        (SAM.format("bwa").encode(), SAM.format("minimap").encode(), True),
        (b"x\n@PG\t1\n", b"x\n@PG\t2\n", False),
        (bam(SAM.format("bwa"), 4, 9), bam(SAM.format("other"), 4, 9), True),
        (bam(SAM.format("bwa"), 4, 9), bam(SAM.format("bwa"), 4, 8), False),
        (bam("", 4), bam("", 4), True),
    ],
)
def test_two_files_have_the_same_content(tmp_path: Path, one: bytes, other: bytes, is_same: bool) -> None:
    (tmp_path / "one").write_bytes(one)
    (tmp_path / "other").write_bytes(other)
    lines = [list(comparable_lines(tmp_path / name)) for name in ("one", "other")]
    assert (lines[0] == lines[1]) is is_same


def test_a_bam_file_reads_as_text(tmp_path: Path) -> None:
    (tmp_path / "x.bam").write_bytes(bam("@HD\tVN:1.6\n", 4, 9))
    header, first, second = lines_of(tmp_path / "x.bam")
    assert header == b"@HD\tVN:1.6\n"
    assert first.startswith(b"read0\t16\tchr1\t5\t60\t")
    assert second.startswith(b"read1\t16\tchr1\t10\t60\t")


@pytest.mark.parametrize("data", [packed(b"a" * 1000)[:-9], bam("", 4)[:-10], b"\x1f\x8bnothing"])
def test_a_damaged_file_is_reported(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DamagedFileError):
        list(lines_of(tmp_path / "x"))


@pytest.mark.parametrize(
    ("data", "expected"), [(b"", False), (packed(b""), False), (b"a", True), (packed(b"a"), True)]
)
def test_content_is_what_remains_after_decompression(tmp_path: Path, data: bytes, expected: bool) -> None:
    (tmp_path / "x").write_bytes(data)
    assert has_content(tmp_path / "x") is expected
