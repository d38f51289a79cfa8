"""Commands that each process job runs on its own files: parameters, samples, updates and errors."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.lint.linter import lint_app

if TYPE_CHECKING:
    from collections.abc import Callable

Wizard = Any
COPY = "cat {a:file:*.tsv} > {>b:file:*.tsv}"


def parameters(part: str, app: str = "app") -> dict[str, str]:
    return {each["name"]: each["class"] for each in json.loads(Path(app, "dxapp.json").read_text())[part]}


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("scatter", "template", "inputs"),
    [
        ("bam", "cat {bam+bai:file:*.bam} > {>b}", {"bams": "array:file", "bam_indexes": "array:file"}),
        ("bam+bai", "cat {bam+bai:file:*.bam} > {>b}", {"bams": "array:file", "bam_indexes": "array:file"}),
        ("a", "cat {a} {k:int=1} > {>b}", {"as": "array:file", "k": "int"}),
        ("reads", "cat {reads} {box} > {>b}", {"reads_files": "array:file", "box": "file"}),
        ("box", "cat {reads} {box} > {>b}", {"reads": "file", "boxes": "array:file"}),
        ("a+b", "cat {a} {b} {as} > {>c}", {"as_files": "array:file", "bs": "array:file", "as": "file"}),
        ("all:pairs", "cat {all:array:file} > {>b}", {"all": "array:file"}),
        ("all:pairs", "cat {all+bai:array:file:*.bam} {mem_gb} > {>b}",
         {"all": "array:file", "all_index": "array:file"}),
        ("at", "cat {at} {job:int?} {link:boolean=false|-n} {inputs:array:string} {shared?} > {>b}",
         {"ats": "array:file", "job": "int", "link": "boolean", "inputs": "array:string", "shared": "file"}),
        ("x", "cat {x+dict:file:*.fa} {y+bwa:file:*.fa} > {>b}",
         {"xes": "array:file", "x_indexes": "array:file", "y": "file", "y_index": "array:file"}),
    ],
)  # fmt: skip
def test_scattered_inputs_become_arrays_and_the_app_is_clean(
    wizard: Wizard, files: Callable[..., None], scatter: str, template: str, inputs: dict[str, str]
) -> None:
    files()
    done = wizard("app", "--no-input", "--scatter", scatter, "--from-command", template)
    assert done.code == 0, done.stderr
    assert parameters("inputSpec") == inputs
    assert set(parameters("outputSpec").values()) == {"array:file"}
    assert lint_app(Path("app")) == []
    checked = subprocess.run(["shellcheck", "app/src/app.sh"], capture_output=True, text=True, check=False)
    assert checked.stdout == ""


@pytest.mark.parametrize(
    ("scatter", "template", "message"),
    [
        ("bam", COPY, "the command has no file `bam`"),
        ("a:lines", COPY, "cannot be scattered by lines"),
        ("a:region", COPY, "is not known to be BAM"),
        ("a:lines=10", COPY, "files of several inputs by position"),
        ("a:name", COPY, "cannot be scattered by name"),
        ("a:pairs", COPY, "{a:array:file}"),
        ("a:nope", COPY, "not a kind of scatter"),
        ("a", "cat {a?} > {>b}", "is optional"),
        ("a", "cat {a+bwa} > {>b}", "several files (bwa)"),
        ("a", "split {a} {>b:array:file}/x", "the output `b` is an array"),
        ("k", "cat {a} {k:int} > {>b}", "the command has no file `k`"),
    ],
)
def test_what_cannot_be_scattered_is_an_error_and_nothing_is_written(
    wizard: Wizard, files: Callable[..., None], scatter: str, template: str, message: str
) -> None:
    files()
    done = wizard("app", "--json", "--scatter", scatter, "--from-command", template)
    assert done.code == 2
    assert message in done.stdout
    assert not Path("app").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--template", "parallelized"], "Pass --scatter INPUT"),
        (["--template", "scatter-process-gather", "--scatter", "a"], "the pattern parallelized"),
        (["--input", "a:file", "--scatter", "a"], "the command needs as:array:file"),
        (["--answers", "answers.json"], "Pass --scatter as an option"),
    ],
)
def test_contradictions_are_errors(
    wizard: Wizard, files: Callable[..., None], arguments: list[str], message: str
) -> None:
    files()
    Path("answers.json").write_text('{"language": "bash", "scatter": "a"}')
    done = wizard("app", "--no-input", *arguments, "--from-command", COPY)
    assert (done.code, Path("app").exists()) == (2, False)
    assert message in done.stderr


def test_each_sample_has_a_trial_and_the_one_command_makes_the_same_app(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    files(u_tsv="b\t2\n")
    given = ("--sample", "a=t.tsv", "--sample", "a=u.tsv", "--trial", "--no-input")
    done = wizard("app", "--scatter", "a", *given, "--from-command", COPY)
    assert done.code == 0, done.stderr
    assert json.loads(Path("app/test/input.json").read_text()) == {
        "as": ["test/data/t.tsv", "test/data/u.tsv"]
    }
    golden = Path("app/test/cases/sample")
    assert {path.name: path.read_text() for path in golden.iterdir()} == {
        "t.b.tsv": Path("t.tsv").read_text(),
        "u.b.tsv": "b\t2\n",
    }
    assert "a becomes as (array:file)" in done.stderr
    again = wizard("app", "-o", "again", *given, "--scatter", "a", "--from-command", COPY)
    assert again.code == 0
    assert {path.relative_to("again/app") for path in contents(Path("again/app"))} == {
        path.relative_to("app") for path in contents(Path("app"))
    }


def test_a_failing_sample_is_reported(wizard: Wizard, files: Callable[..., None]) -> None:
    files(u_tsv="b\t2\n")
    samples = ("--sample", "a=t.tsv", "--sample", "a=u.tsv")
    done = wizard("app", "--trial", "--no-input", "--scatter", "a", *samples, "--from-command",
                  "grep n1 {a} > {>b}")  # fmt: skip
    assert (done.code, Path("app").exists()) == (2, False)
    assert "failed here (exit 1)" in done.stderr


def test_an_update_begins_and_ends_the_scatter(wizard: Wizard, files: Callable[..., None]) -> None:
    files()
    wizard("app", "--trial", "--no-input", "--", "sort -o s.tsv t.tsv")
    before = contents(Path("app"))
    assert wizard("--update", "app", "--scatter", "tsv").code == 0
    assert parameters("inputSpec") == {"tsvs": "array:file"}
    assert json.loads(Path("app/test/input.json").read_text()) == {"tsvs": ["test/data/t.tsv"]}
    case = json.loads(Path("app/test/cases/sample.json").read_text())
    assert case["expect"] == {"s_tsv": [{"file": {"golden": "t.s.tsv"}}]}
    assert lint_app(Path("app")) == []
    assert "Nothing to do" in wizard("--update", "app").stderr
    assert wizard("--update", "app", "--template", "basic").code == 0
    assert contents(Path("app")) == before


def test_the_end_of_a_scatter_keeps_the_first_sample(wizard: Wizard, files: Callable[..., None]) -> None:
    files(u_tsv="b\t2\n")
    samples = ("--sample", "a=t.tsv", "--sample", "a=u.tsv")
    wizard("app", "--trial", "--no-input", "--scatter", "a", *samples, "--from-command", COPY)
    done = wizard("--update", "app", "--template", "basic")
    assert done.code == 0, done.stderr
    assert json.loads(Path("app/test/input.json").read_text()) == {"a": "test/data/t.tsv"}
    case = json.loads(Path("app/test/cases/sample.json").read_text())
    assert case["expect"] == {"b": {"file": {"golden": "t.b.tsv"}}}
    assert "jobs" not in case


def test_an_array_keeps_its_sample_when_it_is_scattered(wizard: Wizard, files: Callable[..., None]) -> None:
    files(u_tsv="b\t2\n")
    wizard("app", "--trial", "--no-input", "--", "cat t.tsv u.tsv > both.tsv")
    before = Path("app/test/input.json").read_text()
    done = wizard("--update", "app", "--scatter", "tsvs:pairs")
    assert done.code == 0, done.stderr
    assert Path("app/test/input.json").read_text() == before


@pytest.mark.parametrize("arguments", [("--scatter", "nope"), ("--scatter", "tsv:region")])
def test_an_impossible_update_changes_nothing(
    wizard: Wizard, files: Callable[..., None], arguments: tuple[str, ...]
) -> None:
    files()
    wizard("app", "--trial", "--no-input", "--", "sort -o s.tsv t.tsv")
    before = contents(Path("app"))
    assert wizard("--update", "app", *arguments).code == 2
    assert contents(Path("app")) == before


@pytest.mark.slow
def test_an_update_keeps_what_a_script_says_about_its_inputs(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    files()
    done = wizard("app", "--no-input", "--from-script", "top.py")
    assert done.code == 0, done.stderr
    first = json.loads(Path("app/dxapp.json").read_text())["inputSpec"]
    done = wizard("--update", "app", "--scatter", "table")
    assert done.code == 0, done.stderr
    now = json.loads(Path("app/dxapp.json").read_text())["inputSpec"]
    assert [each for each in now if each["name"] != "tables"] == [
        each for each in first if each["name"] != "table"
    ]


def test_a_person_who_renames_an_input_renames_it_in_the_scatter(
    terminal: Any, files: Callable[..., None]
) -> None:
    files()
    wizard = terminal("app", "--scatter", "tsv", "--", "sort", "-o", "s.tsv", "t.tsv", size=(40, 120))
    wizard.talk(("Try the command", ""), ("Right", "tsv=table"), ("Right", ""), ("Write the app", ""))
    code, text = wizard.end()
    assert code == 0, text
    assert parameters("inputSpec") == {"tables": "array:file"}
