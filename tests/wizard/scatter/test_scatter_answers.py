"""The scatter as an answer: flags, answers files, the interview, the record and --update."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.lint.linter import lint_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.wizard.conftest import Terminal

    Wizard = Callable[..., Any]

NEW = ("app", "--language", "python", "--no-input")
BAMS = ("--input", "bams:array:file", "--input", "bais:array:file?")
RECORD = ".dx-app-wizard.json"


def recorded(folder: Path) -> dict[str, Any]:
    answers: dict[str, Any] = json.loads((folder / RECORD).read_text())["answers"]
    return answers


def forget_scatter(folder: Path) -> None:
    """Turn the record into that of an earlier version."""
    record = json.loads((folder / RECORD).read_text())
    del record["answers"]["scatter"]
    (folder / RECORD).write_text(json.dumps(record))


def test_a_scatter_implies_a_parallel_pattern_and_its_packages(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, *BAMS, "--scatter", "bams+bais").code == 0
    answers = recorded(tmp_path / "app")
    assert (answers["template"], answers["scatter"]) == ("parallelized", "bams+bais")
    spec = json.loads((tmp_path / "app" / "dxapp.json").read_text())
    assert spec["runSpec"]["execDepends"] == [{"name": "samtools"}]


def test_the_answers_file_has_the_key_scatter(wizard: Wizard, tmp_path: Path) -> None:
    answers = {"name": "app", "language": "bash", "template": "scatter-process-gather"}
    given = {**answers, "inputs": ["reads:array:file"], "scatter": "reads:pairs"}
    (tmp_path / "answers.json").write_text(json.dumps(given))
    assert wizard("--answers", "answers.json", "--no-input").code == 0
    assert recorded(tmp_path / "app")["scatter"] == "reads:pairs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scatter", "raeds"), "--scatter  raeds: the app has no input `raeds`. Did you mean reads?"),
        (("--scatter", "reads:region"), "reads:region: input `reads` is FASTQ; only BAM"),
        (("--scatter", "k"), "only files can be scattered"),
        (("--scatter", "reads", "--template", "basic"), "the pattern basic has no process jobs"),
        (("--scatter", "reads:chunks"), "'chunks' is not a kind of scatter"),
    ],
)
def test_a_wrong_scatter_is_explained_and_nothing_written(
    wizard: Wizard, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = wizard(*NEW, "--input", "reads:array:file", "--input", "k:int", *arguments)
    assert done.code == 2
    assert message in done.stderr
    assert not (tmp_path / "app").exists()


def test_an_app_of_an_earlier_version_keeps_dividing_lines(wizard: Wizard, tmp_path: Path) -> None:
    options = ("--template", "parallelized", "--input", "reads:array:file")
    assert wizard(*NEW, *options, "--scatter", "reads:lines").code == 0
    forget_scatter(tmp_path / "app")
    done = wizard("--update", "app", "--no-input")
    assert (done.code, "is up to date" in done.stderr) == (0, True)
    assert recorded(tmp_path / "app")["scatter"] == "reads:lines"


def test_an_app_of_an_earlier_version_no_longer_divides_a_binary_file(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, "--template", "parallelized", "--input", "notes:file").code == 0
    forget_scatter(tmp_path / "app")
    patterns = ("--set", "inputs.notes.patterns=*.bam")
    assert wizard("--update", "app", "--no-input", *patterns).code == 0
    assert "def split(" not in (tmp_path / "app" / "src" / "app.py").read_text()


def test_an_update_changes_the_scatter_and_drops_it_with_the_pattern(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, "--input", "reads:array:file", "--template", "parallelized").code == 0
    assert recorded(tmp_path / "app")["scatter"] == "reads"
    assert wizard("--update", "app", "--no-input", "--scatter", "reads:pairs").code == 0
    assert "def pair(" in (tmp_path / "app" / "src" / "app.py").read_text()
    assert wizard("--update", "app", "--no-input", "--template", "basic").code == 0
    assert "scatter" not in recorded(tmp_path / "app")


def test_a_default_scatter_follows_new_inputs(wizard: Wizard, tmp_path: Path) -> None:
    assert wizard(*NEW, "--input", "reads:array:file", "--template", "parallelized").code == 0
    assert wizard("--update", "app", "--no-input", *BAMS).code == 0
    assert recorded(tmp_path / "app")["scatter"] == "bams+bais"


@pytest.mark.parametrize(
    ("patterns", "is_found"), [(["*.bam"], True), (["*.txt", "*.vcf.gz"], True), (["*.fastq.gz"], False)]
)
def test_lint_finds_lines_of_a_binary_file(
    wizard: Wizard, tmp_path: Path, patterns: list[str], is_found: bool
) -> None:
    assert wizard(*NEW, "--template", "parallelized", "--input", "notes:file").code == 0
    file = tmp_path / "app" / "dxapp.json"
    spec = json.loads(file.read_text())
    spec["inputSpec"][0]["patterns"] = patterns
    file.write_text(json.dumps(spec))
    for _ in range(2):
        found = [finding for finding in lint_app(tmp_path / "app") if finding.rule == "scatter-binary"]
        assert bool(found) is is_found
        if "scatter" in recorded(tmp_path / "app"):
            forget_scatter(tmp_path / "app")


LINES = ("", "", "", "bams:array:file", "bais:array:file?", "", "", "48h", "python", "parallelized")


@pytest.mark.parametrize(
    ("lines", "scatter"),
    [
        ((*LINES, "bams:pairs", "n", "n", "aws:us-east-1", ""), "bams:pairs"),
        ((*LINES, "n", "n", "aws:us-east-1", ""), "bams+bais"),
    ],
    ids=["with a line", "without one"],
)
def test_a_script_may_have_a_line_for_it(
    home: Path, tmp_path: Path, lines: tuple[str, ...], scatter: str
) -> None:
    command = [sys.executable, "-m", "dx_app_wizard", "app"]
    text = "".join(f"{line}\n" for line in lines)
    variables = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, timeout=60, env=variables
    )
    assert done.returncode == 0, done.stderr
    assert recorded(tmp_path / "app")["scatter"] == scatter


def test_a_person_chooses_from_what_fits(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    options = (*BAMS, "--output", "n:int", "--language", "bash", "--title", "t", "--summary", "s")
    rest = ("--timeout", "1h", "--version", "1.0.0", "--no-network", "--project-access", "none")
    place = ("--region", "aws:us-east-1", "--instance-type", "mem1_ssd1_v2_x4")
    wizard = terminal("app", *options, *rest, *place)
    wizard.process.expect("Execution pattern")
    wizard.press("parallelized", "\r")
    wizard.process.expect("What does each process job get")
    wizard.process.expect("two files of bams that follow each other")
    wizard.press("bams:pairs", "\r")
    wizard.process.expect("Write the app")
    wizard.press("\r")
    assert wizard.end()[0] == 0
    assert recorded(tmp_path / "app")["scatter"] == "bams:pairs"
