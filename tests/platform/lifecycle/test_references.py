"""References are replaced by the outputs of jobs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp.classes import flatten
from dx_app_wizard.dxapp.links import link
from dx_local.platform.lifecycle.references import Resolver, UnresolvableReference

OUTPUTS: dict[str, dict[str, Any]] = {
    "job-a": {"n": 3, "names": ["x", "y"], "file": link("file-1"), "files": [link("file-1"), link("file-2")]},
    "job-b": {"names": ["z"]},
}
"""The outputs of two jobs; no other job has finished."""


def resolve(value: Any, *, optional: bool = False) -> Any:
    resolver = Resolver(OUTPUTS.get, lambda entity, path: f"{path} of {entity}")
    fields = resolver.resolve({"v": value}, optional=frozenset({"v"} if optional else ()))
    return fields.get("v")


def reference(job: str, field: str, **more: Any) -> dict[str, Any]:
    return {"$dnanexus_link": {"job": job, "field": field, **more}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (reference("job-a", "n"), 3),
        ({"job": "job-a", "field": "n"}, 3),
        (reference("job-a", "names", index=1), "y"),
        (reference("job-a", "names", index=0), "x"),
        (reference("job-a", "file", metadata="name"), "name of file-1"),
        (reference("job-a", "files", index=1, metadata="name"), "name of file-2"),
        ({"deep": [{"er": reference("job-a", "n")}]}, {"deep": [{"er": 3}]}),
        ([reference("job-a", "names"), "w", reference("job-b", "names")], ["x", "y", "w", "z"]),
        ([1, [2, [3]]], [1, 2, 3]),
        ({"job": "painter", "field": "art"}, {"job": "painter", "field": "art"}),
        (link("file-9"), link("file-9")),
    ],
)
def test_a_value_takes_the_place_of_its_reference(value: Any, expected: Any) -> None:
    assert resolve(value) == expected


def test_an_unfinished_job_leaves_the_canonical_form() -> None:
    assert resolve({"job": "job-c", "field": "n"}) == reference("job-c", "n")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (reference("job-a", "m"), "no such output, only 'n', 'names', 'file', 'files'"),
        (reference("job-a", "n", index=0), "the output is not an array"),
        (reference("job-a", "names", index=2), "index 2 is outside the array of 2"),
        (reference("job-a", "names", index=-1), "index -1 is outside the array of 2"),
        (reference("job-a", "n", metadata="name"), "not a data object"),
    ],
)
def test_a_reference_that_can_never_have_a_value_says_why(value: Any, why: str) -> None:
    with pytest.raises(UnresolvableReference) as caught:
        resolve(value)
    assert why in caught.value.reason
    assert str(caught.value).startswith(f"job-a:{caught.value.reference.field}: ")


def test_an_optional_field_is_left_out_where_its_reference_has_no_value() -> None:
    assert resolve(reference("job-a", "m"), optional=True) is None


def test_an_element_of_an_optional_array_must_have_a_value() -> None:
    with pytest.raises(UnresolvableReference):
        resolve([reference("job-a", "m")], optional=True)


plain = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5) | st.just(link("file-1")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(plain)
def test_only_arrays_that_become_flat_change_a_value_without_references(value: Any) -> None:
    assert resolve(value) == (flatten(value) if isinstance(value, list) else value)


@given(plain, st.integers(0, 3))
def test_a_reference_stands_for_the_whole_value_at_any_depth(value: Any, depth: int) -> None:
    expected: dict[str, Any] = {"v": value}
    asked: dict[str, Any] = {"v": reference("job-d", "v")}
    for _ in range(depth):
        expected, asked = {"v": [expected]}, {"v": [asked]}
    resolved = Resolver({"job-d": {"v": value}}.get, lambda _entity, _path: None).resolve({"x": asked})
    assert resolved == {"x": expected}


@given(st.lists(st.sampled_from([reference("job-a", "names"), reference("job-c", "n"), 0, [[1], "w"]])))
def test_resolving_again_changes_nothing(values: list[Any]) -> None:
    once = resolve(values)
    assert resolve(once) == once
    assert len(once) == len(flatten(values)) + values.count(reference("job-a", "names"))
