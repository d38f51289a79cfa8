"""JSON is merged value by value; conflicts are the values that both sides changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp.json_edit import rewritten
from dx_app_wizard.rendering.json_merge import Merged, merge_json

scalars = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from([1.0, "a", "b", ""])
keys = st.sampled_from(["name", "class", "default", "help", "x"])


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Arrays, objects, and arrays of objects with names, such as parameters."""
    named = st.builds(
        lambda name, rest: {"name": name, **rest},
        st.sampled_from("pqr"),
        st.dictionaries(st.sampled_from(["class", "help", "default"]), inner, max_size=3),
    )
    return (
        st.lists(inner, max_size=3)
        | st.dictionaries(keys, inner, max_size=4)
        | st.lists(named, max_size=3, unique_by=lambda element: element["name"])
    )


values = st.recursive(scalars, containers, max_leaves=12)


def as_text(value: Any) -> str:
    return json.dumps(value)


@given(values, values)
def test_what_one_side_changed_is_taken(base: Any, changed: Any) -> None:
    for merged in (
        merge_json(base, changed, base),
        merge_json(base, base, changed),
        merge_json(base, changed, changed),
    ):
        assert as_text(merged.ours) == as_text(merged.theirs) == as_text(changed)


@given(values, values, values)
def test_the_sides_of_a_conflict_differ_and_swap(base: Any, ours: Any, theirs: Any) -> None:
    merged, swapped = merge_json(base, ours, theirs), merge_json(base, theirs, ours)
    assert merged.is_clean == swapped.is_clean
    assert unordered(merged.ours) == unordered(swapped.theirs)
    assert unordered(merged.theirs) == unordered(swapped.ours)


def unordered(value: Any) -> Any:
    """Return value with all parts sorted whose order is undefined after a merge."""
    if isinstance(value, dict):
        return sorted((key, unordered(item)) for key, item in value.items())
    if isinstance(value, list):
        return sorted((as_text(unordered(item)) for item in value), key=str)
    return as_text(value)


parameters = st.dictionaries(st.sampled_from("pqrst"), st.dictionaries(keys, scalars, max_size=3), max_size=5)


@given(parameters, st.data())
def test_changes_in_different_places_are_both_made(base: dict[str, Any], data: st.DataObject) -> None:
    """Parameters and keys, removed, changed and added; each side changes different ones."""
    places = [(name, key) for name in "pqrst" for key in ("class", "default", "help", "x")]
    ours_places = set(data.draw(st.lists(st.sampled_from(places), unique=True)))
    ours, theirs, both = (as_parameters(base) for _ in range(3))
    for name, key in places:
        if name not in base or not data.draw(st.booleans()):
            continue
        new = data.draw(scalars | st.just("removed"))
        for spec in (ours if (name, key) in ours_places else theirs, both):
            (parameter,) = (one for one in spec["inputSpec"] if one["name"] == name)
            parameter.pop(key, None)
            if new != "removed":
                parameter[key] = new
    merged = merge_json(as_parameters(base), ours, theirs)
    assert merged.is_clean
    assert unordered(merged.ours) == unordered(both)


def as_parameters(base: dict[str, Any]) -> dict[str, Any]:
    return {"inputSpec": [{**rest, "name": name} for name, rest in base.items()]}


@given(values, values, values, st.sampled_from([None, 2, "\t"]))
def test_a_text_can_say_what_was_merged(base: Any, ours: Any, theirs: Any, indent: Any) -> None:
    for value in merge_json(base, ours, theirs):
        text = rewritten(json.dumps(ours, indent=indent), value)
        assert as_text(json.loads(text)) == as_text(value)


A, B, C = ({"name": name, "class": "int"} for name in "abc")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        pytest.param([A], [{**A, "help": "x"}], [A, B], [{**A, "help": "x"}, B], id="help and a new one"),
        pytest.param([A], [A, B], [A, C], [A, B, C], id="one added by each"),
        pytest.param([A, B], [B], [A, {**B, "x": 1}], [{**B, "x": 1}], id="one removed, another changed"),
        pytest.param([A, B], [B, A], [A, B, C], [B, C, A], id="moved by us"),
        pytest.param([A, B], [A, B, C], [B, A], [B, C, A], id="moved by them"),
        pytest.param(["x"], ["x", "y"], ["z", "x"], ["z", "x", "y"], id="values"),
        pytest.param(["x", "y"], ["x"], ["x", "y", "z"], ["x", "z"], id="a value removed"),
        pytest.param([1, 1], [1, 1, 1], [1, 1, 2], [1, 1, 1, 2], id="values more than once"),
        pytest.param({"a": 1}, {"b": 2, "a": 1}, {"a": 3}, {"b": 2, "a": 3}, id="keys keep our order"),
        pytest.param({}, {"k": A}, {"k": {**A, "x": 1}}, {"k": {**A, "x": 1}}, id="added by both"),
        pytest.param({"a": 1}, {"a": 1.0}, {"a": 1, "b": 2}, {"a": 1.0, "b": 2}, id="int and float"),
    ],
)
def test_what_does_not_conflict(base: Any, ours: Any, theirs: Any, merged: Any) -> None:
    assert merge_json(base, ours, theirs) == Merged(merged, merged)
    assert as_text(merge_json(base, ours, theirs).ours) == as_text(merged)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        pytest.param([A], [{**A, "class": "file"}], [{**A, "class": "string"}], id="changed otherwise"),
        pytest.param({"a": 1}, {"a": 2}, {}, id="changed and removed"),
        pytest.param(["x"], ["y"], ["z"], id="replaced otherwise"),
        pytest.param({"default": [1]}, {"default": [1, 2]}, {"default": [1, 3]}, id="a default is one value"),
        pytest.param({}, {"a": 1}, {"a": True}, id="added otherwise"),
    ],
)
def test_what_conflicts(base: Any, ours: Any, theirs: Any) -> None:
    assert merge_json(base, ours, theirs) == Merged(ours, theirs)
