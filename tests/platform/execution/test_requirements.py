"""The system requirements of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core.errors import ApiError, InvalidInput
from dx_local.platform.execution import requirements
from dx_local.platform.execution.requirements import RequestedResources

if TYPE_CHECKING:
    from dx_local.platform.core.schema import RequestedSettings

JSON = dict[str, Any]
APPLET = "applet-xxxx"
MINUTE = 60_000
REGION = "aws:us-east-1"
CLUSTER = {"type": "dxspark", "version": "3.2.3", "initialInstanceCount": 2, "bootstrapScript": "echo"}
SELECTOR = {"instanceTypeSelector": {"allowedInstanceTypes": ["first", "second"]}}


def of(*instance_types: tuple[str, str]) -> JSON:
    return {entry_point: {"instanceType": name} for entry_point, name in instance_types}


# The requirements of the executable, of the run and of the runs above it, and the result.
MERGED = {
    "nothing": ({}, {}, {}, {}),
    "the executable": (of(("*", "a")), {}, {}, of(("*", "a"))),
    "the run over the executable": (
        of(("*", "a"), ("main", "b")),
        {"systemRequirements": of(("main", "c"))},
        {},
        of(("*", "a"), ("main", "c")),
    ),
    "all entry points replace named ones": (
        of(("main", "a"), ("part", "b")),
        {"systemRequirements": of(("*", "c"))},
        {},
        of(("*", "c")),
    ),
    "all entry points replace named ones of their kind only": (
        {"main": {"instanceType": "a", "fpgaDriver": "edico-1.4.2"}},
        {"systemRequirements": of(("*", "c"))},
        {},
        {"*": {"instanceType": "c"}, "main": {"fpgaDriver": "edico-1.4.2"}},
    ),
    "a driver leaves the type": (
        of(("*", "a"), ("main", "b")),
        {"systemRequirements": {"*": {"nvidiaDriver": "R535"}}},
        {},
        {"*": {"instanceType": "a", "nvidiaDriver": "R535"}, "main": {"instanceType": "b"}},
    ),
    "a cluster is replaced as a whole": (
        {"*": {"clusterSpec": CLUSTER, "instanceType": "a"}},
        {"systemRequirements": {"*": {"clusterSpec": {**CLUSTER, "initialInstanceCount": 5}}}},
        {},
        {"*": {"clusterSpec": {**CLUSTER, "initialInstanceCount": 5}, "instanceType": "a"}},
    ),
    "a type leaves the selector": (
        {"*": SELECTOR},
        {"systemRequirements": of(("*", "c"))},
        {},
        {"*": {**SELECTOR, "instanceType": "c"}},
    ),
    "subjobs inherit what the run asked for": (
        of(("*", "a")),
        {},
        {"inheritedSystemRequirements": of(("*", "d"))},
        of(("*", "d")),
    ),
    "what a subjob is asked for goes first": (
        of(("*", "a")),
        {"systemRequirements": of(("part", "c"))},
        {"inheritedSystemRequirements": of(("*", "d"))},
        of(("*", "d"), ("part", "c")),
    ),
    "by executable": ({}, {"systemRequirementsByExecutable": {APPLET: of(("*", "e"))}}, {}, of(("*", "e"))),
    "by executable over the run": (
        {},
        {
            "systemRequirements": of(("main", "c")),
            "systemRequirementsByExecutable": {APPLET: of(("main", "e"))},
        },
        {},
        of(("main", "e")),
    ),
    "a named executable goes before all": (
        of(("main", "a")),
        {"systemRequirementsByExecutable": {"*": of(("*", "d")), APPLET: of(("main", "e"))}},
        {},
        of(("*", "d"), ("main", "e")),
    ),
    "another executable": ({}, {"systemRequirementsByExecutable": {"applet-yyyy": of(("*", "e"))}}, {}, {}),
    "the root goes before nearer ancestors": (
        {},
        {"systemRequirementsByExecutable": {APPLET: of(("main", "mine"), ("part", "mine"))}},
        {"mergedSystemRequirementsByExecutable": {APPLET: of(("main", "above"))}},
        of(("main", "above"), ("part", "mine")),
    ),
    "all executables of the root go before a named one": (
        {},
        {"systemRequirementsByExecutable": {APPLET: of(("main", "mine"))}},
        {"mergedSystemRequirementsByExecutable": {"*": of(("main", "above"))}},
        of(("main", "above")),
    ),
}


@pytest.mark.parametrize(("own", "asked", "inherited", "expected"), MERGED.values(), ids=MERGED)
def test_each_kind_of_requirement_is_resolved_by_itself(
    own: JSON, asked: JSON, inherited: RequestedSettings, expected: JSON
) -> None:
    run_spec = {"systemRequirements": own}
    resources = RequestedResources.of(run_spec, APPLET, asked, parent=inherited, is_subjob=True)
    assert resources.system_requirements() == expected


@pytest.mark.parametrize(
    ("own", "asked", "expected"),
    [
        pytest.param({}, {}, None, id="nothing"),
        pytest.param(of(("*", "a")), {}, "a", id="all"),
        pytest.param(of(("*", "a"), ("main", "b")), {}, "b", id="named"),
        pytest.param({"main": {"clusterSpec": CLUSTER}, **of(("*", "a"))}, {}, "a", id="other kind"),
        pytest.param({"*": SELECTOR}, {}, "first", id="first of a selector"),
        pytest.param({"main": SELECTOR, **of(("*", "a"))}, {}, "first", id="selector of the entry point"),
        pytest.param({"*": SELECTOR, **of(("main", "b"))}, {}, "b", id="selector of the others"),
        pytest.param({"main": SELECTOR}, of(("*", "c")), "c", id="a run over a selector"),
        pytest.param({"main": SELECTOR}, of(("part", "c")), "first", id="a run of others"),
    ],
)
def test_the_instance_type(own: JSON, asked: JSON, expected: str | None) -> None:
    resources = RequestedResources.of({"systemRequirements": own}, APPLET, {"systemRequirements": asked})
    assert resources.instance_type("main") == expected


@pytest.mark.parametrize(
    "name", ["systemRequirements", "systemRequirementsByExecutable"], ids=["run", "by executable"]
)
def test_a_selector_is_refused_at_run_time(name: str) -> None:
    asked = {"*": SELECTOR}
    with pytest.raises(InvalidInput, match="cannot be specified in runtime"):
        RequestedResources.of({}, APPLET, {name: asked if name == "systemRequirements" else {APPLET: asked}})


@pytest.mark.parametrize(
    ("own", "asked", "minutes"),
    [
        ({"*": {"hours": 1, "minutes": 30}}, {}, 90),
        ({"*": {"days": 1}, "main": {"minutes": 5}}, {}, 5),
        ({"other": {"minutes": 5}}, {}, 30 * 24 * 60),
        ({"*": {"hours": 1}}, {"timeoutPolicy": {"*": {"minutes": 2}}}, 2),
        ({"*": {"hours": 1}}, {"timeoutPolicyByExecutable": {"*": {"main": {"minutes": 4}}}}, 4),
        (
            {"main": {"hours": 1}},
            {
                "timeoutPolicyByExecutable": {APPLET: {"main": {"minutes": 6}}},
                "timeoutPolicy": {"main": {"minutes": 5}},
            },
            6,
        ),
        ({"*": {"hours": 1}}, {"timeoutPolicyByExecutable": {APPLET: {"*": {"minutes": 3}}}}, 3),
    ],
)
def test_the_time_limit(own: JSON, asked: JSON, minutes: int) -> None:
    resources = RequestedResources.of({"timeoutPolicy": own}, APPLET, asked)
    assert resources.timeout("main") == minutes * MINUTE


@pytest.mark.parametrize(
    "run_spec",
    [
        {"systemRequirements": []},
        {"systemRequirements": {"*": "mem1"}},
        {"systemRequirements": {"*": {"instanceType": 3}}},
        {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x2", **SELECTOR}}},
        {"systemRequirements": {"*": {"clusterSpec": CLUSTER, **SELECTOR}}},
        {"systemRequirements": {"*": {"instanceTypeSelector": {}}}},
        {"systemRequirements": {"*": {"instanceTypeSelector": {"allowedInstanceTypes": []}}}},
        {"systemRequirements": {"*": {"clusterSpec": {"type": "dxspark"}}}},
        {"systemRequirements": {"*": {"clusterSpec": {"type": "other", "initialInstanceCount": 2}}}},
        {"systemRequirementsByRegion": {"aws:us-east-1": {"*": "mem1"}}},
        {"timeoutPolicy": {"*": {"weeks": 1}}},
        {"timeoutPolicy": {"*": {"hours": "1"}}},
        {"timeoutPolicy": {"*": {"hours": True}}},
        {"execDepends": {"name": "samtools"}},
        {"execDepends": ["samtools"]},
    ],
)
def test_a_run_spec_that_cannot_be_used_is_refused(run_spec: JSON) -> None:
    with pytest.raises(ApiError):
        requirements.check_run_spec(run_spec, REGION)


def test_what_is_refused_is_named() -> None:
    with pytest.raises(InvalidInput, match=r'"systemRequirements.main" must be a hash'):
        requirements.check_run_spec({"systemRequirements": {"main": 3}}, REGION)
