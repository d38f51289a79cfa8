"""File formats of bioinformatics: their endings, their indexes, and whether they can be divided as text.

A format is recognized by the `patterns` of an input, or by the last word of the input's name if it has none:
`sorted_bam` is a BAM file, and `bam_list` is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class FileFormat:
    """A file format; the first of its `endings` and of its `indexes` is the usual one.

    `words` are names of inputs that mean this format. Files of a `binary` format have no lines. `indexes`
    are the endings that an index adds to the name of its file. `divided_by` is the package with the program
    that indexes a file and extracts its regions, "" if there is none.
    """

    name: str
    title: str
    endings: tuple[str, ...]
    words: tuple[str, ...] = ()
    binary: bool = False
    indexes: tuple[str, ...] = ()
    divided_by: str = ""


FORMATS = (
    FileFormat("bam", "BAM", (".bam",), ("bam",), True, (".bai", ".csi"), "samtools"),
    FileFormat("cram", "CRAM", (".cram",), ("cram",), True, (".crai",)),
    # The ending .vcf alone is text, which has no index.
    FileFormat(
        "vcf", "VCF", (".vcf.gz", ".vcf.bgz"), ("vcf", "gvcf", "variants"), True, (".tbi", ".csi"), "bcftools"
    ),
    FileFormat("bcf", "BCF", (".bcf",), ("bcf",), True, (".csi",), "bcftools"),
    FileFormat("vcf-text", "VCF", (".vcf",)),
    FileFormat(
        "fasta",
        "FASTA",
        (".fa", ".fasta", ".fna", ".ffn", ".faa"),
        ("fa", "fasta", "ref", "reference", "genome"),
        indexes=(".fai",),
        divided_by="samtools",
    ),
    FileFormat("fasta-gz", "FASTA", (".fa.gz", ".fasta.gz", ".fna.gz")),
    FileFormat("fastq", "FASTQ", (".fastq", ".fq"), ("fastq", "fq", "read")),
    FileFormat("fastq-gz", "FASTQ", (".fastq.gz", ".fq.gz")),
    FileFormat("bed", "BED", (".bed",), ("bed", "region", "target", "interval")),
    FileFormat("bed-gz", "BED", (".bed.gz", ".bed.bgz"), binary=True, indexes=(".tbi", ".csi")),
    FileFormat("gtf", "GTF", (".gtf", ".gff", ".gff3"), ("gtf", "gff", "gff3", "annotation")),
    FileFormat("csv", "CSV", (".csv",), ("csv",)),
    FileFormat("tsv", "TSV", (".tsv", ".tab"), ("tsv",)),
    FileFormat("bai", "BAM index", (".bai",), ("bai", "bam_index"), True),
    FileFormat("crai", "CRAM index", (".crai",), ("crai", "cram_index"), True),
    FileFormat("tbi", "tabix index", (".tbi",), ("tbi", "vcf_index"), True),
    FileFormat("csi", "CSI index", (".csi",), ("csi", "bcf_index"), True),
    FileFormat("fai", "FASTA index", (".fai",), ("fai", "fasta_index", "ref_index", "reference_index")),
    FileFormat("tar", "tar", (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"), binary=True),
    FileFormat("zip", "ZIP", (".zip", ".npz", ".jar"), binary=True),
    FileFormat("bgzf", "BGZF", (".bgz", ".bgzf"), binary=True),
    FileFormat("bigwig", "bigWig", (".bw", ".bigwig", ".bb", ".bigbed", ".2bit"), binary=True),
    FileFormat("sra", "SRA", (".sra",), binary=True),
    FileFormat("hdf5", "HDF5", (".h5", ".hdf5", ".h5ad", ".loom", ".fast5", ".pod5"), binary=True),
    FileFormat("plink", "PLINK", (".pgen", ".bgen"), binary=True),
    FileFormat("parquet", "Parquet", (".parquet", ".rds", ".rdata", ".pkl", ".npy"), binary=True),
    FileFormat("image", "image", (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".svs", ".pdf"), binary=True),
)
"""All known formats. Endings: https://samtools.github.io/hts-specs/, and the inputs of public apps."""

INDEX_ENDINGS = tuple(dict.fromkeys(ending for known in FORMATS for ending in known.indexes))
"""The endings of index files, such as `.bai`."""

_BY_ENDING = sorted(
    ((ending, known) for known in FORMATS for ending in known.endings),
    key=lambda pair: len(pair[0]),
    reverse=True,
)
_BY_WORD = {word: known for known in FORMATS for word in known.words}


def format_of(parameter: Mapping[str, Any]) -> FileFormat | None:
    """Return the format of the files in a parameter of dxapp.json, None if it is not known.

    If its patterns name several formats, a binary one is returned.
    """
    patterns = patterns_of(parameter)
    if not patterns:
        return _format_by_name(str(parameter.get("name", "")))
    found = [known for pattern in patterns if (known := format_of_file(pattern))]
    return next((known for known in found if known.binary), found[0] if found else None)


def format_of_file(name: str) -> FileFormat | None:
    """Return the format of a file, or of the files with a pattern, by its ending."""
    return next((known for ending, known in _BY_ENDING if name.lower().endswith(ending)), None)


def ending_of(parameter: Mapping[str, Any]) -> str:
    """Return the ending of the files in a parameter: that of its first known pattern, or the usual one."""
    for pattern in patterns_of(parameter):
        for ending, _ in _BY_ENDING:
            if pattern.lower().endswith(ending):
                return ending
    known = format_of(parameter)
    return known.endings[0] if known else ""


def patterns_of(parameter: Mapping[str, Any]) -> list[str]:
    """Return the patterns of a parameter, which are an array, or the `name` of an object."""
    patterns = parameter.get("patterns")
    if isinstance(patterns, dict):
        patterns = patterns.get("name")
    return [text for text in patterns if isinstance(text, str)] if isinstance(patterns, (list, tuple)) else []


def is_index(parameter: Mapping[str, Any]) -> bool:
    """Return whether the files in a parameter are indexes of other files."""
    known = format_of(parameter)
    return known is not None and known.endings[0] in INDEX_ENDINGS


def _format_by_name(name: str) -> FileFormat | None:
    words = [word.removesuffix("s") for word in _words(name)]
    for count in (2, 1):
        known = _BY_WORD.get("_".join(words[-count:]))
        if known:
            return known
    return None


def _words(name: str) -> Iterator[str]:
    """Yield the words of a name: `tumor_bam_2` has `tumor` and `bam`; `indexes` counts as `index`."""
    for word in re.split(r"[^a-z0-9]+", name.lower()):
        text = word.rstrip("0123456789")
        if text:
            yield {"indexes": "index", "indices": "index"}.get(text, text)
