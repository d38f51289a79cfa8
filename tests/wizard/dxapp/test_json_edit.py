from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp.json_edit import rewritten

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
layouts = st.sampled_from(
    [
        {"indent": None},
        {"indent": 2},
        {"indent": 4},
        {"indent": "\t"},
        {"indent": 0},
        {"separators": (",", ":")},
        {"indent": 1, "separators": (" ,", " : ")},
        {"ensure_ascii": False, "indent": 3},
    ]
)


def additions(value: Any, extra: dict[str, Any]) -> Any:
    """Return value with the members of extra in it, and in each object directly in it."""
    more = copy.deepcopy(value)
    for target in (more, *(part for part in more.values() if isinstance(part, dict))):
        for key, added in extra.items():
            target.setdefault(key, added)
    return more


@given(st.dictionaries(st.text(max_size=5), values, max_size=5), st.dictionaries(st.text(), values), layouts)
def test_additions_are_said_and_nothing_else_is_touched(
    value: dict[str, Any], extra: dict[str, Any], layout: dict[str, Any]
) -> None:
    text = json.dumps(value, **layout)
    more = additions(value, extra)
    result = rewritten(text, more)
    assert json.dumps(json.loads(result)) == json.dumps(more)
    assert is_subsequence(text, result)


@given(values, values, layouts)
def test_any_text_can_say_any_value(old: Any, new: Any, layout: dict[str, Any]) -> None:
    result = rewritten(json.dumps(old, **layout), new)
    assert json.dumps(json.loads(result)) == json.dumps(new)


@given(values, layouts, st.sampled_from(["", "\n", "\r\n", " \n\n"]))
def test_a_text_that_says_it_already_stays_as_it_is(value: Any, layout: dict[str, Any], end: str) -> None:
    text = json.dumps(value, **layout) + end
    assert rewritten(text, value) == text


def is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(char in rest for char in part)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ('{"a": 1}', {"a": 1, "b": [2]}, '{"a": 1, "b": [2]}'),
        ("{}", {"a": 1}, '{"a": 1}'),
        ("{\n}\n", {"a": 1}, '{\n  "a": 1\n}\n'),
        ('{\n    "a": 1e3\n}', {"a": 1e3, "b": {"c": 1}},
         '{\n    "a": 1e3,\n    "b": {\n        "c": 1\n    }\n}'),
        ('{\n\t"a": {}\n}', {"a": {"b": 1}}, '{\n\t"a": {\n\t\t"b": 1\n\t}\n}'),
        ('{\n  "a": {"b": 1.0}\n}', {"a": {"b": 1.0, "c": 2}}, '{\n  "a": {"b": 1.0, "c": 2}\n}'),
        ('{\n  "a": {"b": 1}\n}', {"a": {"b": 1, "c": "x" * 60}},
         '{\n  "a": {"b": 1,\n    "c": "' + "x" * 60 + '"\n  }\n}'),
        ('{\r\n  "a": 1\r\n}\r\n', {"a": 1, "b": 2}, '{\r\n  "a": 1,\r\n  "b": 2\r\n}\r\n'),
        ('{"a": "\\u00e9", "b": 1}', {"a": "é", "b": 2}, '{"a": "\\u00e9", "b": 2}'),
        ('{"a": 1.0}', {"a": 1}, '{"a": 1}'),
        ('{"a": 12345678901234567890123.10}', {"a": 12345678901234567890123.10, "b": 0},
         '{"a": 12345678901234567890123.10, "b": 0}'),
        ('{"a": [\n1,\n{"a": 2}\n]}', {"a": [1, {"a": 2}], "b": "x"}, '{"a": [\n1,\n{"a": 2}\n], "b": "x"}'),
        ('{\n  "b": 1e3\n}', {"a": 1, "b": 1e3}, '{\n  "a": 1,\n  "b": 1e3\n}'),
        ("[1e3, 2]", [1e3, 3, 2], "[1e3, 3, 2]"),
        ('{\n "a": [\n  {"x": 1e3},\n  {"x": 2}\n ]\n}', {"a": [{"x": 1e3}, {"x": 2}, {"x": 3}]},
         '{\n "a": [\n  {"x": 1e3},\n  {"x": 2},\n  {"x": 3}\n ]\n}'),
        ('{\n "a": []\n}', {"a": [{"x": 1}]}, '{\n "a": [\n  {\n   "x": 1\n  }\n ]\n}'),
    ],
)  # fmt: skip
def test_new_members_are_laid_out_as_their_neighbours(text: str, value: Any, expected: str) -> None:
    assert rewritten(text, value) == expected


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ('{"a" : 1e3,  "b": 2, "c":3.0}', {"a": 1e3, "c": 3.0}, '{"a" : 1e3, "c":3.0}'),
        ('{"a" : 1e3,  "b": 2, "c":3.0}', {"b": 2, "c": 3.0}, '{"b": 2, "c":3.0}'),
        ('{\n  "a": 1e3,\n\n  "b": 2\n}\n', {"a": 1e3}, '{\n  "a": 1e3\n}\n'),
        ('{\n  "a": 1\n}\n', {}, "{}\n"),
        ("[ 1e3,\n2 ]", [1e3], "[ 1e3 ]"),
    ],
)
def test_what_is_taken_away_leaves_the_rest_as_it_is(text: str, value: Any, expected: str) -> None:
    assert rewritten(text, value) == expected


def test_an_element_is_changed_where_it_is() -> None:
    text = '{"p": [ {"name" : "a", "n": 1e3}, {"name": "b"} ]}'
    value = {"p": [{"name": "a", "n": 1e3, "help": "x"}, {"name": "b", "n": 2}]}
    expected = '{"p": [ {"name" : "a", "n": 1e3, "help": "x"}, {"name": "b", "n": 2} ]}'
    assert rewritten(text, value) == expected
