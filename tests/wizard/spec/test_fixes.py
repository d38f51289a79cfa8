"""apply_fixes: what is certain is mended in place, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.spec.findings import Finding, Fix
from dx_app_wizard.spec.fixes import apply_fixes
from dx_app_wizard.spec.lint import lint_file

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.spec.jsonfile import JsonPath

TEXT = """{ "summary" : "Counts lines. ",\r
   "access": {"project": "contribute"},
  "inputSpec": [{"name": "réads", "class": "File"}],
  "runSpec": {"distribution": "ubuntu", "release": "24.04", "version": "1.0.0"} }
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "dxapp.json"
    path.write_bytes(TEXT.encode())
    return path


def finding(path: JsonPath, value: object) -> Finding:
    return Finding("rule", "error", "", "wrong", fix=Fix(path, value))


def test_all_other_text_stays(spec: Path) -> None:
    mended = apply_fixes(spec, lint_file(spec))
    expected = TEXT
    for wrong, right in [
        ("Counts lines. ", "Counts lines"),
        ("contribute", "CONTRIBUTE"),
        ("File", "file"),
        ("ubuntu", "Ubuntu"),
        ("1.0.0", "0"),
    ]:
        expected = expected.replace(wrong, right)
    assert spec.read_bytes().decode() == expected
    assert len(mended) == 5


def test_a_second_time_there_is_nothing_to_mend(spec: Path) -> None:
    apply_fixes(spec, lint_file(spec))
    assert apply_fixes(spec, lint_file(spec)) == []


@pytest.mark.parametrize("path", [("access",), ("nowhere",), ("inputSpec", 7)])
def test_what_is_no_plain_value_is_left_alone(spec: Path, path: JsonPath) -> None:
    assert apply_fixes(spec, [finding(path, "x")]) == []
    assert spec.read_bytes().decode() == TEXT


def test_the_mode_of_the_file_stays(spec: Path) -> None:
    spec.chmod(0o640)
    apply_fixes(spec, [finding(("summary",), "x")])
    assert spec.stat().st_mode & 0o777 == 0o640
