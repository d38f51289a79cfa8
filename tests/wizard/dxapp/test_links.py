from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_app_wizard.dxapp.links import (
    Reference,
    is_link,
    link,
    link_id,
    link_project,
    links_in,
    parse_reference,
    references_in,
    replace,
)

JOB = {"$dnanexus_link": {"job": "job-1", "field": "reads"}}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_a_link_is_simple_without_project_and_extended_with_one() -> None:
    assert link("file-1") == {"$dnanexus_link": "file-1"}
    assert link("file-1", "project-1") == {"$dnanexus_link": {"project": "project-1", "id": "file-1"}}


@pytest.mark.parametrize("project", [None, "project-1"])
def test_a_link_gives_back_what_it_was_made_of(project: str | None) -> None:
    value = link("file-1", project)
    assert (is_link(value), link_id(value), link_project(value)) == (True, "file-1", project)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "file-1",
        {},
        {"$dnanexus_link": 3},
        {"$dnanexus_link": {"project": "project-1"}},
        {"$dnanexus_link": "file-1", "more": 1},
        JOB,
    ],
)
def test_other_values_are_no_links(value: Any) -> None:
    assert (is_link(value), link_id(value), link_project(value)) == (False, None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(JOB, Reference("job-1", "reads"), id="canonical"),
        pytest.param({"job": "job-1", "field": "reads"}, Reference("job-1", "reads"), id="legacy"),
        pytest.param({"job": "localjob-0", "field": "n"}, Reference("localjob-0", "n"), id="legacy local"),
        pytest.param(
            {"$dnanexus_link": {"job": "job-1", "field": "f", "index": 2}},
            Reference("job-1", "f", index=2),
            id="index",
        ),
        pytest.param(
            {"$dnanexus_link": {"job": "job-1", "field": "f", "metadata": "name"}},
            Reference("job-1", "f", metadata="name"),
            id="metadata",
        ),
        pytest.param(
            {"$dnanexus_link": {"analysis": "analysis-1", "stage": "s", "field": "f"}},
            Reference("analysis-1", "f", stage="s"),
            id="analysis",
        ),
    ],
)
def test_every_form_of_reference_is_recognised(value: Any, expected: Reference) -> None:
    assert parse_reference(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"job": "engineer", "field": "biology"},
        {"job": "job-1", "field": "f", "more": 1},
        {"job": "job-1", "field": 3},
        {"$dnanexus_link": {"job": "job-1"}},
        link("file-1"),
        [JOB],
    ],
)
def test_other_values_are_no_references(value: Any) -> None:
    assert parse_reference(value) is None


@pytest.mark.parametrize(
    "reference",
    [
        Reference("job-1", "f"),
        Reference("job-1", "f", index=0),
        Reference("job-1", "f", metadata="properties.k"),
        Reference("analysis-1", "f", index=1, stage="s"),
    ],
)
def test_a_reference_survives_its_canonical_form(reference: Reference) -> None:
    assert parse_reference(reference.to_json()) == reference


def test_links_come_once_each_in_document_order() -> None:
    value = {"b": [link("file-2"), {"deep": link("file-1", "project-1")}], "a": link("file-2"), "job": JOB}
    assert list(links_in(value)) == ["file-2", "file-1"]


def test_references_are_found_at_any_depth() -> None:
    value = [JOB, {"x": [[{"job": "job-2", "field": "g"}]]}, link("file-1")]
    assert list(references_in(value)) == [Reference("job-1", "reads"), Reference("job-2", "g")]


def test_replace_puts_results_in_the_place_of_links_and_references() -> None:
    value = {"x": [1, link("file-1")], "y": JOB, "z": "text"}
    assert replace(value, lambda leaf: link_id(leaf) or "reference") == {
        "x": [1, "file-1"],
        "y": "reference",
        "z": "text",
    }


@given(json_values)
def test_replacing_leaves_by_themselves_changes_nothing(value: Any) -> None:
    assert replace(value, lambda leaf: leaf) == value
