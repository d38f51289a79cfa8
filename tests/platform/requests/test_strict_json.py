from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.platform.requests import strict_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


def nested(depth: int, opening: str, closing: str) -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


@given(values)
def test_interoperable_json_is_parsed(value: Any) -> None:
    assert strict_json.parse(json.dumps(value).encode()) == value
    assert strict_json.parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"\xff", "invalid start byte"),
        (b"NaN", "NaN is not allowed"),
        (b"[-Infinity]", "-Infinity is not allowed"),
        (b"[1e999]", "too large"),
        (b"[-1e999]", "too large"),
        (b"9" * 5000, r"limit \(4300"),
        (b'["\\uD800"]', "surrogates"),
        (b'{"\\udfff": 1}', "surrogates"),
        (nested(strict_json.MAX_DEPTH + 1, "[", "]"), "nested more than"),
        (nested(950, '{"a":', "}"), "nested more than"),
        (nested(100_000, '[{"a":', "}]"), "nested more than"),
    ],
)
def test_json_that_some_clients_cannot_read_is_rejected(text: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        strict_json.parse(text)


@pytest.mark.parametrize("text", [b'"\\ud83e\\uddec"', b'"\\\\ud800"', "\U0001f9ec".join('""').encode()])
def test_whole_characters_are_read(text: bytes) -> None:
    assert strict_json.parse(text) == json.loads(text)


@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_json_of_the_largest_depth_is_parsed(brackets: tuple[str, str]) -> None:
    text = nested(strict_json.MAX_DEPTH, *brackets)
    assert strict_json.parse(text) == json.loads(text)


def test_wide_is_not_deep() -> None:
    rows = [[{"a": number}] for number in range(1000)]
    assert strict_json.parse(json.dumps(rows).encode()) == rows
