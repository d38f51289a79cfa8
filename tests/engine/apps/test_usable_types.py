"""`dx-local run` replaces unavailable instance types with a warning."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.apps.usable_types import with_usable_types
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp

JSON = dict[str, Any]
US, WEST = "aws:us-east-1", "azure:westus"


def of(name: str) -> JSON:
    return {"*": {"instanceType": name}}


def selecting(*names: str) -> JSON:
    return {"*": {"instanceTypeSelector": {"allowedInstanceTypes": list(names)}}}


@pytest.mark.parametrize(
    ("requirements", "region", "expected", "notes"),
    [
        pytest.param(of("mem1_ssd1_v2_x4"), US, of("mem1_ssd1_v2_x4"), [], id="fine"),
        pytest.param(
            of("mem1_hdd2_x32"),
            US,
            of("mem1_ssd2_v3_x32"),
            ["Instance type: 'mem1_hdd2_x32' was retired (2026-03). Jobs use mem1_ssd2_v3_x32 instead."],
            id="retired",
        ),
        pytest.param(
            of("mem1_ssd1_v2_x16"),
            WEST,
            of("azure:mem1_ssd1_x16"),
            ["'mem1_ssd1_v2_x16' is not an instance type of azure. Jobs use azure:mem1_ssd1_x16 instead."],
            id="other cloud",
        ),
        pytest.param(
            {"main": {"instanceType": "mem9_new_x4"}},
            US,
            {"main": {"instanceType": "mem1_ssd1_v2_x4"}},
            ["Instance type of main: 'mem9_new_x4' is not an instance type of aws. Jobs use mem1_ssd1_v2_x4"],
            id="unknown",
        ),
        pytest.param(
            selecting("mem1_hdd2_x32", "mem1_ssd1_v2_x2"),
            US,
            selecting("mem1_ssd1_v2_x2"),
            ["mem1_hdd2_x32"],
            id="one of a list",
        ),
        pytest.param(
            selecting("mem1_hdd2_x32"), US, selecting("mem1_ssd2_v3_x32"), ["mem1_hdd2_x32"], id="whole list"
        ),
        pytest.param(of("anything"), "mars:west", of("anything"), [], id="unknown cloud"),
        pytest.param({"main": {"fpgaDriver": "x"}}, US, {"main": {"fpgaDriver": "x"}}, [], id="no type"),
    ],
)
def test_types_that_cannot_be_had_are_replaced(
    requirements: JSON, region: str, expected: JSON, notes: list[str]
) -> None:
    usable, told = with_usable_types({"systemRequirements": requirements, "version": "0"}, region)
    assert usable == {"systemRequirements": expected, "version": "0"}
    assert len(told) == len(notes)
    assert all(part in note for part, note in zip(notes, told, strict=True))


def test_requirements_of_other_regions_are_replaced_silently() -> None:
    by_region = {US: of("mem1_hdd2_x32"), WEST: of("mem1_ssd1_v2_x16")}
    usable, told = with_usable_types({"systemRequirementsByRegion": by_region}, US)
    assert usable["systemRequirementsByRegion"] == {
        US: of("mem1_ssd2_v3_x32"),
        WEST: of("azure:mem1_ssd1_x16"),
    }
    assert ["mem1_hdd2_x32" in note for note in told] == [True]


class Listener(Observer):
    """Keeps what is announced."""

    def __init__(self) -> None:
        self.announced: list[str] = []

    def announce(self, text: str) -> None:
        self.announced.append(text)


@pytest.mark.parametrize(
    ("name", "used"), [("mem1_hdd2_x32", "mem1_ssd2_v3_x32"), ("mem1_sd1_v2_x2", "mem1_ssd1_v2_x2")]
)
def test_a_run_warns_and_uses_another_type(make_app: MakeApp, tmp_path: Path, name: str, used: str) -> None:
    app = make_app("true\n", interpreter="bash", regionalOptions={US: {"systemRequirements": of(name)}})
    listener = Listener()
    result = asyncio.run(run_once(RunRequest(app, folder=tmp_path / "run"), listener))
    assert (result.job["state"], result.job["instanceType"]) == ("done", used)
    assert any(name in text and f"Jobs use {used} instead" in text for text in listener.announced)


def test_a_run_names_what_a_misspelt_type_means(make_app: MakeApp, tmp_path: Path) -> None:
    requirements = {"systemRequirements": of("mem1_sd1_v2_x2")}
    app = make_app("true\n", interpreter="bash", regionalOptions={US: requirements})
    listener = Listener()
    asyncio.run(run_once(RunRequest(app, folder=tmp_path / "run"), listener))
    refusal, _ = listener.announced
    assert refusal.endswith("'mem1_sd1_v2_x2' is not an instance type. Did you mean 'mem1_ssd1_v2_x2'?")
