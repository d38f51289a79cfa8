"""Tests that `dx build` and `dx-local run` create the same applet from an app folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.engine.apps.app_bundle import install, load_app
from dx_local.platform.data import projects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp, ServedPlatform

JSON = dict[str, Any]
US, WEST = "aws:us-east-1", "azure:westus"
ASKED = {"defaultFields": True, "fields": {"properties": True, "details": True}}
OF_ONE_APPLET = ("id", "project", "created", "modified")
X16 = {"*": {"instanceType": "mem1_ssd1_v2_x16"}}
X2 = {"*": {"instanceType": "mem1_ssd1_v2_x2"}}
AZURE = {"*": {"instanceType": "azure:mem1_ssd1_x4"}}
CLUSTER = {"type": "dxspark", "version": "3.2.3", "initialInstanceCount": 2, "bootstrapScript": "boot.sh"}


@dataclass
class BothWays:
    """Creates two applets from a folder, each in a project of its own, and describes them."""

    served: ServedPlatform

    def __call__(self, folder: Path, region: str) -> tuple[JSON, JSON]:
        built = json.loads(self.served.dx("build", str(folder), "-d", f"{self._project(region)}:"))["id"]
        project = self._project(region)
        bundled = self.served.inside(lambda context: install(context, load_app(folder), project))
        return self._described(built), self._described(bundled)

    def file(self) -> str:
        """Upload a file that apps can bundle."""
        return self.served.dx("upload", "-", "--brief", "--path", f"{self.served.project}:/tool")

    def _project(self, region: str) -> str:
        request = {"name": "P", "region": region}
        project: str = self.served.inside(lambda context: projects.new(context, "project", request)["id"])
        return project

    def _described(self, applet: str) -> JSON:
        found = self.served.post(f"/{applet}/describe", ASKED)
        found["tags"].sort()  # dx build passes tags and categories through a set
        return {name: value for name, value in found.items() if name not in OF_ONE_APPLET}


@pytest.fixture(scope="module")
def both_ways(served_to_module: ServedPlatform) -> BothWays:
    return BothWays(served_to_module)


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("region", "spec", "files"),
    [
        pytest.param(US, {}, {}, id="plain"),
        pytest.param(US, {"regionalOptions": {US: {"systemRequirements": X16}}}, {}, id="region"),
        pytest.param(
            WEST,
            {"regionalOptions": {US: {"systemRequirements": X16}, WEST: {"systemRequirements": AZURE}}},
            {},
            id="other-region",
        ),
        pytest.param(
            US,
            {"runSpec": {"systemRequirements": X2, "systemRequirementsByRegion": {US: X16, WEST: AZURE}}},
            {},
            id="requirements-by-region",
        ),
        pytest.param(
            US,
            {"regionalOptions": {US: {"systemRequirements": {"main": {"clusterSpec": CLUSTER}}}}},
            {"boot.sh": "echo boot\n"},
            id="cluster",
        ),
        pytest.param(
            US,
            {"categories": ["Reports"], "tags": ["mine"], "types": ["T"], "properties": {"k": "v"}},
            {"README.md": "What it does.\n", "Readme.developer.md": "How it does it.\n"},
            id="texts",
        ),
        pytest.param(
            US,
            {
                "description": "Of dxapp.json.",
                "details": {"whatsNew": "all"},
                "hidden": True,
                "ignoreReuse": True,
                "treeTurnaroundTimeThreshold": 60,
                "access": {"network": ["*"]},
                "runSpec": {"headJobOnDemand": True, "executionPolicy": {"restartOn": {"*": 1}}},
            },
            {"README.md": "Not of the file.\n"},
            id="options",
        ),
    ],
)
def test_dx_build_and_dx_local_run_make_the_same_applet(
    both_ways: BothWays,
    make_app: MakeApp,
    region: str,
    spec: JSON,
    files: dict[str, str],
    request: pytest.FixtureRequest,
) -> None:
    folder = make_app("main() { true; }\n", interpreter="bash", name=request.node.callspec.id, **spec)
    write(folder, files)
    built, bundled = both_ways(folder, region)
    assert bundled == built


def test_bundles_of_the_region_are_added_to_those_of_the_app(both_ways: BothWays, make_app: MakeApp) -> None:
    general, regional, by_region = ({"name": name, "id": link(both_ways.file())} for name in ("a", "b", "c"))
    run_spec = {"bundledDependsByRegion": {US: [by_region], WEST: []}}
    options = {US: {"bundledDepends": [regional]}}
    folder = make_app("true\n", interpreter="bash", name="bundles", runSpec=run_spec, regionalOptions=options)
    built, bundled = both_ways(folder, US)
    assert bundled == built
    assert bundled["runSpec"]["bundledDepends"] == [regional, by_region]
    assert [link(file_id) for file_id in bundled["links"]] == [regional["id"], by_region["id"]]
    folder = make_app(
        "true\n", interpreter="bash", name="general", runSpec={**run_spec, "bundledDepends": [general]}
    )
    built, bundled = both_ways(folder, US)
    assert bundled == built
    assert bundled["runSpec"]["bundledDepends"] == [general, by_region]


def test_only_resources_differ_which_dx_local_run_uses_where_they_are(
    both_ways: BothWays, make_app: MakeApp
) -> None:
    folder = make_app("true\n", interpreter="bash", name="resourceful")
    write(folder, {"resources/usr/bin/tool": "#!/bin/sh\n"})
    built, bundled = both_ways(folder, US)
    assert [entry["name"] for entry in built["runSpec"]["bundledDepends"]] == ["resources.tar.gz"]
    assert [link(file_id) for file_id in built["links"]] == [
        entry["id"] for entry in built["runSpec"]["bundledDepends"]
    ]
    for described in (built, bundled):
        described["links"] = described["runSpec"]["bundledDepends"] = []
        described["runSpec"]["bundledDependsByRegion"] = {}
    assert bundled == built
