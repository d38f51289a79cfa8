from __future__ import annotations

from typing import Any

import pytest

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.data.describe import select_fields

FULL = {"id": "x", "a": 1, "b": 2, "c": 3, "details": {}}
DEFAULT = frozenset({"id", "a", "b"})


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        pytest.param({}, "a b id", id="the default"),
        pytest.param({"fields": None}, "a b id", id="null is absent"),
        pytest.param({"fields": {"c": True}}, "c id", id="fields alone, and the ID"),
        pytest.param({"fields": {}}, "id", id="no fields"),
        pytest.param({"fields": {"c": True}, "defaultFields": True}, "a b c id", id="both"),
        pytest.param({"fields": {"a": False}, "defaultFields": True}, "b id", id="a default one taken away"),
        pytest.param({"fields": {"a": False}}, "b id", id="only exclusions"),
        pytest.param({"fields": {"c": True, "a": False}}, "c id", id="exclusion of a missing field"),
        pytest.param({"details": True}, "a b details id", id="an older flag"),
        pytest.param({"details": False, "unknown": True, "project": "p"}, "a b id", id="unknown flags"),
        pytest.param({"fields": {"nonsense": True}}, "id", id="an unknown field"),
    ],
)
def test_which_fields_come_back(request_: dict[str, Any], names: str) -> None:
    assert sorted(select_fields(FULL, request_, DEFAULT)) == names.split()


@pytest.mark.parametrize("request_", [{"fields": ["a"]}, {"fields": "a"}, {"fields": {}, "defaultFields": 1}])
def test_fields_of_another_kind_are_invalid(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        select_fields(FULL, request_, DEFAULT)
