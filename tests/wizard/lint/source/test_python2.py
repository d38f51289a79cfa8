"""Python 2 code that Python 3 cannot parse, and the hints about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.lint.linter import lint_app
from dx_app_wizard.lint.source.python2 import is_python2, python2_code

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("import dxpy\nprint 'x'\n", 2, "print(…)"),
        ("try:\n    pass\nexcept KeyError, error:\n    pass\n", 3, "as error"),
        ("exec 'x'\n", 1, "exec(…)"),
        ("open('x', 0644)\n", 1, "0o644"),
        ("if x:\n        a\n\tb\n", 3, "spaces"),
        ("x = `1`\n", 1, "2to3"),
        ("raise KeyError, 'x'\n", 1, "2to3"),
        ("if 1 <> 2:\n    pass\n", 1, "2to3"),
    ],
)
def test_the_first_line_that_is_python_2_only_is_named(code: str, line: int, said: str) -> None:
    found = python2_code(code)
    assert found is not None
    assert (found.line, found.text) == (line, code.splitlines()[line - 1].strip())
    assert said in found.hint


@pytest.mark.parametrize("code", ["", "print('x')\n", "from __future__ import print_function\n", "'\\d'\n"])
def test_what_both_read_is_no_matter(code: str) -> None:
    assert python2_code(code) is None


@given(st.text(st.sampled_from("print x'\"\\\n\t\0():=`,0<>"), max_size=40))
def test_any_text_is_read_or_refused(code: str) -> None:
    found = python2_code(code)
    assert found is None or found.line >= 1


@pytest.mark.parametrize("code", ["x = '\0'", "if", "(" * 500, "\ud800", "-" * 100_000 + "1"])
def test_what_neither_reads_is_named_as_well(code: str) -> None:
    found = python2_code(code)
    assert found is not None
    assert found.problem


@pytest.mark.parametrize(
    ("interpreter", "expected"),
    [("python2.7", True), ("python2", True), ("python3", False), ("bash", False), (None, False)],
)
def test_an_interpreter_is_python_2_by_its_name(interpreter: object, expected: bool) -> None:
    assert is_python2(interpreter) is expected


@pytest.mark.parametrize(("code", "found"), [("print 'x'\n", [("app.py", 1)]), ("print('x')\n", [])])
def test_lint_warns_of_it(tmp_path: Path, code: str, found: list[tuple[str, int]]) -> None:
    run_spec = {"interpreter": "python2.7", "file": "app.py", "distribution": "Ubuntu", "release": "14.04"}
    (tmp_path / "dxapp.json").write_text(json.dumps({"name": "old", "runSpec": run_spec}))
    (tmp_path / "app.py").write_text(code)
    findings = [finding for finding in lint_app(tmp_path) if finding.rule == "python2-source"]
    assert [(finding.file, finding.line) for finding in findings] == found
