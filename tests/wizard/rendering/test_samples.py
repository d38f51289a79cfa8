"""The samples of generated apps: chosen by format, consistent with each other, and reproducible."""

from __future__ import annotations

import gzip
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests import make_samples
from tests.e2e.genome_files import read_bam, read_index, read_vcf

from dx_app_wizard.answers.readers import read_parameters
from dx_app_wizard.rendering.values.samples import REGION_RECORDS, choose_samples, templates_folder

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = templates_folder() / "samples"
LARGEST_TOTAL = 14_000


def chosen(*inputs: str) -> dict[str, list[str]]:
    """Return the names of the samples that the inputs get."""
    return {
        name: list(files) for name, files in choose_samples(read_parameters(output=False)(inputs)).items()
    }


def patterned(io_class: str, *patterns: str) -> str:
    quoted = ", ".join(f'"{pattern}"' for pattern in patterns)
    return f'{{"name": "x", "class": "{io_class}", "patterns": [{quoted}]}}'


@pytest.mark.parametrize(
    ("patterns", "sample"),
    [
        (["*.bam"], "sample_1.bam"),
        (["*.bai"], "sample_1.bam.bai"),
        (["*.fasta", "*.fa"], "sample_1.fasta"),
        (["*.fastq.gz", "*.fq.gz"], "sample_1.fastq.gz"),
        (["*.vcf.gz"], "sample_1.vcf.gz"),
        (["*.vcf"], "sample_1.vcf"),
        (["*.bed"], "sample_1.bed"),
        (["*.gtf"], "sample_1.gtf"),
        (["*.csv"], "sample_1.csv"),
        (["*.tsv"], "sample_1.tsv"),
        (["*.fastq"], "sample.fastq"),
        (["*.txt"], "sample.fastq"),
        (["*.gff3"], "sample.fastq"),
    ],
)
def test_the_sample_has_the_format_and_ending_of_the_patterns(patterns: list[str], sample: str) -> None:
    assert chosen(patterned("file", *patterns)) == {"x": [sample]}


def test_an_array_gets_two_and_a_second_input_the_second_sample() -> None:
    inputs = ("tumor_bam:file", "normal_bam:file", "tumor_bai:file", "normal_bai:file", "reads:array:file")
    assert chosen(*inputs) == {
        "tumor_bam": ["sample_1.bam"],
        "normal_bam": ["sample_2.bam"],
        "tumor_bai": ["sample_1.bam.bai"],
        "normal_bai": ["sample_2.bam.bai"],
        "reads": ["sample_1.fastq", "sample_2.fastq"],
    }


def test_an_index_fits_its_file() -> None:
    assert chosen(patterned("array:file", "*.fasta"), "fai:file") == {
        "x": ["sample_1.fasta", "sample_2.fasta"],
        "fai": ["sample_1.fasta.fai"],
    }


def test_all_samples_are_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.iterdir()) <= LARGEST_TOTAL


def test_the_samples_have_the_records_that_test_cases_expect() -> None:
    reads = read_bam(SAMPLES / "sample_1.bam")
    placed = read_index(SAMPLES / "sample_1.bam.bai")
    by_contig = [mapped + unmapped for mapped, unmapped in placed]
    unplaced = sum(not read.is_mapped for read in reads)
    assert (*by_contig, unplaced) == REGION_RECORDS["bam"]
    variants = Counter(variant.chromosome for variant in read_vcf(SAMPLES / "sample_1.vcf.gz"))
    assert tuple(variants.values()) == REGION_RECORDS["vcf"] == REGION_RECORDS["bcf"]
    headers = [line for line in (SAMPLES / "sample_1.fa").read_text().splitlines() if line.startswith(">")]
    assert len(headers) == len(REGION_RECORDS["fasta"])


@pytest.mark.skipif(not all(map(shutil.which, ("samtools", "bcftools", "tabix"))), reason="needs samtools")
def test_the_samples_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_samples, "SAMPLES", tmp_path)
    make_samples.main()
    assert contents(tmp_path) == contents(SAMPLES)


def contents(folder: Path) -> dict[str, Any]:
    """Return the contents of all files, decompressed, as compression differs between versions of zlib.

    For the same reason, of indexes with places in compressed files only the names are compared.
    """
    found: dict[str, Any] = {}
    for path in folder.iterdir():
        data = path.read_bytes()
        if path.suffix not in (".bai", ".csi", ".tbi"):
            found[path.name] = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        else:
            found[path.name] = None
    return found
