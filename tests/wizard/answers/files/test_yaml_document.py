from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.answers.files.yaml_document import DEEPEST_NESTING, parse
from dx_app_wizard.dxapp.json_document import Position
from dx_app_wizard.errors import SpecFileError

FILE = Path("answers.yaml")

# A key of YAML is no longer than 1,024 characters, and one of these may be six in JSON.
keys = st.text(max_size=100)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_is_read_as_json_does(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=True)
    assert parse(text, FILE).value == json.loads(text)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    with suppress(SpecFileError):
        assert parse(text, FILE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.0.0", "1.0.0"),
        ("no", "no"),
        ("on", "on"),
        ("True", "True"),
        ("2026-11-23", "2026-11-23"),
        ("12:30:45", "12:30:45"),
        ("0o17", "0o17"),
        ("017", "017"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("~", "~"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("true", True),
        ("null", None),
        ("", None),
        ("-1", -1),
        ("1.0", 1.0),
        ("1e3", 1000.0),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("<<", "<<"),
    ],
)
def test_a_plain_word_is_what_it_would_be_in_json(text: str, value: Any) -> None:
    read = parse(f"key: {text}", FILE).value["key"]
    assert (read, type(read)) == (value, type(value))


def test_the_place_of_every_value_is_known() -> None:
    document = parse("title: x\ninputs:\n  - name: reads\n    class: file\n  - k:int=31\n", FILE)
    assert document.positions[("inputs", 0, "class")] == Position(4, 12)
    assert document.positions[("inputs", 1)] == Position(5, 5)


def test_block_texts_and_unicode_are_read() -> None:
    text = "help: >-\n  two\n  lines\ntitle: Zähle 🧬\n"
    assert parse(text, FILE).value == {"help": "two lines", "title": "Zähle 🧬"}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\na: 2", 2, 1, "has the key 'a' twice"),
        ("a:\n  1: x", 2, 3, "has a key that is not a string"),
        ("? [a]\n: x", 1, 3, "has a key that is not a string"),
        ("a: &x 1", 1, 4, "has the anchor &x"),
        ("a: &x 1\nb: *x", 1, 4, "has the anchor &x"),
        ("a: *x", 1, 4, "has the alias *x"),
        ("a: [*.bam]", 1, 6, "put a string that begins with * in quotes"),
        ("a: !!python/object:os.system x", 1, 4, "has the tag tag:yaml.org,2002:python/object:os.system"),
        ("a: !x y", 1, 4, "has the tag !x"),
        ("a: 1\n---\nb: 2", 2, 1, "contains several documents"),
        ("a: b: c", 1, 5, "mapping values are not allowed here"),
        ("a: [1, 2", 1, 9, "expected ',' or ']'"),
        ("a:\n\t- x", 2, 1, "cannot start any token"),
        ('a: "x', 1, 6, "unexpected end of stream"),
        ("a: 1e999", 1, 4, "too large"),
        ("a: " + "1" * 5000, 1, 4, "too long"),
        ("a: \x01", 1, 4, "U+0001"),
        ("[" * 100_000, 1, DEEPEST_NESTING + 1, "nested too deeply"),
    ],
)
def test_what_json_cannot_say_is_refused(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(SpecFileError) as refusal:
        parse(text, FILE)
    assert message in refusal.value.message
    assert (refusal.value.line, refusal.value.column) == (line, column)
