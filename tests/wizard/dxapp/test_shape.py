"""conforms() agrees with jsonschema whenever it returns True."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dx_app_wizard.dxapp.shape import conforms, schema

VALIDATOR = Draft202012Validator(schema())

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3)
KEYS = """name class inputSpec outputSpec runSpec access network regionalOptions patterns timeoutPolicy hours
systemRequirements instanceType httpsApp ports choices"""
keys = st.sampled_from(KEYS.split())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=5) | values)
def test_it_says_yes_to_nothing_that_jsonschema_refuses(value: Any) -> None:
    assert not conforms(value, schema()) or VALIDATOR.is_valid(value)


def test_it_says_yes_to_what_is_right() -> None:
    run_spec = {"interpreter": "bash", "timeoutPolicy": {"*": {"hours": 1}}, "execDepends": [{"name": "jq"}]}
    assert conforms({"inputSpec": [{"name": "a", "class": "int"}], "runSpec": run_spec}, schema())


@pytest.mark.parametrize("keyword", ["pattern", "required", "oneOf"])
def test_what_it_does_not_know_it_leaves_to_jsonschema(keyword: str) -> None:
    assert not conforms("x", {keyword: []})
