"""What jobs ask of their workers."""

from __future__ import annotations

from typing import Any

import pytest

from dx_local.platform.errors import ApiError, InvalidInput
from dx_local.platform.execution import requirements
from dx_local.platform.execution.requirements import Wishes

JSON = dict[str, Any]
APPLET = "applet-xxxx"
MINUTE = 60_000


def of(*instance_types: tuple[str, str]) -> JSON:
    return {entry_point: {"instanceType": name} for entry_point, name in instance_types}


@pytest.mark.parametrize(
    ("own", "asked", "inherited", "expected"),
    [
        ({}, {}, {}, {}),
        (of(("*", "a")), {}, {}, of(("*", "a"))),
        (
            of(("*", "a"), ("main", "b")),
            {"systemRequirements": of(("main", "c"))},
            {},
            of(("*", "a"), ("main", "c")),
        ),
        (of(("*", "a")), {}, {"systemRequirements": of(("*", "d"))}, of(("*", "d"))),
        (
            of(("*", "a")),
            {"systemRequirements": of(("*", "c"))},
            {"systemRequirements": of(("*", "d"))},
            of(("*", "c")),
        ),
        ({}, {"systemRequirementsByExecutable": {APPLET: of(("*", "e"))}}, {}, of(("*", "e"))),
        (of(("main", "a"), ("part", "b")), {"systemRequirements": of(("*", "c"))}, {}, of(("*", "c"))),
        (
            of(("main", "a")),
            {"systemRequirementsByExecutable": {"*": of(("*", "d")), APPLET: of(("main", "e"))}},
            {},
            of(("*", "d"), ("main", "e")),
        ),
        (
            {},
            {"systemRequirementsByExecutable": {APPLET: of(("main", "mine"), ("part", "mine"))}},
            {"mergedSystemRequirementsByExecutable": {APPLET: of(("main", "above"))}},
            of(("main", "above"), ("part", "mine")),
        ),
        ({}, {"systemRequirementsByExecutable": {"applet-yyyy": of(("*", "e"))}}, {}, {}),
    ],
)
def test_the_nearest_word_on_an_entry_point_counts(
    own: JSON, asked: JSON, inherited: JSON, expected: JSON
) -> None:
    run_spec = {"systemRequirements": own}
    wishes = Wishes.of(run_spec, APPLET, asked, parent=inherited, is_subjob=True)
    assert wishes.system_requirements() == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, requirements.DEFAULT_INSTANCE_TYPE),
        (of(("*", "a")), "a"),
        (of(("*", "a"), ("main", "b")), "b"),
        ({"main": {"clusterSpec": {}}, **of(("*", "a"))}, "a"),
    ],
)
def test_an_entry_point_goes_before_the_star(wanted: JSON, expected: str) -> None:
    assert requirements.instance_type(wanted, "main") == expected


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
    wishes = Wishes.of({"timeoutPolicy": own}, APPLET, asked)
    assert wishes.timeout("main") == minutes * MINUTE


@pytest.mark.parametrize(
    "run_spec",
    [
        {"systemRequirements": []},
        {"systemRequirements": {"*": "mem1"}},
        {"systemRequirements": {"*": {"instanceType": "a", "instanceTypeSelector": {}}}},
        {"timeoutPolicy": {"*": {"weeks": 1}}},
        {"timeoutPolicy": {"*": {"hours": "1"}}},
        {"timeoutPolicy": {"*": {"hours": True}}},
        {"execDepends": {"name": "samtools"}},
        {"execDepends": ["samtools"]},
    ],
)
def test_a_run_spec_that_cannot_be_used_is_refused(run_spec: JSON) -> None:
    with pytest.raises(ApiError):
        requirements.check_run_spec(run_spec)


def test_what_is_refused_is_named() -> None:
    with pytest.raises(InvalidInput, match=r'"systemRequirements.main" must be a hash'):
        requirements.check_run_spec({"systemRequirements": {"main": 3}})
