"""Each kind of scatter in each language and parallel pattern: clean, done, and equal to the unscattered tool.

The tools are Debian packages in the cache of dx-local, as with `dx-local run --install-depends`.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.e2e.genome_files import read_bam, read_vcf
from tests.e2e.test_example_apps import skip_without_packages

from dx_app_wizard.answers.choices import LANGUAGES, PARALLEL_PATTERNS
from dx_app_wizard.answers.readers import read_parameters
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.rendering.render import render_app
from dx_app_wizard.rendering.values.samples import templates_folder
from dx_app_wizard.scatter.fit import fit
from dx_app_wizard.scatter.scatter import parse_scatter
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.answers.choices import Language, Pattern

BIN = Path(sys.executable).parent
SAMPLES = templates_folder() / "samples"
FASTQ_GZ = '{"name": "reads", "class": "array:file", "patterns": ["*.fastq.gz"]}'
OUTPUTS = [
    {"name": f"{'each_' if array else 'all_'}{item}", "class": f"array:{item}" if array else item}
    for array in (False, True)
    for item in ("int", "float", "string", "boolean", "hash", "file")
]


class Case(NamedTuple):
    """A scatter and the inputs that it divides."""

    scatter: str
    inputs: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the app."""
        return self.scatter.replace(":", "-").replace("+", "-").replace("=", "-")


CASES = [
    Case("reads", ("reads:array:file", "k:int=3")),
    Case("reads:pairs", (FASTQ_GZ,)),
    Case("bams+bais", ("bams:array:file", "bais:array:file?")),
    Case("vcfs+beds+tbis", ("vcfs:array:file", "tbis:array:file", "beds:array:file")),
    Case("a+b:name", ("a:array:file", "b:array:file", "file:string=x")),
    Case("bam:region", ("bam:file",)),
    Case("bam+bai+targets:region", ("bam:file", "bai:file?", "targets:file")),
    Case("vcf:region", ("vcf:file",)),
    Case("bcf+csi:region", ("bcf:file", "csi:file?")),
    Case("genome:region", ("genome:file",)),
    Case("reads:lines", (FASTQ_GZ,)),
    Case("reads:lines=8", ("reads:file",)),
    Case("reads:records=3", ("reads:array:file",)),
    Case("genome:records=1", ("genome:file",)),
    Case("genome:records", ("genome:array:file",)),
]
APPS = list(itertools.product(CASES, LANGUAGES, PARALLEL_PATTERNS))
IDS = [f"{case.name}-{language}-{pattern}" for case, language, pattern in APPS]


def write(folder: Path, case: Case, language: Language, pattern: Pattern) -> Path:
    """Write one app and return its folder."""
    scatter = parse_scatter(case.scatter)
    inputs = read_parameters(output=False)(case.inputs)
    run_spec: dict[str, Any] = {
        "interpreter": "python3" if language == "python" else "bash",
        "file": f"src/{case.name}.{'py' if language == 'python' else 'sh'}",
        "distribution": "Ubuntu",
        "release": "24.04",
        "version": "0",
        "timeoutPolicy": {"*": {"hours": 1}},
    }
    packages = fit(scatter, inputs).packages
    if packages:
        run_spec["execDepends"] = [{"name": name} for name in packages]
    raw = {
        "name": case.name,
        "title": "An app",
        "summary": "One of many",
        "dxapi": "1.0.0",
        "version": "0.0.1",
        "inputSpec": list(inputs),
        "outputSpec": OUTPUTS,
        "runSpec": run_spec,
        "regionalOptions": {"aws:us-east-1": {}},
    }
    app = folder / f"{language}-{pattern}" / case.name
    render_app(Plan(AppSpec.from_dict(raw), language, pattern, scatter=scatter), app)
    return app


