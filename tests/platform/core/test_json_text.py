"""The pieces of a JSON text make up the whole text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.platform.core import json_text
from dx_local.platform.core.json_text import in_batches, json_pieces, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture(autouse=True, scope="module")
def _small_pieces() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_text, "_PIECE", 5)
        yield


@given(VALUES)
def test_pieces_make_the_text_of_the_whole(value: Any) -> None:
    assert "".join(json_pieces(value)) == to_json(value)
    assert "".join(in_batches(json_pieces(value))) == to_json(value)


@pytest.mark.parametrize(
    "value", [[[0] * 500] * 20, {"h": {str(n): "x" for n in range(500)}}, "é" * 500, [{"a": ["b" * 99]}] * 50]
)
def test_no_piece_is_large(value: Any) -> None:
    assert max(map(len, json_pieces(value))) < 100
    assert json.loads("".join(json_pieces(value))) == value
