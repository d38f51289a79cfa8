from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.json_document import Position
from dx_app_wizard.errors import SpecFileError

FILE = Path("dxapp.json")

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def paths_of(value: Any, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [here, *(path for step, child in children for path in paths_of(child, (*here, step)))]


@given(json_values)
def test_what_is_written_reads_back(value: Any) -> None:
    text = json_document.dumps(value)
    assert json_document.parse(text, FILE).value == value
    assert text.encode().decode() == text


@given(json_values)
def test_every_value_has_a_position_where_it_begins(value: Any) -> None:
    text = json_document.dumps(value)
    document = json_document.parse(text, FILE)
    assert list(document.positions) == paths_of(value)
    lines = text.split("\n")
    for position in document.positions.values():
        assert lines[position.line - 1][position.column - 1] in '{["-0123456789tfn'


@given(st.text())
def test_any_text_reads_or_is_refused_as_an_error_of_the_user(text: str) -> None:
    with suppress(SpecFileError):
        assert json_document.parse(text, FILE).value == json.loads(text)


@given(json_values, st.data())
def test_any_text_that_was_json_is_refused_with_a_place_in_it(value: Any, data: st.DataObject) -> None:
    text = json_document.dumps(value)
    start = data.draw(st.integers(0, len(text)))
    broken = text[:start] + data.draw(st.sampled_from(["", ",", "'", "{", "]", "#", '"'])) + text[start + 1 :]
    refused: SpecFileError | None = None
    try:
        json_document.parse(broken, FILE)
    except SpecFileError as error:
        refused = error
    if refused is not None:
        line, column = refused.line or 0, refused.column or 0
        assert 1 <= column <= len(broken.split("\n")[line - 1]) + 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"a": 1,\n "a": 2}', "dxapp.json:2:2: has the key 'a' twice", id="duplicate key"),
        pytest.param('{"a": [\n  NaN]}', "dxapp.json:2:3: is not JSON: NaN", id="NaN"),
        pytest.param('{"a": -Infinity}', "dxapp.json:1:7: is not JSON: -Infinity", id="Infinity"),
        pytest.param('{"a": 1e999}', "dxapp.json:1:7: has a number that is too large", id="overflow"),
        pytest.param('{"a": 1,}', "dxapp.json:1:8: has a comma before }", id="trailing comma"),
        pytest.param('{"a": [1,\n ,2]}', "dxapp.json:2:2: has an extra comma", id="two commas"),
        pytest.param("{// no\n}", "dxapp.json:1:2: has a comment", id="comment"),
        pytest.param('{"a": 1, # no\n}', "dxapp.json:1:10: has a comment", id="other comment"),
        pytest.param("", "dxapp.json:1:1: is empty", id="empty"),
        pytest.param(" \n", "dxapp.json:1:1: is empty", id="blank"),
        pytest.param('{"a": {\n  "b": 1\n', "dxapp.json:2:9: ends too early", id="open"),
        pytest.param("{'a': 1}", "dxapp.json:1:2: has a string in ' quotation marks", id="single quotes"),
        pytest.param('{"a": True}', "dxapp.json:1:7: has True, which is not JSON", id="Python"),
        pytest.param("{a: 1}", "dxapp.json:1:2: has the key a without quotation marks", id="bare key"),
        pytest.param('{"a": yes}', "dxapp.json:1:7: has yes without quotation marks", id="bare text"),
        pytest.param('{"a": "x\ny"}', "dxapp.json:1:9: has a line break within a string", id="line break"),
        pytest.param('{"a": "\\d"}', "dxapp.json:1:8: has an invalid backslash escape", id="backslash"),
        pytest.param('{"a": 1\n "b": 2}', 'dxapp.json:2:2: is missing a comma before "b": 2}', id="no comma"),
        pytest.param('{"a" 1}', "dxapp.json:1:6: is missing a colon before 1}", id="no colon"),
        pytest.param("{1: 2}", "dxapp.json:1:2: is missing a key before 1: 2}", id="no key"),
        pytest.param("{}}", "dxapp.json:1:3: has extra text after its end: }", id="more"),
        pytest.param('{"a": }', "dxapp.json:1:7: is missing a value before }", id="no value"),
        pytest.param(
            '{"a": 1,\n<<<<<<< yours\n"b": 2\n=======',
            "dxapp.json:2:1: has a conflict marker, <<<<<<<",
            id="key",
        ),
        pytest.param(
            '{"a": 1\n<<<<<<< yours\n', "dxapp.json:2:1: has a conflict marker", id="marker for comma"
        ),
        pytest.param(
            '{"a":\n>>>>>>> template\n', "dxapp.json:2:1: has a conflict marker", id="marker for value"
        ),
        pytest.param(
            '{"a" 1,\n<<<<<<< yours\n=======\r\n', "dxapp.json:2:1: has a conflict marker", id="marker after"
        ),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param("9" * 5000, "number that is too long", id="long number"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SpecFileError) as caught:
        json_document.parse(text, FILE)
    assert message in str(caught.value)


def test_the_same_key_in_two_objects_is_no_duplicate() -> None:
    assert json_document.parse('[{"a": 1}, {"a": {"a": 2}}]', FILE).value == [{"a": 1}, {"a": {"a": 2}}]


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes(b'{\n"a": "\xe9"}')
    with pytest.raises(SpecFileError, match=r"latin\.json:2: is not UTF-8"):
        json_document.read(path)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_an_error_of_the_user(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecFileError, match="cannot be read"):
        json_document.read(tmp_path / name)


def test_a_missing_value_has_the_position_of_what_is_around_it() -> None:
    document = json_document.parse('{\n  "runSpec": {}\n}', FILE)
    assert document.position(("runSpec", "file")) == Position(2, 14)
    assert document.position(("access",)) == Position(1, 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("inputSpec", 0, "class"), "inputSpec[0].class"), (("a", "b c"), 'a["b c"]'), ((1,), "[1]")],
)
def test_paths_read_as_people_write_them(path: tuple[str | int, ...], text: str) -> None:
    assert json_document.path_text(path) == text


def test_a_file_is_written_with_non_ascii_text_and_a_final_newline(tmp_path: Path) -> None:
    json_document.write(tmp_path / "a.json", {"title": "é"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "title": "é"\n}\n'.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(ValueError, match="JSON compliant"):
        json_document.write(tmp_path / "a.json", float("nan"))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.json": "old"}
