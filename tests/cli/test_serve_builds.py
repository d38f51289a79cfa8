"""`dx build_asset` and `dx build --remote` of the real `dx` on a served platform."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.asset_folders import asset_folder
from tests.conftest import io_spec, write_app
from tests.local_server import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAY = 'main() { dx-jobutil-add-output said "$(say)" --class string; }'
SAID = {"said": "from source"}


@pytest.fixture(scope="module")
def server(sandboxes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server with the asset of `asset_folder` in the project."""
    home = tmp_path_factory.mktemp("served")
    asset_folder(home / "say")
    with LocalServer(home) as server:
        server.extra["built"] = server.dx("build_asset", "say")
        yield server


def app_of(server: LocalServer, name: str, **run_spec: Any) -> Path:
    spec = {"interpreter": "bash", "inputSpec": [], "outputSpec": io_spec({"said": "string"})}
    return write_app(server.home / name, SAY, {**spec, "runSpec": run_spec})


def record_of(server: LocalServer) -> dict[str, Any]:
    query = {"class": "record", "scope": {"project": server.project}, "name": "say_asset", "describe": True}
    (found,) = server.post("/system/findDataObjects", query)["results"]
    described: dict[str, Any] = found["describe"]
    return described


def output_of(server: LocalServer, executable: str) -> Any:
    return server.final(server.run(executable))["output"]


def test_the_log_and_the_record_are_those_of_the_platform(server: LocalServer) -> None:
    assert "'say_asset' asset bundle created!" in server.extra["built"]
    record = record_of(server)
    assert (record["name"], record["types"], record["state"]) == ("say_asset", ["AssetBundle"], "closed")
    described = server.post(f"/{record['id']}/describe", {"project": server.project, "properties": True})
    assert described["properties"] == {
        "title": "Say",
        "description": "A program that speaks",
        "version": "1.2.0",
        "release": "24.04",
        "distribution": "Ubuntu",
        "runSpecVersion": "0",
    }
    details = server.post(f"/{record['id']}/getDetails")
    file = details["archiveFileId"]["$dnanexus_link"]
    archive = server.post(f"/{file}/describe", {"project": server.project})
    assert (archive["name"], archive["hidden"]) == ("say_asset.tar.gz", True)
    assert archive["project"] == server.project


def test_the_client_has_removed_its_uploads(server: LocalServer) -> None:
    listed = server.post(f"/{server.project}/listFolder", {"folder": "/", "describe": True})
    assert [each["describe"]["name"] for each in listed["objects"]] == ["say_asset"]


@pytest.mark.parametrize("how", ["by ID", pytest.param("by name", marks=pytest.mark.slow)])
def test_an_app_with_the_asset_is_built_and_runs(server: LocalServer, how: str) -> None:
    named = {"name": "say_asset", "version": "1.2.0", "project": server.project}
    asset = {"id": record_of(server)["id"]} if how == "by ID" else named
    app = app_of(server, how.replace(" ", "_"), assetDepends=[asset])
    built = json.loads(server.dx("build", app, "--brief"))
    assert output_of(server, built["id"]) == SAID


def test_a_remote_build_makes_an_applet(server: LocalServer) -> None:
    app = app_of(server, "remote", assetDepends=[{"id": record_of(server)["id"]}])
    server.dx("mkdir", "made")
    server.dx("build", "--remote", "--no-watch", app, "--destination", ":/made/here")
    found = server.post(
        "/system/findDataObjects",
        {"class": "applet", "scope": {"project": server.project, "folder": "/made"}},
    )
    (applet,) = (each["id"] for each in found["results"])
    assert server.describe(applet)["name"] == "here"
    assert output_of(server, applet) == SAID


@pytest.mark.slow
def test_a_remote_build_makes_an_app(server: LocalServer) -> None:
    app = app_of(server, "remote_app", assetDepends=[{"id": record_of(server)["id"]}])
    server.dx("build", "--create-app", "--remote", "--publish", "--version", "0.3.0", app)
    described = server.describe("app-remote_app")
    assert described["version"] == "0.3.0"
    assert output_of(server, "app-remote_app") == SAID


@pytest.mark.slow
def test_a_remote_build_that_fails_shows_the_end_of_its_log(server: LocalServer) -> None:
    app = app_of(server, "failing")
    (app / "Makefile").write_text("all:\n\t@echo no such compiler >&2; exit 4\n")
    failed = server.try_dx("build", "--remote", app)
    assert failed.returncode == 3
    assert "no such compiler" in failed.stdout
    assert "AppError: dx build failed with exit code 3." in failed.stdout


@pytest.mark.slow
def test_a_job_builds_an_asset(server: LocalServer) -> None:
    """`dx build_asset` in a job prints the record as JSON, and the job may use it."""
    code = """
    main() {
        mkdir tool; echo '%s' > tool/dxasset.json; printf 'all:\\n\\techo x > /opt/x\\n' > tool/Makefile
        dx build_asset tool > built.json
        dx describe "$(jq -r .id built.json)" --json | jq -r .properties.version
    }
    """
    spec = {"name": "in_job", "title": "t", "description": "d", "version": "7", "release": "24.04"}
    job = server.run(server.new_applet("builds", code % json.dumps(spec), access={"project": "CONTRIBUTE"}))
    assert server.final(job)["state"] == "done", server.dx("watch", job)
    assert "STDOUT 7" in server.dx("watch", job)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"makefile": "all:\n\texit 7\n"}, "AppError: make failed with exit code 2."),
        (
            {"execDepends": [{"name": "a", "package_manager": "conda"}], "excludeResource": [1]},
            "dxasset.json: execDepends[0].package_manager must be one of",
        ),
        ({"execDepends": [{"name": "no-such-package-x", "package_manager": "pip"}]}, "execDepends cannot be"),
    ],
)
def test_an_asset_that_cannot_be_built_fails_its_job(
    server: LocalServer, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    failed = server.try_dx("build_asset", asset_folder(tmp_path / "say", **{"name": "failing", **changes}))
    assert failed.returncode == 3
    assert problem in " ".join(failed.stdout.split())
    assert server.dx("find", "data", "--name", "failing") == ""


@pytest.mark.slow
def test_an_archive_that_leads_elsewhere_is_refused(server: LocalServer) -> None:
    with tarfile.open(server.home / "crafted.tar.gz", "w:gz") as archive:
        for name, kind in (("../../escaped", tarfile.REGTYPE), ("device", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
    uploaded = [server.dx("upload", path, "--brief") for path in ("crafted.tar.gz", "say/dxasset.json")]
    names = ("custom_asset", "conf_json")
    job_input = {name: {"$dnanexus_link": file} for name, file in zip(names, uploaded, strict=True)}
    job = server.final(server.run("app-create_asset_noble", input=job_input))
    assert job["failureReason"] == "AppError"
    assert "Member name contains '..'" in job["failureMessage"]
    assert "device: Cannot mknod" in job["failureMessage"]


@pytest.mark.slow
def test_without_a_sandbox_a_build_names_the_way_out(tmp_path: Path) -> None:
    with LocalServer(tmp_path, ("--isolation", "none")) as server:
        failed = server.try_dx("build_asset", asset_folder(tmp_path / "say"))
    assert failed.returncode == 3
    assert "leave out --isolation none" in " ".join(failed.stdout.split())
