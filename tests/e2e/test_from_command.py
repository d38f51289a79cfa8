"""Real commands as apps: made by a trial, linted, and tested by `dx-local test`.

Programs that this machine lacks come from Debian into the suite's cache, as those of execDepends do. Tests
whose programs cannot be downloaded are skipped, and pytest counts them in its summary.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.genome_files import read_bam, read_vcf

from dx_app_wizard.importing.programs import version_of
from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.rendering.values.samples import templates_folder
from dx_local.engine.environments.debian.resolve import resolve_dependencies
from dx_local.engine.environments.exec_depends import Dependency
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BIN = Path(sys.executable).parent
BASES = "ACGT"
COMPLEMENT = str.maketrans(BASES, "TGCA")

PARSES_ARGUMENTS = """\
import argparse
parser = argparse.ArgumentParser(description="Count the bases of reads")
parser.add_argument("reads", type=argparse.FileType("r"))
parser.add_argument("--base", choices=list("ACGT"), default="A")
parser.add_argument("-o", "--out", required=True, help="output table")
args = parser.parse_args()
lines = [line for number, line in enumerate(args.reads) if number % 4 == 1]
with open(args.out, "w") as table:
    table.write(f"{args.base}\\t{sum(line.count(args.base) for line in lines)}\\n")
"""

R_ROWS = """\
args <- commandArgs(trailingOnly = TRUE)
rows <- read.delim(args[1], header = FALSE)
write.table(head(rows[order(rows$V2), ], 3), args[2], sep = "\\t", quote = FALSE, row.names = FALSE)
"""


def write_inputs(folder: Path) -> None:
    """Write a reference, paired reads, tables and scripts, the same each time."""
    made = random.Random(1)
    sequence = "".join(made.choice(BASES) for _ in range(3000))
    lines = [sequence[at : at + 60] for at in range(0, len(sequence), 60)]
    (folder / "ref.fa").write_text(">chr1\n" + "\n".join(lines) + "\n")
    reads: tuple[list[str], list[str]] = ([], [])
    for number in range(40):
        at = made.randrange(2600)
        pair = (sequence[at : at + 80], sequence[at + 200 : at + 280][::-1].translate(COMPLEMENT))
        for mate, bases in enumerate(pair):
            reads[mate].append(f"@r{number}/{mate + 1}\n{bases}\n+\n{'I' * 80}\n")
    for mate, records in enumerate(reads):
        (folder / f"r{mate + 1}.fastq").write_text("".join(records))
    (folder / "t.tsv").write_text("".join(f"n{number}\t{number * 7 % 10}\n" for number in range(25)))
    (folder / "a.bed").write_text("chr1\t10\t100\ta\nchr1\t500\t700\tb\n")
    (folder / "b.bed").write_text("chr1\t50\t600\tx\n")
    (folder / "bases.py").write_text(PARSES_ARGUMENTS)
    (folder / "rows.R").write_text(R_ROWS)


PREPARED = """
bwa index ref.fa 2> /dev/null
bwa mem ref.fa r1.fastq 2> /dev/null | samtools view -b -o in.bam -
samtools sort -o s.bam in.bam
samtools index s.bam
cp s.bam p.bam; cp s.bam q.bam; cp s.bam u.bam
bcftools mpileup -f ref.fa s.bam 2> /dev/null | bcftools call -c --ploidy 1 -Oz -o v.vcf.gz
tabix v.vcf.gz
cp v.vcf.gz w.vcf.gz; cp v.vcf.gz.tbi w.vcf.gz.tbi
"""


@dataclass(frozen=True)
class Tools:
    """A folder with inputs, and the environment in which the programs are found."""

    folder: Path
    environment: Mapping[str, str]


def plain_environment() -> dict[str, str]:
    """Return the variables of a user, in which programs are only those of this machine."""
    return {key: value for key, value in os.environ.items() if key != "CI"}


def environment_with(packages: tuple[str, ...]) -> dict[str, str]:
    """Return variables with which the programs of Debian packages run; skip the test without them."""
    found = resolve_dependencies([Dependency(name) for name in packages], installs=True, announce=print)
    environment = plain_environment()
    path = [str(BIN), environment["PATH"]]
    for root in found.layers:
        path += [str(root / "usr" / "bin"), str(root / "bin")]
        libraries = [str(folder) for folder in (root / "usr" / "lib").glob("*-linux-gnu*")]
        environment["LD_LIBRARY_PATH"] = os.pathsep.join([*libraries, environment.get("LD_LIBRARY_PATH", "")])
    environment["PATH"] = os.pathsep.join(path)
    if found.hint or (found.notes and not found.layers):
        pytest.skip("\n".join(found.notes))
    return environment


@pytest.fixture(scope="module")
def coreutils(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    folder = tmp_path_factory.mktemp("coreutils")
    write_inputs(folder)
    return Tools(folder, environment_with(()))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """The wizard's own BAM and VCF, with samtools and bcftools alone."""
    folder = tmp_path_factory.mktemp("samples")
    for name in ("sample_1.bam", "sample_1.vcf.gz"):
        shutil.copy(templates_folder() / "samples" / name, folder)
    return Tools(folder, environment_with(("samtools", "bcftools")))


