"""Six apps written for the cloud, run locally and unchanged.

They use features of workers: /home/dnanexus, resources overlaid on /, sudo, a private /tmp, Debian packages.
Their outputs are compared with results that Python computes from the same data.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.e2e.genome_files import Read, Variant, read_bam, read_index, read_sam, read_vcf

from dx_local.cli import main
from dx_local.engine.environments.debian.resolve import resolve_dependencies
from dx_local.engine.environments.exec_depends import Dependency

if TYPE_CHECKING:
    from collections.abc import Callable

    RunExample = Callable[..., "Result"]

APPS = Path(__file__).parent / "example_apps"
DATA = APPS / "data"
FASTQ = APPS.parents[1] / "data" / "reads.fastq"


@dataclass(frozen=True)
class Result:
    """Outputs of a run of an example, with files as paths of local copies, and the log of its jobs."""

    output: dict[str, Any]
    log: str


@pytest.fixture
def run_example(tmp_path: Path) -> RunExample:
    """Run an example as a user does, on its samples and on what else is given; skip where that cannot be."""

    def run(name: str, isolation: str = "namespace", **inputs: Any) -> Result:
        app = APPS / name
        skip_without_packages(app)
        options = [
            "--isolation",
            isolation,
            "--install-depends",
            "--json",
            "--workspace-path",
            str(tmp_path / "run"),
        ]
        given = json.dumps({**samples_of(app), **inputs}, default=str)
        done = CliRunner().invoke(main, ["run", str(app), *options, "-j", given])
        if "--isolation namespace is not possible here" in done.stdout:
            pytest.skip(json.loads(done.stdout)["failure"]["message"])
        assert done.exit_code == 0, done.stderr
        log = "".join(path.read_text() for path in (tmp_path / "run").glob("jobs/*/log.txt"))
        return Result(json.loads(done.stdout)["output"], log)

    return run


def samples_of(app: Path) -> dict[str, Any]:
    """Return the sample input of an app, its files from anywhere."""

    def from_anywhere(value: Any) -> Any:
        if isinstance(value, list):
            return [from_anywhere(item) for item in value]
        return app / value if (app / str(value)).is_file() else value

    samples = json.loads((app / "test" / "input.json").read_text())
    return {name: from_anywhere(value) for name, value in samples.items()}


def skip_without_packages(app: Path) -> None:
    """Skip a test where Debian packages of an app are neither installed nor to be had."""
    run_spec = json.loads((app / "dxapp.json").read_text())["runSpec"]
    wanted = [Dependency(entry["name"]) for entry in run_spec.get("execDepends", ())]
    if notes := resolve_dependencies(wanted, installs=True, announce=print).notes:
        pytest.skip("\n".join(notes))


@pytest.fixture(scope="module")
def reads() -> list[Read]:
    return read_sam(DATA / "reads.sam")


@pytest.fixture(scope="module")
def variants() -> list[Variant]:
    return read_vcf(DATA / "variants.vcf")


def counts_by_chromosome(reads: list[Read], least_quality: int) -> dict[str, int]:
    return Counter(read.chromosome for read in reads if read.is_mapped and read.quality >= least_quality)


def in_table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines()]


def test_samtools_sorts_and_indexes(run_example: RunExample, reads: list[Read]) -> None:
    output = run_example("samtools_index").output
    found = read_bam(Path(output["sorted_bam"]))
    assert Counter(found) == Counter(reads)
    places = [(["chr2", "chr20"].index(read.chromosome), read.position) for read in found]
    assert places == sorted(places)
    assert read_index(Path(output["sorted_bai"])) == [
        (mapped, total - mapped)
        for chromosome in ("chr2", "chr20")
        for total in [sum(read.chromosome == chromosome for read in reads)]
        for mapped in [counts_by_chromosome(reads, 0)[chromosome]]
    ]


def test_samtools_counts_by_flag(run_example: RunExample, reads: list[Read]) -> None:
    output = run_example("samtools_index", "none", advanced_options="-l 9 --no-PG").output
    mapped = sum(read.is_mapped for read in reads)
    report = Path(output["flagstat"]).read_text()
    assert f"{len(reads)} + 0 in total" in report
    assert f"{mapped} + 0 mapped" in report
    assert f"{sum(bool(read.flag & 0x2) for read in reads)} + 0 properly paired" in report
    assert output["mapped_reads"] == mapped


@pytest.mark.parametrize(("isolation", "least_quality"), [("namespace", 0), ("none", 60)])
def test_chromosomes_are_counted_in_jobs_of_their_own(
    run_example: RunExample, tmp_path: Path, reads: list[Read], isolation: str, least_quality: int
) -> None:
    packed = tmp_path / "reads.sam.gz"
    packed.write_bytes(gzip.compress((DATA / "reads.sam").read_bytes()))
    run = run_example("count_by_chromosome", isolation, reads=packed, min_quality=least_quality)
    expected = counts_by_chromosome(reads, least_quality)
    rows = [[chromosome, str(expected[chromosome])] for chromosome in ("chr2", "chr20")]
    assert in_table(Path(run.output["table"])) == [["chromosome", "reads"], *rows]
    assert run.output["total"] == sum(expected.values())


@pytest.mark.parametrize("isolation", ["namespace", "none"])
def test_variants_of_genes_are_taken_out_in_pieces(
    run_example: RunExample, variants: list[Variant], isolation: str
) -> None:
    output = run_example("variants_by_gene", isolation, genes_per_job=4).output
    inside = {
        gene: [
            variant
            for variant in variants
            if variant.chromosome == chromosome and int(start) < variant.position <= int(end)
        ]
        for chromosome, start, end, gene in in_table(DATA / "genes.bed")
    }
    chosen = [variant for variant in variants if any(variant in found for found in inside.values())]
    assert read_vcf(Path(output["selected"])) == chosen
    assert in_table(Path(output["table"])) == [[gene, str(len(found))] for gene, found in inside.items()]
    assert output["genes_without"] == [gene for gene, found in inside.items() if not found]


def test_variants_are_filtered_by_quality_and_depth(run_example: RunExample, variants: list[Variant]) -> None:
    output = run_example("vcf_filter").output
    kept = [variant for variant in variants if variant.quality >= 30 and int(variant.info["DP"]) >= 10]
    assert read_vcf(Path(output["filtered_vcf"])) == kept
    assert gzip.decompress(Path(output["filtered_vcf_index"]).read_bytes())[:4] == b"TBI\1"
    assert output["kept"] == len(kept)
    with tarfile.open(Path(output["stats"])) as archive:
        table = archive.extractfile("stats/by_chromosome.txt")
        assert table is not None
        rows = [line.split() for line in table.read().decode().splitlines()]
    assert rows == [
        [str(n), chromosome] for chromosome, n in Counter(each.chromosome for each in kept).items()
    ]


def test_an_expression_reaches_the_filter_as_it_was_given(
    run_example: RunExample, variants: list[Variant]
) -> None:
    expression = 'INFO/GENE="APOE" || ID=="rs334"  &&  QUAL > 1e1'
    output = run_example("vcf_filter", include=expression, with_stats=False).output
    kept = [each for each in variants if each.info["GENE"] == "APOE" or each.name == "rs334"]
    assert read_vcf(Path(output["filtered_vcf"])) == kept
    assert "stats" not in output


def test_reports_of_samples_become_a_page_and_a_table(run_example: RunExample, reads: list[Read]) -> None:
    run = run_example("flagstat_report", min_mapped_percent=97.7)
    samples = {"": reads, "-chr2": [], "-chr20": []}
    for read in reads:
        samples[f"-{read.chromosome}"].append(read)
    rows = []
    for ending, sample in samples.items():
        mapped = sum(read.is_mapped for read in sample)
        percent = str(round(100 * mapped / len(sample), 2))
        rows.append([f"NA18507{ending}", str(len(sample)), str(mapped), percent])
    table = in_table(Path(run.output["table"]))
    assert (table[0], sorted(table[1:])) == (["sample", "reads", "mapped", "percent"], sorted(rows))
    page = Path(run.output["page"]).read_text()
    assert "<h1>Reads &amp; places</h1>" in page
    assert all(f"<td>{name}</td><td>{total}</td>" in page for name, total, _, _ in rows)
    assert run.output["marked"] == ["NA18507-chr20"]
    assert "NA18507-chr20 has few mapped reads" in run.log


def bases_of(fastq: str) -> list[str]:
    return fastq.splitlines()[1::4]


def mean_gc(sequences: list[str]) -> float:
    bases = "".join(sequences)
    return round(100 * sum(base in "GC" for base in bases) / len(bases), 2)


def gc_classes(sequences: list[str], width: int) -> list[list[str]]:
    shares = [100 * sum(base in "GC" for base in sequence) / len(sequence) for sequence in sequences]
    counts = Counter(int(share / width) * width for share in shares)
    return [["gc", "reads"], *([str(least), str(counts[least])] for least in sorted(counts))]


def tables_in(archive: Path) -> dict[str, list[list[str]]]:
    with tarfile.open(archive) as tables:
        return {
            Path(member.name).stem: [line.split("\t") for line in file.read().decode().splitlines()]
            for member in tables
            if (file := tables.extractfile(member)) is not None
        }


def test_a_program_of_resources_counts_gc(run_example: RunExample) -> None:
    output = run_example("gc_content").output
    sequences = bases_of(FASTQ.read_text())
    assert tables_in(Path(output["tables"])) == {"reads": gc_classes(sequences, 10)}
    assert output["n_reads"] == len(sequences)
    assert output["mean_gc"] == mean_gc(sequences)


def test_it_counts_gc_as_well_when_dx_has_built_it(tmp_path: Path) -> None:
    """Then resources/ is a file that jobs unpack."""
    script = f"""
    dx build {APPS / "gc_content"} --brief >/dev/null
    reads=$(dx upload {FASTQ} --brief)
    job=$(dx run gc_content -ireads="$reads" --yes --wait --brief)
    dx describe "$job" --json > {tmp_path}/job.json
    """
    dx_local = str(Path(sys.executable).with_name("dx-local"))
    command = [dx_local, "exec", "--isolation", "namespace", "--", "bash", "-e", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "--isolation namespace is not possible here" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    output = json.loads((tmp_path / "job.json").read_text())["output"]
    assert (output["n_reads"], output["mean_gc"]) == (400, mean_gc(bases_of(FASTQ.read_text())))


def test_an_archive_is_unpacked_below_data_and_a_setting_goes_to_etc(
    run_example: RunExample, tmp_path: Path
) -> None:
    lines = FASTQ.read_text().splitlines(keepends=True)
    texts = {"first": "".join(lines[:400]), "second half": "".join(lines[400:])}
    with tarfile.open(tmp_path / "both.fastq.tar.gz", "w:gz") as archive:
        for name, text in texts.items():
            (tmp_path / f"{name}.fastq").write_text(text)
            archive.add(tmp_path / f"{name}.fastq", f"run 1/{name}.fastq")
    output = run_example("gc_content", reads=tmp_path / "both.fastq.tar.gz", bin_width=5).output
    assert tables_in(Path(output["tables"])) == {
        name: gc_classes(bases_of(text), 5) for name, text in texts.items()
    }
    assert Path(output["tables"]).name == "both.gc.tar.gz"
    assert not Path("/etc/gc_content").exists()
