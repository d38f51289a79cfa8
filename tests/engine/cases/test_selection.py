"""Expressions of -k select test cases by words in their names."""

from __future__ import annotations

import pytest

from dx_local.engine.cases.selection import matches
from dx_local.errors import UsageError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("sample", True),
        ("SAMPLE", True),
        ("large", False),
        ("not large", True),
        ("sample and not gz", False),
        ("large or gz", True),
        ("not (large or gz)", False),
        ("not large and gz", True),
        ("large and gz or sample", True),
        ("not not gz", True),
    ],
)
def test_a_name_matches(expression: str, expected: bool) -> None:
    assert matches(expression, "sample-gz") is expected


@pytest.mark.parametrize(
    "expression", ["", "and", "a and", "(a", "a)", "a b", "not", "or a", "()", "(" * 9999]
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(UsageError, match="is not an expression"):
        matches(expression, "a")
