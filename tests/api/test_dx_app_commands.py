"""Tests of apps with the real `dx` and dxpy: build, find, describe, change and get."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeApp, RunningPlatform, ServedPlatform

JSON = dict[str, Any]

CODE = "main() { dx-jobutil-add-output text hello --class=string; }\n"


class Builder:
    """Builds apps with the real `dx build`."""

    def __init__(self, served: ServedPlatform, make_app: MakeApp) -> None:
        self._served = served
        self._make_app = make_app

    def folder(self, name: str, **spec: Any) -> Path:
        """Write the folder of an app with resources."""
        usual: JSON = {
            "interpreter": "bash",
            "title": f"The {name}",
            "categories": ["Reports"],
            "authorizedUsers": ["user-local"],
            "access": {"network": ["*"]},
        }
        folder = self._make_app(CODE, name=name, outputs={"text": "string"}, **{**usual, **spec})
        (folder / "resources" / "usr").mkdir(parents=True)
        (folder / "resources" / "usr" / "data.txt").write_text(name)
        return folder

    def __call__(self, folder: Path, *options: str) -> str:
        """Build an app and return its ID."""
        app: str = json.loads(self._served.dx("build", "--create-app", str(folder), *options))["id"]
        return app


@pytest.fixture(scope="module")
def dx(running: RunningPlatform) -> ServedPlatform:
    return running


@pytest.fixture(scope="module")
def build(dx: ServedPlatform, make_module_app: MakeApp) -> Builder:
    return Builder(dx, make_module_app)


@pytest.fixture(scope="module")
def tool(build: Builder) -> str:
    """A published app called `tool`; tests change only its texts."""
    return build(build.folder("tool"), "--publish")


def describe(dx: ServedPlatform, app: str) -> JSON:
    return dx.post(f"/{app}/describe")


def test_build_and_publish(dx: ServedPlatform, tool: str) -> None:
    shown = describe(dx, tool)
    assert (shown["name"], shown["version"], shown["aliases"]) == ("tool", "0.0.1", ["0.0.1", "default"])
    assert shown["published"]
    assert shown["authorizedUsers"] == ["user-local"]
    assert shown["categories"] == ["Reports"]
    assert shown["access"] == {"network": ["*"]}
    assert dx.dx("find", "projects", "--brief") == dx.project


def test_build_again_until_it_is_published(dx: ServedPlatform, build: Builder) -> None:
    folder = build.folder("again")
    app = build(folder)
    assert "published" not in describe(dx, app)
    spec = json.loads((folder / "dxapp.json").read_text())
    (folder / "dxapp.json").write_text(json.dumps({**spec, "summary": "Changed"}))
    assert build(folder) == app
    assert describe(dx, app)["summary"] == "Changed"
    dx.dx("publish", "again/0.0.1")
    assert describe(dx, "app-again")["published"]
    assert describe(dx, build(folder))["version"].startswith("0.0.1+build.")


@pytest.mark.parametrize("address", ["{id}", "tool", "app-tool/0.0.1"])
def test_describe_for_people(dx: ServedPlatform, tool: str, address: str) -> None:
    assert "The tool" in dx.dx("describe", address.format(id=tool))


def test_find_apps(dx: ServedPlatform, tool: str) -> None:
    assert dx.dx("find", "apps", "--name", "too*") == "The tool (tool), v0.0.1"
    assert dx.dx("find", "apps", "--name", "too*", "--unpublished") == ""
    listed = dx.dx("find", "apps", "--name", "tool", "--all", "--category", "Reports", "--verbose")
    assert tool in listed
    assert listed.endswith("(published)")


def test_install_and_uninstall(dx: ServedPlatform, tool: str) -> None:
    dx.dx("install", "tool")
    assert dx.dx("find", "apps", "--installed", "--brief") == tool
    dx.dx("uninstall", "tool")
    assert describe(dx, tool)["installed"] is False


@pytest.mark.parametrize("members", ["developers", "users"])
def test_developers_and_users(dx: ServedPlatform, tool: str, members: str) -> None:
    dx.dx("add", members, "tool", "bob", "org-carols")
    assert dx.dx("list", members, "tool").split() == ["user-local", "user-bob", "org-carols"]
    dx.dx("remove", members, "tool", "org-carols", "user-bob")
    assert dx.dx("list", members, tool) == "user-local"


def test_get_brings_an_app_back(dx: ServedPlatform, tool: str, tmp_path: Path) -> None:
    dx.dx("get", tool, "-o", str(tmp_path / "back"))
    spec = json.loads((tmp_path / "back" / "dxapp.json").read_text())
    assert (spec["name"], spec["version"], spec["access"]) == ("tool", "0.0.1", {"network": ["*"]})
    assert (tmp_path / "back" / "src" / "code.sh").read_text() == CODE
    assert (tmp_path / "back" / "resources" / "usr" / "data.txt").read_text() == "tool"


def test_run_by_name(dx: ServedPlatform, tool: str) -> None:
    job = dx.dx("run", "tool", "-y", "--brief", "--wait").split()[0]
    described = describe(dx, job)
    assert (described["state"], described["output"]) == ("done", {"text": "hello"})
    assert (described["app"], described["name"]) == (tool, "The tool")
    assert dx.dx("find", "jobs", "--executable", tool, "--brief") == job
    assert "Cache workspace" in dx.dx("describe", job)
    for container in ("workspace", "resources", "projectCache"):
        assert described[container] in dx.dx("describe", described[container])


def test_dxpy_handles_apps(dx: ServedPlatform, tool: str) -> None:
    code = """
app = dxpy.DXApp(name="tool")
app.install()
app.add_tags(["mine"])
job = dxpy.DXApp(name="tool", alias="mine").run({}, project=v[0])
job.wait_on_done()
app.remove_tags(["mine"])
app.uninstall()
found = dxpy.find_one_app(name="tool", return_handler=True)
new = dxpy.DXApp()
new.new(initializeFrom=found.get_id(), name="tool-two", version="1.0.0")
new.update(details={"k": 1})
new.publish()
result = [job.describe()["output"], found.describe()["aliases"], new.describe()["details"]]
new.delete()
"""
    assert dx.dxpy(code, dx.project) == [{"text": "hello"}, ["0.0.1", "default"], {"k": 1}]
    assert dx.error("/app-tool-two/describe") == (404, "ResourceNotFound")


def test_a_batch_of_runs(dx: ServedPlatform, build: Builder) -> None:
    folder = build.folder("batched", inputSpec=[{"name": "reads", "class": "file"}])
    build(folder, "--publish")
    for name in ("one.fq", "two.fq"):
        (dx.folder / name).write_text(name)
        dx.dx("upload", name, "--brief", "--wait", "--path", f"/batch/{name}", "-p")
    dx.dx("generate_batch_inputs", "-ireads=(.*).fq", "--path", "/batch")
    jobs = dx.dx("run", "batched", "--batch-tsv", "dx_batch.0000.tsv", "-y", "--brief").split(",")
    dx.dx("wait", *jobs)
    described = [describe(dx, job) for job in jobs]
    assert [job["state"] for job in described] == ["done", "done"]
    assert [job["name"] for job in described] == ["batched-one", "batched-two"]
