"""Apps made of WDL tasks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.installation import install_hint
from dx_app_wizard.lint.shellcheck import shellcheck

if TYPE_CHECKING:
    from collections.abc import Callable

Wizard = Any

TASK = """\
version 1.0
task top {
  input {
    File table
    Array[File] others = []
    Int rows = 3
    String? tag
    Boolean reverse = false
  }
  String prefix = basename(table, ".tsv")
  command <<<
    set -euo pipefail
    # don't stop
    sort ~{if reverse then "-r" else ""} ~{"-k " + tag} ~{table} ~{sep=" " others} > ~{prefix}.sorted.tsv
    head -n ~{rows} ~{prefix}.sorted.tsv | awk '{print $1}'
  >>>
  output {
    File sorted = "~{prefix}.sorted.tsv"
    File names = stdout()
  }
  meta { description: "Sort a table. And more" }
  parameter_meta { table: "Rows" }
}
"""


def test_a_task_becomes_an_app_with_a_test(wizard: Wizard, files: Callable[..., None]) -> None:
    pytest.importorskip("WDL")
    files(top_wdl=TASK)
    done = wizard("app", "--no-input", "--from-wdl", "top.wdl#top", "--trial", "--sample", "table=t.tsv")
    assert done.code == 0, done.stderr
    spec = json.loads(Path("app/dxapp.json").read_text())
    inputs = {parameter["name"]: parameter for parameter in spec["inputSpec"]}
    assert {name: parameter["class"] for name, parameter in inputs.items()} == {
        "table": "file", "others": "array:file", "rows": "int", "tag": "string", "reverse": "boolean",
    }  # fmt: skip
    assert inputs["table"]["help"] == "Rows"
    assert inputs["rows"]["default"] == 3
    assert [parameter["name"] for parameter in spec["outputSpec"]] == ["names", "sorted"]
    assert Path("app/test/cases/sample/t.names.txt").read_text() == "n0\nn1\nn10\n"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Int rows = 3", "Map[String, Int] rows", "input rows has type Map"),
        ('~{"-k " + tag}', '~{tag + "x"}', "is an expression"),
        ("File names = stdout()", 'Int names = read_int("x")', "an app's outputs are files"),
        ("task top", "task", "is not valid WDL"),
    ],
)
def test_a_task_that_is_no_command_template_is_an_error(
    wizard: Wizard, files: Callable[..., None], old: str, new: str, message: str
) -> None:
    pytest.importorskip("WDL")
    files(top_wdl=TASK.replace(old, new))
    done = wizard("app", "--no-input", "--from-wdl", "top.wdl")
    assert done.code == 2
    assert message in done.stderr
    assert not Path("app").exists()


BRACES = """\
version 1.0
task braces {
  input {
    File table
    String s = "{x}"
    String u = "y"
  }
  String b = basename(table, "{a}")
  command <<<
    awk '{a}' ~{table}
    echo {s} "{a}" "~{s}" {~{u}} "{~{u}}" ~{b} > p.txt
    touch '{q}z.txt'
  >>>
  output {
    File p = "p.txt"
    Array[File] g = glob("{q}*.txt")
  }
}
"""


def test_braces_of_a_task_stay_as_they_are(wizard: Wizard, files: Callable[..., None]) -> None:
    pytest.importorskip("WDL")
    files(braces_wdl=BRACES)
    done = wizard("app", "--no-input", "--from-wdl", "braces.wdl", "--trial", "--sample", "table=t.tsv")
    assert done.code == 0, done.stderr
    assert Path("app/test/cases/sample/t.p.txt").read_text() == "{s} {a} {x} {y} {y} t.tsv\n"
    spec = json.loads(Path("app/dxapp.json").read_text())
    assert {each["name"]: each.get("default") for each in spec["inputSpec"]} == {
        "table": None, "s": "{x}", "u": "y",
    }  # fmt: skip
    assert [finding.rule for finding in shellcheck(Path("app"))] == []


def test_a_placeholder_in_single_quotes_has_its_place_in_the_file(
    wizard: Wizard, files: Callable[..., None]
) -> None:
    pytest.importorskip("WDL")
    files(top_wdl=TASK.replace("'{print $1}'", "'{print \"~{tag}\"}'"))
    done = wizard("app", "--no-input", "--from-wdl", "top.wdl")
    assert done.code == 2
    line = TASK.splitlines().index(next(line for line in TASK.splitlines() if "awk" in line)) + 1
    assert f"line {line}, column 59: ~{{tag}} is in single quotes" in done.stderr


def test_without_miniwdl_the_error_names_the_extra(
    wizard: Wizard, files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    files(top_wdl=TASK)
    monkeypatch.setitem(sys.modules, "WDL", None)
    done = wizard("app", "--no-input", "--from-wdl", "top.wdl")
    assert done.code == 2
    assert install_hint("wdl") in done.stderr


def test_a_missing_task_is_named(wizard: Wizard, files: Callable[..., None]) -> None:
    pytest.importorskip("WDL")
    files(top_wdl=TASK)
    done = wizard("app", "--no-input", "--from-wdl", "top.wdl#none")
    assert done.code == 2
    assert "its tasks are top" in done.stderr
