"""Make the sample files of generated apps: small, seeded, and consistent with each other.

`python -m tests.make_samples` writes templates/samples. It needs samtools, bcftools and tabix; users of the
wizard do not, because the files are part of the package.

There are two samples of each format. Reads, variants, genes and regions are all on the reference sample_1.fa.
"""

from __future__ import annotations

import gzip
import random
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SAMPLES = Path(__file__).parent.parent / "templates" / "samples"
SEED = 20261130
CONTIGS = {"chr1": 700, "chr2": 500}
READ_LENGTH = 40
READS = 24
UNMAPPED_READS = 2
LINE_LENGTH = 60

Genome = dict[str, str]


def main() -> None:
    """Write all samples, and their indexes."""
    random.seed(SEED)
    SAMPLES.mkdir(exist_ok=True)
    reference = {name: _bases(length) for name, length in CONTIGS.items()}
    _write("sample_1.fa", _fasta(reference))
    _write("sample_2.fa", _fasta({"phage1": _bases(240), "phage2": _bases(180)}))
    for number in (1, 2):
        _write_reads(number, reference)
        _write_variants(number, reference)
        _run("samtools", "faidx", f"sample_{number}.fa")
    _write_tables()


def _bases(length: int) -> str:
    return "".join(random.choices("ACGT", k=length))


def _fasta(genome: Genome) -> Iterable[str]:
    for name, bases in genome.items():
        yield f">{name}"
        yield from (bases[at : at + LINE_LENGTH] for at in range(0, len(bases), LINE_LENGTH))


def _write_reads(number: int, reference: Genome) -> None:
    """Write a BAM file, and the first reads of it as one file of a FASTQ pair."""
    header = [
        "@HD\tVN:1.6\tSO:coordinate",
        *(f"@SQ\tSN:{name}\tLN:{len(reference[name])}" for name in reference),
    ]
    places = sorted(
        (list(reference).index(name), random.randrange(len(reference[name]) - READ_LENGTH))
        for name in random.choices(list(reference), weights=list(CONTIGS.values()), k=READS - UNMAPPED_READS)
    )
    rows, fastq = [], []
    for index, (contig, start) in enumerate(places, 1):
        name = list(reference)[contig]
        bases = reference[name][start : start + READ_LENGTH]
        quality = "".join(random.choices("F:,", weights=(8, 3, 1), k=READ_LENGTH))
        mapping_quality = random.choice((0, 20, 60, 60))
        place = f"{name}\t{start + 1}\t{mapping_quality}\t{READ_LENGTH}M"
        rows.append(f"read_{index}\t0\t{place}\t*\t0\t0\t{bases}\t{quality}")
        if index <= 10:
            fastq += [f"@read_{index}/{number}", bases, "+", quality]
    rows += [
        f"unmapped_{index + 1}\t4\t*\t0\t0\t*\t*\t0\t0\t{_bases(READ_LENGTH)}\t{'F' * READ_LENGTH}"
        for index in range(UNMAPPED_READS)
    ]
    _run("samtools", "view", "--no-PG", "-b", "-o", f"sample_{number}.bam", "-", text=[*header, *rows])
    _run("samtools", "index", f"sample_{number}.bam")
    _write(f"sample_{number}.fastq", fastq)
    data = "".join(f"{line}\n" for line in fastq).encode()
    (SAMPLES / f"sample_{number}.fastq.gz").write_bytes(gzip.compress(data, mtime=0))


def _write_variants(number: int, reference: Genome) -> None:
    """Write the same variants as VCF, compressed VCF and BCF."""
    lines = [
        "##fileformat=VCFv4.2",
        '##FILTER=<ID=PASS,Description="All filters passed">',
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        *(f"##contig=<ID={name},length={len(reference[name])}>" for name in reference),
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tperson_{number}",
    ]
    for name, bases in reference.items():
        for at in sorted(random.sample(range(len(bases)), 5)):
            alternate = random.choice([base for base in "ACGT" if base != bases[at]])
            genotype = random.choice(("0/1", "1/1"))
            quality, depth = random.randrange(5, 90), random.randrange(5, 60)
            lines.append(
                f"{name}\t{at + 1}\t.\t{bases[at]}\t{alternate}\t{quality}\tPASS\tDP={depth}\tGT\t{genotype}"
            )
    stem = f"sample_{number}"
    _write(f"{stem}.vcf", lines)
    _run("bcftools", "view", "--no-version", "-O", "z", "-o", f"{stem}.vcf.gz", f"{stem}.vcf")
    _run("bcftools", "view", "--no-version", "-O", "b", "-o", f"{stem}.bcf", f"{stem}.vcf")
    _run("tabix", "-f", "-p", "vcf", f"{stem}.vcf.gz")
    _run("bcftools", "index", "-f", f"{stem}.bcf")


def _write_tables() -> None:
    for number in (1, 2):
        middle = 300 + 50 * number
        regions = [("chr1", 0, middle), ("chr1", middle, 700), ("chr2", 0, 500)]
        _write(f"sample_{number}.bed", ("\t".join(map(str, row)) for row in regions))
        genes = [("chr1", 51, 350, "+", "alpha"), ("chr2", 101, 400, "-", "beta")]
        _write(
            f"sample_{number}.gtf",
            (
                f'{contig}\tsample\texon\t{start}\t{end}\t.\t{strand}\t.\tgene_id "{gene}_{number}"; '
                f'transcript_id "{gene}_{number}.1";'
                for contig, start, end, strand, gene in genes
            ),
        )
        rows = [
            ("sample", "group", "age"),
            ("person_1", "case", 40 + number),
            ("person_2", "control", 50 + number),
        ]
        for ending, separator in (("csv", ","), ("tsv", "\t")):
            _write(f"sample_{number}.{ending}", (separator.join(map(str, row)) for row in rows))


def _write(name: str, lines: Iterable[str]) -> None:
    (SAMPLES / name).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def _run(*words: str, text: Iterable[str] = ()) -> None:
    data = "".join(f"{line}\n" for line in text)
    subprocess.run(words, cwd=SAMPLES, input=data, text=True, check=True)


if __name__ == "__main__":
    main()