@pytest.fixture(scope="module")
def genomics(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    """Files and programs for commands of genomics."""
    folder = tmp_path_factory.mktemp("genomics")
    write_inputs(folder)
    packages = ("samtools", "bcftools", "bwa", "minimap2", "seqtk", "bedtools", "tabix")
    tools = Tools(folder, environment_with(packages))
    subprocess.run(
        ["bash", "-ec", PREPARED], cwd=folder, env=tools.environment, check=True, capture_output=True
    )
    return tools


def becomes_an_app(tools: Tools, target: Path, *arguments: str) -> None:
    """Make an app of a command or script; check that it has no findings and passes its test."""
    command = [str(BIN / "dx-app-wizard"), "app", "-o", str(target), "--no-input", "--trial", *arguments]
    made = subprocess.run(
        command, cwd=tools.folder, env=tools.environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    app = target / "app"
    assert lint_app(app) == []
    tested = subprocess.run(
        # Jobs have the packages of execDepends, and no others.
        [str(BIN / "dx-local"), "test", "--app", str(app), "--install-depends"],
        env=plain_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert json.loads((app / "test" / "cases" / "sample.json").read_text())["expect"]


def test_a_command_of_every_machine_becomes_an_app(coreutils: Tools, tmp_path: Path) -> None:
    becomes_an_app(coreutils, tmp_path, "--", "split", "-l", "10", "t.tsv", "piece_")


@pytest.mark.parametrize(
    "arguments",
    [
        ("samtools", "flagstat", "sample_1.bam"),
        ("bcftools", "query", "-f", r"%CHROM\t%POS\n", "sample_1.vcf.gz"),
    ],
)
def test_a_command_of_samtools_or_bcftools_becomes_an_app(
    samples: Tools, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    becomes_an_app(samples, tmp_path, "--", *arguments)
    if version := version_of(arguments[0]):
        source = (tmp_path / "app" / "src" / "app.sh").read_text()
        assert f"  # Tried with {arguments[0]} {version}\n" in source


def test_a_command_becomes_an_app_and_is_scattered_over_three_files(coreutils: Tools, tmp_path: Path) -> None:
    becomes_an_app(coreutils, tmp_path, "--", "awk '{s+=$2} END{print s}' t.tsv > sum.txt")
    app = tmp_path / "app"
    updated = subprocess.run(
        [str(BIN / "dx-app-wizard"), "--update", str(app), "--scatter", "tsv"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert updated.returncode == 0, updated.stderr
    assert lint_app(app) == []
    for number in (3, 1, 2):
        (tmp_path / f"{number}.tsv").write_text(f"n\t{number}\nm\t{number}\n")
    run = run_app(app, {"tsvs": [str(tmp_path / f"{number}.tsv") for number in (3, 1, 2)]})
    assert [path.read_text() for path in run.output["sum_txt"]] == ["6\n", "2\n", "4\n"]
    assert [path.name for path in run.output["sum_txt"]] == ["3.sum.txt", "1.sum.txt", "2.sum.txt"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scatter", "template", "samples"),
    [
        ("table", "sort -k2,2n {table:file:*.tsv} > {>sorted:file:*.tsv}", ["table=t.tsv", "table=a.bed"]),
        ("left+right", "paste {left} {right} > {>both:file:*.tsv}",
         ["left=t.tsv", "left=a.bed", "right=a.bed", "right=b.bed"]),
        ("reads:pairs", "cat {reads:array:file:*.fastq} > {>all:file:*.fastq}",
         ["reads=r1.fastq", "reads=r2.fastq", "reads=r2.fastq", "reads=r1.fastq"]),
        ("bed", "head -n {rows:int=1} {bed} {ref:file:*.fa} {tag:string?|-} > {>heads:file:*.txt}",
         ["bed=a.bed", "bed=b.bed", "ref=ref.fa"]),
    ],
)  # fmt: skip
def test_a_scattered_command_becomes_an_app(
    coreutils: Tools, tmp_path: Path, scatter: str, template: str, samples: list[str]
) -> None:
    given = [word for sample in samples for word in ("--sample", sample)]
    becomes_an_app(coreutils, tmp_path, "--scatter", scatter, *given, "--from-command", template)
    case = json.loads((tmp_path / "app/test/cases/sample.json").read_text())
    assert case["jobs"] == {"process": 2}


@pytest.mark.slow
@pytest.mark.parametrize(
    "template",
    [
        "samtools flagstat {bam:file:*.bam} > {>counts:file:*.txt}",
        "samtools view -b -o {>part:file:*.bam} {bam+bai:file:*.bam} chr1:100-900",
    ],
)
def test_a_scattered_command_of_genomics_becomes_an_app(
    genomics: Tools, tmp_path: Path, template: str
) -> None:
    samples = ("--sample", "bam=s.bam", "--sample", "bam=p.bam")
    becomes_an_app(genomics, tmp_path, "--scatter", "bam", *samples, "--from-command", template)
    if "+bai" in template:
        # p.bam has no index, so that its process job makes one.
        given = json.loads((tmp_path / "app/test/input.json").read_text())
        assert given["bam_indexes"] == ["test/data/s.bam.bai"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "template", "whole", "read"),
    [
        ("bam=sample_1.bam",
         "samtools view -b -q 20 -F 4 -o {>part:file:*.bam} {bam+bai:file:*.bam} {region}",
         "samtools view -b -q 20 -F 4 -o WHOLE sample_1.bam", read_bam),
        ("vcf=sample_1.vcf.gz",
         "bcftools view -i 'QUAL>40' -r {region} -Oz -o {>part:file:*.vcf.gz} {vcf+tbi:file:*.vcf.gz}",
         "bcftools view -i 'QUAL>40' -Oz -o WHOLE sample_1.vcf.gz", read_vcf),
    ],
    ids=["bam", "vcf"],
)  # fmt: skip
def test_a_command_scattered_over_regions_gives_the_result_of_the_command_alone(
    samples: Tools, tmp_path: Path, file: str, template: str, whole: str, read: Callable[[Path], list[Any]]
) -> None:
    name, _, path = file.partition("=")
    scattered = ("--scatter", f"{name}:region", "--sample", file, "--from-command", template)
    becomes_an_app(samples, tmp_path, *scattered)
    command = whole.replace("WHOLE", str(tmp_path / "whole"))
    subprocess.run(["bash", "-c", command], cwd=samples.folder, env=samples.environment, check=True)
    bed = tmp_path / "regions.bed"
    bed.write_text("chr1\t0\t100000\nchr2\t0\t100000\n")
    for more in ({}, {"regions": str(bed)}):
        given = {name: str(samples.folder / path), **more}
        run = run_app(tmp_path / "app", given, install_depends=True)
        assert 0 < len(read(tmp_path / "whole")) < len(read(samples.folder / path))
        assert read(run.output["part"]) == read(tmp_path / "whole")


@pytest.mark.slow
def test_a_scattered_script_becomes_an_app(coreutils: Tools, tmp_path: Path) -> None:
    samples = ("--sample", "reads=r1.fastq", "--sample", "reads=r2.fastq")
    becomes_an_app(coreutils, tmp_path, "--from-script", "bases.py", *samples, "--scatter", "reads")
    inputs = json.loads((tmp_path / "app/dxapp.json").read_text())["inputSpec"]
    assert [each["choices"] for each in inputs if "choices" in each] == [list("ACGT")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("sort", "-k2,2n", "-o", "sorted.tsv", "t.tsv"),
        ("sort t.tsv | head -n 3 > top.txt",),
        ("sed", "-i", "s/n/N/", "t.tsv"),
        ("python3", "bases.py", "--out", "a.tsv", "r1.fastq"),
    ],
)
def test_further_commands_of_every_machine_become_apps(
    coreutils: Tools, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    becomes_an_app(coreutils, tmp_path, "--", *arguments)


@pytest.mark.slow
def test_an_argparse_script_becomes_an_app(coreutils: Tools, tmp_path: Path) -> None:
    becomes_an_app(coreutils, tmp_path, "--from-script", "bases.py", "--sample", "reads=r1.fastq")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("samtools", "sort", "-@", "4", "-o", "out.bam", "in.bam"),
        ("samtools", "view", "-b", "-o", "sub.bam", "s.bam", "chr1:100-900"),
        ("samtools", "index", "u.bam"),
        ("samtools", "flagstat", "s.bam"),
        ("samtools", "merge", "out.bam", "s.bam", "p.bam", "q.bam"),
        ("bcftools", "view", "-i", "QUAL>20", "-Oz", "-o", "out.vcf.gz", "v.vcf.gz"),
        ("bcftools", "query", "-f", r"%CHROM\t%POS\n", "v.vcf.gz"),
        ("bcftools", "concat", "-a", "-Oz", "-o", "all.vcf.gz", "v.vcf.gz", "w.vcf.gz"),
        ("bwa mem -t 2 ref.fa r1.fastq r2.fastq | samtools sort -o aln.bam -",),
        ("minimap2 -a -t 2 ref.fa r1.fastq > out.sam",),
        ("seqtk", "seq", "-a", "r1.fastq"),
        ("bedtools", "intersect", "-a", "a.bed", "-b", "b.bed"),
        ("tabix", "-f", "-p", "vcf", "v.vcf.gz"),
    ],
)
def test_a_command_of_genomics_becomes_an_app(
    genomics: Tools, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    becomes_an_app(genomics, tmp_path, "--", *arguments)


@pytest.mark.slow
def test_an_r_script_becomes_an_app(coreutils: Tools, tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed here")
    becomes_an_app(coreutils, tmp_path, "--", "Rscript", "rows.R", "t.tsv", "top.tsv")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_click_script_becomes_an_app(coreutils: Tools, tmp_path: Path) -> None:
    script = coreutils.folder / "top.py"
    script.write_text(
        f"#!{sys.executable}\nimport click\n\n"
        "@click.command()\n@click.argument('table', type=click.File('r'))\n"
        "@click.option('--top', type=int, default=3)\n"
        "@click.option('--out', required=True, help='output table')\n"
        "def main(table, top, out):\n    '''Keep rows.'''\n"
        "    open(out, 'w').write(''.join(table.readlines()[:top]))\n\nmain()\n"
    )
    becomes_an_app(coreutils, tmp_path, "--from-script", "top.py", "--sample", "table=t.tsv")
