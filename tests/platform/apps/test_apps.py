"""Apps are created, changed, published, deleted and run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.apps import app_members, app_views, apps
from dx_local.platform.core.errors import InvalidInput, InvalidState, InvalidType, ResourceNotFound
from dx_local.platform.data import files, objects, projects, records
from dx_local.platform.execution import applets, job_descriptions, jobs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Context

REGION = "aws:us-east-1"


def new_applet(context: Context, project: str, /, **changes: Any) -> str:
    """Make an applet with the specs that an app needs."""
    run_spec = {"interpreter": "bash", "code": "main() { true; }", **changes.pop("runSpec", {})}
    request = {"dxapi": "1.0.0", "inputSpec": [], "outputSpec": [], "runSpec": run_spec, **changes}
    applet: str = applets.new_applet(context, "applet", {"project": project, **request})["id"]
    return applet


@pytest.fixture
def applet(context: Context, project: str) -> str:
    return new_applet(context, project, title="of the applet")


def new_app(context: Context, applet: str, version: str = "1.0.0", /, **more: Any) -> str:
    app: str = apps.new(context, "app", {"name": "a", "version": version, "applet": applet, **more})["id"]
    return app


def describe_run(context: Context, address: str, project: str) -> JSON:
    job = apps.run(context, address, {"project": project, "input": {}})["id"]
    return job_descriptions.describe_job(context, job, {})


def described(context: Context, address: str, **options: Any) -> JSON:
    return app_views.describe(context, address, options)


def test_the_first_version_is_the_default_one(context: Context, applet: str) -> None:
    app = new_app(context, applet)
    assert described(context, app)["aliases"] == ["1.0.0", "default"]
    assert new_app(context, applet, "1.1.0") != app
    assert described(context, "app-a")["version"] == "1.0.0"


@pytest.mark.parametrize("address", ["{id}", "app-a", "app-a/default", "app-a/1.0.0+build.5", "app-a/beta"])
def test_an_app_answers_to_its_id_name_version_and_tags(context: Context, applet: str, address: str) -> None:
    app = new_app(context, applet, "1.0.0+build.5")
    app_members.add_tags(context, app, {"tags": ["beta"]})
    assert described(context, address.format(id=app))["id"] == app


@pytest.mark.parametrize("address", ["app-b", "app-a/2.0.0", "app-a/", f"app-{'0' * 24}", "app-a/1.0.0/x"])
def test_another_address_is_not_found(context: Context, applet: str, address: str) -> None:
    new_app(context, applet, "1.0.0")
    apps.delete(context, "app-a/1.0.0", {})
    with pytest.raises(ResourceNotFound, match=r"^The entity ID \S+ could not be found"):
        described(context, address)


def test_texts_come_from_the_request_or_else_from_the_applet(context: Context, applet: str) -> None:
    shown = described(context, new_app(context, applet, summary="of the app"))
    assert (shown["title"], shown["summary"]) == ("of the applet", "of the app")


def test_access_comes_from_the_request_alone(context: Context, project: str) -> None:
    applet = new_applet(context, project, access={"network": ["*"]})
    assert described(context, new_app(context, applet))["access"] == {}


def test_specs_come_from_the_applet_without_its_code(context: Context, project: str) -> None:
    spec = [{"name": "n", "class": "int"}]
    app = new_app(context, new_applet(context, project, inputSpec=spec), inputSpec=[], runSpec={"file": "x"})
    shown = described(context, app)
    assert shown["inputSpec"] == spec
    assert shown["runSpec"]["interpreter"] == "bash"
    assert "code" not in shown["runSpec"]


def test_describe_says_what_clients_read(context: Context, applet: str) -> None:
    shown = described(context, new_app(context, applet))
    expected = {
        "class": "app",
        "name": "a",
        "version": "1.0.0",
        "createdBy": "user-local",
        "billTo": "user-local",
        "applet": applet,
        "installed": False,
        "installs": 0,
        "openSource": False,
        "deleted": False,
        "isDeveloperFor": True,
        "authorizedUsers": [],
        "categories": [],
        "details": {},
    }
    assert {name: shown[name] for name in expected} == expected
    assert "published" not in shown


def test_fields_alone_do_not_bring_the_id(context: Context, applet: str) -> None:
    new_app(context, applet)
    assert described(context, "app-a", fields={"name": True, "version": True}) == {
        "name": "a",
        "version": "1.0.0",
    }
    assert described(context, "app-a", fields={"id": True}).keys() == {"id"}


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"name": "a b"}, '"name" must be made of'),
        ({"name": "../a"}, '"name" must be made of'),
        ({"name": None}, '"name" must be a string'),
        ({"version": ""}, '"version" must be like 1.0.0'),
        ({"version": "1.0.0/x"}, '"version" must be like 1.0.0'),
        ({"applet": None}, 'one of "applet"'),
        ({"regionalOptions": {}}, "cannot be used together"),
        ({"applet": None, "regionalOptions": {}}, "must map each region"),
        ({"applet": None, "regionalOptions": {"r": []}}, "must map each region"),
        ({"applet": None, "regionalOptions": []}, "must be a hash"),
        ({"access": []}, '"access" must be a hash'),
        ({"categories": "x"}, "array of strings"),
        ({"openSource": 1}, "boolean"),
        ({"details": 1}, '"details"'),
        ({"resources": 1}, '"resources" must be a project ID'),
        ({"resources": ["x"]}, '"x" is not the ID of a data object'),
    ],
)
def test_what_cannot_be_an_app_is_refused(context: Context, applet: str, request_: JSON, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        apps.new(context, "app", {"name": "a", "version": "1.0.0", "applet": applet, **request_})


def test_an_applet_without_specs_is_no_app(context: Context, project: str) -> None:
    run_spec = {"interpreter": "bash", "code": ""}
    request = {"project": project, "dxapi": "1.0.0", "runSpec": run_spec}
    bare = applets.new_applet(context, "applet", request)["id"]
    with pytest.raises(InvalidInput, match="no inputSpec and no outputSpec"):
        new_app(context, bare)


def test_an_app_is_made_of_an_applet(context: Context, project: str) -> None:
    record = records.new(context, "record", {"project": project})["id"]
    with pytest.raises(InvalidType, match="is not an applet"):
        new_app(context, record)


def test_an_app_is_in_a_region_what_lies_there(context: Context, applet: str) -> None:
    with pytest.raises(InvalidInput, match="is in the region aws:us-east-1"):
        apps.new(
            context,
            "app",
            {"name": "a", "version": "1.0.0", "regionalOptions": {"azure:westus": {"applet": applet}}},
        )


def test_a_version_is_there_once(context: Context, applet: str) -> None:
    new_app(context, applet)
    with pytest.raises(InvalidInput, match="Specified name and version conflict with an existing alias"):
        new_app(context, applet)


def test_an_app_can_be_made_from_another_one(context: Context, applet: str) -> None:
    first = new_app(context, applet, title="T", access={"network": ["*"]}, categories=["c"])
    request = {"initializeFrom": first, "version": "2.0.0"}
    second = described(context, apps.new(context, "app", request)["id"])
    assert (second["name"], second["version"], second["title"]) == ("a", "2.0.0", "T")
    assert (second["access"], second["categories"]) == ({"network": ["*"]}, ["c"])
    assert second["resources"] != described(context, first)["resources"]


def test_an_app_outlives_the_project_that_it_was_built_in(context: Context, tmp_path: Path) -> None:
    build = projects.new(context, "project", {"name": "build"})["id"]
    (tmp_path / "bundle").write_bytes(b"x")
    file = files.link_local(context, tmp_path / "bundle", project=build, folder="/", name="b")
    bundled = {"bundledDepends": [{"name": "b", "id": {"$dnanexus_link": file}}]}
    app = new_app(context, new_applet(context, build, runSpec=bundled))
    projects.destroy(context, build, {})
    assert app_views.get(context, app, {})["runSpec"]["code"] == "main() { true; }"
    resources = described(context, app)["resources"]
    assert objects.describe(context, file, {})["project"] == resources


def test_resources_are_objects_or_all_of_a_project(context: Context, project: str, applet: str) -> None:
    record = records.new(context, "record", {"project": project, "folder": "/deep", "parents": True})["id"]
    objects.close(context, record, {})
    for version, resources in (("1.0.0", [record]), ("2.0.0", project)):
        app = new_app(context, applet, version, resources=resources)
        container = described(context, app)["resources"]
        assert objects.describe(context, record, {"project": container})["project"] == container


def test_an_unpublished_version_can_be_changed(context: Context, project: str, applet: str) -> None:
    app = new_app(context, applet, title="old", summary="kept")
    before = described(context, app)["resources"]
    other = new_applet(context, project, runSpec={"code": "other"})
    assert apps.update(context, "app-a/1.0.0", {"applet": other, "title": "new"}) == {"id": app}
    shown = described(context, app)
    assert (shown["title"], shown["summary"], shown["applet"]) == ("new", "kept", other)
    with pytest.raises(ResourceNotFound):
        projects.describe(context, before, {})


def test_a_change_may_leave_the_applet_alone(context: Context, applet: str) -> None:
    app = new_app(context, applet)
    before = described(context, app)
    apps.update(context, app, {"details": {"k": 1}})
    after = described(context, app)
    assert after["details"] == {"k": 1}
    assert after["resources"] == before["resources"]


def test_a_published_version_stays_as_it_is(context: Context, applet: str) -> None:
    app = new_app(context, applet)
    apps.publish(context, app, {})
    with pytest.raises(InvalidState, match="create another version"):
        apps.update(context, app, {"title": "new"})


@pytest.mark.parametrize(("makes_default", "default"), [(False, "1.0.0"), (True, "2.0.0")])
def test_publishing_can_make_the_version_the_default_one(
    context: Context, applet: str, makes_default: bool, default: str
) -> None:
    new_app(context, applet)
    apps.publish(context, new_app(context, applet, "2.0.0"), {"makeDefault": makes_default})
    assert described(context, "app-a")["version"] == default


def test_a_version_is_published_once(context: Context, applet: str) -> None:
    app = new_app(context, applet)
    apps.publish(context, app, {})
    with pytest.raises(InvalidState, match="is published"):
        apps.publish(context, app, {})


def test_a_deleted_version_says_only_what_it_was(context: Context, applet: str) -> None:
    app = new_app(context, applet)
    apps.delete(context, app, {})
    shown = described(context, app)
    assert (shown["deleted"], shown["name"], shown["aliases"]) == (True, "a", [])
    assert "inputSpec" not in shown


@pytest.mark.parametrize("method", [apps.update, apps.publish, apps.run])
def test_nothing_is_done_with_a_deleted_version(
    context: Context, project: str, applet: str, method: Callable[..., JSON]
) -> None:
    app = new_app(context, applet)
    apps.delete(context, app, {})
    with pytest.raises(InvalidState, match="has been deleted"):
        method(context, app, {"project": project, "input": {}})


def test_a_job_of_an_app_says_so(context: Context, project: str, applet: str) -> None:
    app = new_app(context, applet)
    job = describe_run(context, "app-a", project)
    assert (job["app"], job["executable"], job["executableName"]) == (app, app, "a")
    assert job["name"] == "of the applet"
    assert "applet" not in job
    assert job["resources"] == described(context, app)["resources"]
    assert projects.describe(context, job["projectCache"], {})["project"] == project


def test_jobs_of_an_app_share_a_cache_in_each_project(context: Context, project: str, applet: str) -> None:
    new_app(context, applet)
    other = projects.new(context, "project", {"name": "other"})["id"]
    caches = []
    for place in (project, project, other):
        job = apps.run(context, "app-a", {"project": place, "input": {}})["id"]
        caches.append(job_descriptions.describe_job(context, job, {})["projectCache"])
    assert caches[0] == caches[1] != caches[2]


def test_input_of_an_app_is_checked(context: Context, project: str) -> None:
    new_app(context, new_applet(context, project, inputSpec=[{"name": "n", "class": "int"}]))
    with pytest.raises(InvalidInput, match="missing required input 'n'"):
        apps.run(context, "app-a", {"project": project, "input": {}})


def test_an_app_runs_only_in_its_regions(context: Context, applet: str) -> None:
    new_app(context, applet)
    west = projects.new(context, "project", {"name": "w", "region": "azure:westus"})["id"]
    with pytest.raises(InvalidInput, match="not enabled in the region azure:westus"):
        apps.run(context, "app-a", {"project": west, "input": {}})


def test_an_app_runs_the_applet_of_the_region(context: Context, project: str) -> None:
    west = projects.new(context, "project", {"name": "w", "region": "azure:westus"})["id"]
    regional = {
        REGION: {"applet": new_applet(context, project)},
        "azure:westus": {"applet": new_applet(context, west, runSpec={"timeoutPolicy": {"*": {"hours": 1}}})},
    }
    app = apps.new(context, "app", {"name": "a", "version": "1.0.0", "regionalOptions": regional})["id"]
    job = apps.run(context, app, {"project": west, "input": {}})["id"]
    assert jobs.get(context, job)["timeout"] == 3_600_000
    assert job_descriptions.describe_job(context, job, {})["region"] == "azure:westus"
    assert app_views.get(context, app, {})["runSpec"]["bundledDependsByRegion"].keys() == regional.keys()


def test_containers_of_an_app_name_it(context: Context, project: str, applet: str) -> None:
    app = new_app(context, applet)
    job = describe_run(context, app, project)
    for field, type_ in (("resources", "resources"), ("projectCache", "projectCache")):
        shown = projects.describe(context, job[field], {})
        assert (shown["type"], shown["app"], shown["appName"]) == (type_, app, "a")
    assert "app" not in projects.describe(context, job["workspace"], {})
