"""Links to fields: parsed, resolved, and checked as defaults of inputs."""

from __future__ import annotations

from typing import Any

import pytest

from dx_app_wizard.dxapp.field_links import NO_VALUE, FieldLink, default_problem, parse_field_link
from dx_app_wizard.dxapp.links import link
from dx_app_wizard.lint.linter import lint_spec

NAMES = {"file-1": "a.bam", "file-2": "b.bam"}


def to(field: str, **more: Any) -> dict[str, Any]:
    return {"$dnanexus_link": {"input": field, **more}}


def job_reference(**more: Any) -> dict[str, Any]:
    return {"$dnanexus_link": {"job": "job-1", "field": "bam", **more}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (to("reads"), FieldLink("input", "reads")),
        (to("reads", index=0, metadata="name"), FieldLink("input", "reads", None, 0, "name")),
        ({"$dnanexus_link": {"workflowInputField": "x"}}, FieldLink("workflowInputField", "x")),
        ({"$dnanexus_link": {"stage": "s", "outputField": "x"}}, FieldLink("outputField", "x", "s")),
        (link("file-1"), None),
        ({"input": "reads"}, None),
        ({"$dnanexus_link": {"input": 3}}, None),
    ],
)
def test_links_are_recognised(value: Any, expected: FieldLink | None) -> None:
    assert parse_field_link(value) == expected


@pytest.mark.parametrize(
    ("link_", "value", "expected"),
    [
        (to("x"), 3, 3),
        (to("x", index=1), ["a", "b"], "b"),
        (to("x", index=2), ["a", "b"], NO_VALUE),
        (to("x", metadata="name"), link("file-1"), "a.bam"),
        (to("x", metadata="name"), link("file-1", "project-1"), "a.bam"),
        (to("x", metadata="name"), [link("file-1"), link("file-2")], ["a.bam", "b.bam"]),
        (to("x", index=1, metadata="name"), [link("file-1"), link("file-2")], "b.bam"),
        (to("x", metadata="properties.sample"), link("file-1"), NO_VALUE),
        (to("x", metadata="name"), "text", NO_VALUE),
        (to("x"), None, NO_VALUE),
        (to("x", metadata="name"), job_reference(), job_reference(metadata="name")),
        (to("x", index=0), job_reference(), job_reference(index=0)),
        (to("x", metadata="name"), job_reference(index=2), job_reference(index=2, metadata="name")),
    ],
)
def test_a_link_picks_its_part_of_a_value(link_: Any, value: Any, expected: Any) -> None:
    parsed = parse_field_link(link_)
    assert parsed is not None
    assert parsed.pick(value, lambda entity, path: NAMES[entity] if path == "name" else None) == expected


INPUTS = [
    {"name": "bam", "class": "file"},
    {"name": "bams", "class": "array:file"},
    {"name": "depth", "class": "int"},
    {"name": "odd", "class": "unheard-of"},
]


@pytest.mark.parametrize(
    ("io_class", "default", "problem"),
    [
        ("string", to("bam", metadata="name"), None),
        ("string", to("bams", index=0, metadata="name"), None),
        ("array:string", [to("bam", metadata="name"), "more"], None),
        ("int", to("bam", metadata="details.n"), None),
        ("file", to("bam"), None),
        ("float", to("depth"), None),
        ("int", to("odd"), None),
        ("hash", {"any": "thing"}, None),
        ("int", None, None),
        ("string", to("bm", metadata="name"), "there is no input 'bm' to link to"),
        ("string", to("own"), "it links to itself"),
        ("int", to("bam", metadata="name"), "the name of the input 'bam' is a string, not int"),
        ("string", to("depth", metadata="name"), "the input 'depth' of class int has no metadata"),
        ("string", to("depth"), "the input 'depth' is of class int, not string"),
        (
            "string",
            {"$dnanexus_link": {"workflowInputField": "x"}},
            "the workflow input 'x' is allowed in workflows only",
        ),
        (
            "file",
            {"$dnanexus_link": {"stage": "s", "outputField": "x"}},
            "the output 'x' of the stage 's' is allowed in workflows only",
        ),
        ("int", "3", 'expected int, got string "3"'),
    ],
)
def test_defaults_are_checked(io_class: str, default: Any, problem: str | None) -> None:
    field = {"name": "own", "class": io_class, "default": default}
    assert default_problem([*INPUTS, field], field) == problem


@pytest.mark.parametrize("more", [{}, {"choices": ["a.bam", "b.bam"]}])
def test_a_default_that_is_resolved_at_a_run_is_no_finding(more: dict[str, Any]) -> None:
    prefix = {"name": "prefix", "class": "string", "default": to("bam", metadata="name"), **more}
    found = lint_spec({"inputSpec": [INPUTS[0], prefix]}, absent=False)
    assert [finding for finding in found if finding.path.startswith("inputSpec")] == []