def tool(name: str, *arguments: str | Path) -> None:
    done = subprocess.run([BIN / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_apps_are_clean(tmp_path: Path) -> None:
    apps = [write(tmp_path, *app) for app in APPS]
    findings = [str(finding) for app in apps for finding in lint_app(app)]
    assert not findings
    tool("ruff", "check", "--isolated", "--no-cache", "--select=E,F,W,I,B,UP,D1", tmp_path)
    tool("ruff", "format", "--isolated", "--no-cache", "--check", tmp_path)
    tool("shellcheck", *(path for app in apps for path in app.glob("src/*.sh")))
    sources = []
    for number, path in enumerate(path for app in apps for path in app.rglob("*.py")):
        sources.append(tmp_path / f"source_{number}.py")
        sources[-1].write_text(path.read_text())
    options = ("--strict", "--ignore-missing-imports", f"--cache-dir={tmp_path}", "--config-file=")
    tool("mypy", *options, *sources)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("case", "language", "pattern"), APPS, ids=IDS)
def test_the_test_cases_of_an_app_pass(
    tmp_path: Path, case: Case, language: Language, pattern: Pattern
) -> None:
    """The exact outputs for the samples, computed when the app is written, are those of a run."""
    app = write(tmp_path, case, language, pattern)
    skip_without_packages(app)
    tool("dx-local", "test", "--app", app, "--install-depends")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_file_is_joined_with_its_index_by_name(tmp_path: Path, language: Language) -> None:
    """The files arrive in another order than their indexes, and no index is made again."""
    app = write(tmp_path, CASES[2], language, "parallelized")
    files = {
        "bams": [str(SAMPLES / f"sample_{number}.bam") for number in (1, 2)],
        "bais": [str(SAMPLES / f"sample_{number}.bam.bai") for number in (2, 1)],
    }
    source = next((app / "src").iterdir())
    # samtools is not installed: a missing index would fail the job.
    text = source.read_text().replace("samtools", "no-samtools")
    source.write_text(text)
    output = run_app(app, files).output
    assert output["all_int"] == sum((SAMPLES / f"sample_{number}.bam").stat().st_size for number in (1, 2))


UNSCATTERED = """
main() {{
  dx-download-all-inputs
  {command}
  file=$(dx upload --brief out.bin)
  dx-jobutil-add-output out "$file" --class=file
}}
"""


def unscattered(folder: Path, name: str, package: str, command: str) -> Path:
    """Write an app that runs one command on its input, whose output is called out."""
    folder.mkdir()
    (folder / "main.sh").write_text(UNSCATTERED.format(command=command))
    spec = {
        "name": folder.name,
        "inputSpec": [{"name": name, "class": "file"}],
        "outputSpec": [{"name": "out", "class": "file"}],
        "runSpec": {
            "interpreter": "bash",
            "file": "main.sh",
            "distribution": "Ubuntu",
            "release": "24.04",
            "version": "0",
            "execDepends": [{"name": package}],
        },
    }
    (folder / "dxapp.json").write_text(json.dumps(spec))
    return folder


EQUAL: dict[str, tuple[dict[str, tuple[str, str]], str, Callable[[Path], list[Any]]]] = {
    "bam:region": (
        {"python": ('"-b", "-o"', '"-b", "-q", "20", "-o"'), "bash": ("view -b -o", "view -b -q 20 -o")},
        'samtools view -b -q 20 -o out.bin "$bam_path"',
        read_bam,
    ),
    "vcf:region": (
        {
            "python": ('"view", "-O"', '"view", "-i", "QUAL>40", "-O"'),
            "bash": ("view -O z", "view -i 'QUAL>40' -O z"),
        },
        "bcftools view -i 'QUAL>40' -O z -o out.bin \"$vcf_path\"",
        read_vcf,
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("scatter", EQUAL)
def test_regions_give_the_result_of_the_unscattered_tool(
    tmp_path: Path, scatter: str, language: Language
) -> None:
    edits, command, read = EQUAL[scatter]
    case = next(case for case in CASES if case.scatter == scatter)
    app = write(tmp_path, case, language, "scatter-process-gather")
    skip_without_packages(app)
    source = next((app / "src").iterdir())
    old, new = edits[language]
    assert old in source.read_text()
    source.write_text(source.read_text().replace(old, new, 1))
    name, _, _ = scatter.partition(":")
    whole = unscattered(tmp_path / "whole", name, "samtools" if name == "bam" else "bcftools", command)
    given = {name: str(SAMPLES / f"sample_1.{'bam' if name == 'bam' else 'vcf.gz'}")}
    scattered_file = run_app(app, given, install_depends=True).output["all_file"]
    expected = read(run_app(whole, given, install_depends=True).output["out"])
    assert 0 < len(expected) < len(read(Path(given[name])))
    assert read(scattered_file) == expected


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_regions_of_a_bed_file_and_a_missing_index(tmp_path: Path, language: Language) -> None:
    """The variants of two of three regions are joined in order, and the index is made."""
    case = Case("vcf+bed:region", ("vcf:file", "bed:file?"))
    app = write(tmp_path, case, language, "parallelized")
    skip_without_packages(app)
    bed = tmp_path / "two.bed"
    bed.write_text("#contig\tstart\tend\nchr1\t0\t350\tfirst\nchr2\t0\t500\n")
    vcf = SAMPLES / "sample_1.vcf.gz"
    run = run_app(app, {"vcf": str(vcf), "bed": str(bed)}, install_depends=True)
    expected = [each for each in read_vcf(vcf) if each.chromosome == "chr2" or each.position <= 350]
    assert read_vcf(run.output["all_file"]) == expected
    assert run.output["all_hash"] == {"pieces": 2, "records": len(expected)}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("scatter", "reason"), [("reads:pairs", "odd number"), ("reads:lines", "binary")])
def test_what_cannot_be_divided_fails_with_the_reason(
    tmp_path: Path, language: Language, scatter: str, reason: str
) -> None:
    app = write(tmp_path, Case(scatter, ("reads:array:file",)), language, "parallelized")
    run = run_app(app, {"reads": [str(SAMPLES / "sample_1.bam")]}, check=False)
    assert run.state == "failed"
    assert reason in run.job["failureMessage"]
