"""apply_fixes() applies certain fixes in place and changes nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.lint.findings import Finding
from dx_app_wizard.lint.fixes import apply_fixes
from dx_app_wizard.lint.linter import lint_file
from dx_app_wizard.lint.rules.rule import BytesFix, Fix, KeyFix

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import JsonPath

TEXT = """{ "summary" : "Counts lines. ",\r
   "access": {"project": "contribute"},
  "inputSpec": [{"name": "réads", "class": "File"}],
  "runSpec": {"distribution": "ubuntu", "release": "24.04", "version": "1.0.0"} }
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "app" / "dxapp.json"
    path.parent.mkdir()
    path.write_bytes(TEXT.encode())
    return path


def finding(path: JsonPath, value: object) -> Finding:
    return Finding("rule", "error", "", "wrong", fix=Fix(path, value))


def test_all_other_text_stays(spec: Path) -> None:
    fixed = apply_fixes(spec, lint_file(spec))
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
    assert len(fixed) == 5


def test_a_second_time_there_is_nothing_to_mend(spec: Path) -> None:
    apply_fixes(spec, lint_file(spec))
    assert apply_fixes(spec, lint_file(spec)) == []


@pytest.mark.parametrize("path", [("access",), ("nowhere",), ("inputSpec", 7)])
def test_what_is_no_plain_value_is_left_alone(spec: Path, path: JsonPath) -> None:
    assert apply_fixes(spec, [finding(path, "x")]) == []
    assert spec.read_bytes().decode() == TEXT


MEMBERS = '{"a": 1,\n  "b": [{"c": 2}], "d": {"e": 3} }'


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (("a",), "x", '{"x": 1,\n  "b": [{"c": 2}], "d": {"e": 3} }'),
        (("b", 0, "c"), "x", '{"a": 1,\n  "b": [{"x": 2}], "d": {"e": 3} }'),
        (("a",), None, '{"b": [{"c": 2}], "d": {"e": 3} }'),
        (("b",), None, '{"a": 1,\n  "d": {"e": 3} }'),
        (("d",), None, '{"a": 1,\n  "b": [{"c": 2}] }'),
        (("d", "e"), None, '{"a": 1,\n  "b": [{"c": 2}], "d": {} }'),
        (("b", 0), None, MEMBERS),
        (("x",), None, MEMBERS),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_keys_are_renamed_and_removed(
    spec: Path, path: JsonPath, key: str | None, expected: str, mark: str
) -> None:
    spec.write_text(mark + MEMBERS, encoding="utf-8")
    fixed = apply_fixes(spec, [Finding("rule", "error", "", "wrong", fix=KeyFix(path, key))])
    assert spec.read_text(encoding="utf-8") == mark + expected
    assert bool(fixed) == (expected != MEMBERS)


json_objects = st.dictionaries(
    st.text(max_size=3), st.integers() | st.text() | st.lists(st.dictionaries(st.text(), st.none()))
)


@settings(max_examples=30)
@given(json_objects, st.data())
def test_one_key_is_removed_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("app") / "dxapp.json"
    json_document.write(path, {**value, "last": 0})
    key = data.draw(st.sampled_from([*value, "last"]))
    apply_fixes(path, [Finding("rule", "error", "", "wrong", fix=KeyFix((key,)))])
    assert json_document.read(path).value == {
        name: item for name, item in {**value, "last": 0}.items() if name != key
    }


def test_a_key_is_moved_to_the_end_of_an_object(spec: Path) -> None:
    spec.write_text('{\n  "timeoutPolicy": {"*": {"hours": 1}},\n  "runSpec": {\n    "file": "x"\n  }\n}\n')
    fix = KeyFix(("timeoutPolicy",), into=("runSpec",))
    apply_fixes(spec, [Finding("rule", "error", "", "wrong", fix=fix)])
    assert json_document.read(spec).value == {"runSpec": {"file": "x", "timeoutPolicy": {"*": {"hours": 1}}}}
    assert spec.read_text().startswith('{\n  "runSpec": {\n    "file": "x",\n    "timeoutPolicy": {')


def test_overlapping_fixes_are_left_for_the_next_time(spec: Path) -> None:
    spec.write_text(MEMBERS)
    fixes = [KeyFix(("b",)), KeyFix(("b", 0, "c"), "x"), KeyFix(("d",))]
    findings = [Finding("rule", "error", "", "wrong", fix=fix) for fix in fixes]
    assert [finding.fix for finding in apply_fixes(spec, findings)] == [fixes[0]]
    assert [finding.fix for finding in apply_fixes(spec, findings)] == [fixes[2]]
    assert spec.read_text() == '{"a": 1 }'


def test_bytes_are_replaced_in_files_of_the_app_alone(spec: Path, tmp_path: Path) -> None:
    (spec.parent / "code.sh").write_bytes(b"a\r\nb\r\n")
    outside = spec.parent.parent / "outside.sh"
    outside.write_bytes(b"a\r\n")
    fixes = [BytesFix(name, b"\r\n", b"\n") for name in ("code.sh", "../outside.sh")]
    fixed = apply_fixes(spec, [Finding("rule", "error", "", "wrong", fix=fix) for fix in fixes])
    assert [finding.fix for finding in fixed] == fixes[:1]
    assert (spec.parent / "code.sh").read_bytes() == b"a\nb\n"
    assert outside.read_bytes() == b"a\r\n"


HINTED = [
    ({"inputSpec": [{"name": "a", "clas": "file"}]}, {"inputSpec": [{"name": "a", "class": "file"}]}),
    ({"sumary": "x"}, {"summary": "x"}),
    ({"optinal": 1, "categories": ["Read Maping"]}, {"optinal": 1, "categories": ["Read Mapping"]}),
    ({"authorizedUsers": ["public"]}, {"authorizedUsers": ["PUBLIC"]}),
    ({"release": "24.04", "runSpec": {}}, {"runSpec": {"release": "24.04"}}),
    (
        {"release": "24.04", "runSpec": {"release": "20.04"}},
        {"release": "24.04", "runSpec": {"release": "20.04"}},
    ),
    ({"release": "24.04"}, {"release": "24.04"}),
    ({"version": "v1.2"}, {"version": "1.2.0"}),
    ({"version": "1.x"}, {"version": "1.x"}),
    ({"access": {"network": ["https://github.com/x"]}}, {"access": {"network": ["github.com"]}}),
    ({"access": {"network": ["a b/"]}}, {"access": {"network": ["a b/"]}}),
    (
        {"outputSpec": [{"name": "o", "class": "int", "patterns": ["*"], "default": 1}]},
        {"outputSpec": [{"name": "o", "class": "int"}]},
    ),
    (
        {"inputSpec": [{"name": "a", "class": "boolean", "choices": [True]}]},
        {"inputSpec": [{"name": "a", "class": "boolean"}]},
    ),
    (
        {"runSpec": {"interpreterr": "bash", "interprete": "x"}},
        {"runSpec": {"interpreter": "bash", "interprete": "x"}},
    ),
]


@pytest.mark.parametrize(("wrong", "right"), HINTED)
def test_what_a_hint_proposes_is_applied(spec: Path, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    json_document.write(spec, wrong)
    while apply_fixes(spec, lint_file(spec)):
        pass
    assert json_document.read(spec).value == right


def test_the_mode_of_the_file_stays(spec: Path) -> None:
    spec.chmod(0o640)
    apply_fixes(spec, [finding(("summary",), "x")])
    assert spec.stat().st_mode & 0o777 == 0o640
