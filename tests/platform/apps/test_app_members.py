"""Tags, categories, developers, authorized users and installations of apps; access to apps; finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform import users
from dx_local.platform.apps import app_members, app_views, apps
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import InvalidInput, PermissionDenied, ResourceNotFound
from dx_local.platform.execution import applets
from dx_local.platform.find import apps as find_apps

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON


@pytest.fixture
def applet(context: Context, project: str) -> str:
    run_spec = {"interpreter": "bash", "code": ""}
    request = {"dxapi": "1.0.0", "inputSpec": [], "outputSpec": [], "runSpec": run_spec, "project": project}
    applet_id: str = applets.new_applet(context, "applet", request)["id"]
    return applet_id


@pytest.fixture
def make(context: Context, applet: str) -> Callable[..., str]:
    """Make apps by name and version."""

    def new(name: str = "a", version: str = "1.0.0", **more: Any) -> str:
        request = {"name": name, "version": version, "applet": applet, **more}
        app: str = apps.new(context, "app", request)["id"]
        return app

    return new


@pytest.fixture
def stranger(context: Context) -> Context:
    """Another user, who has developed nothing."""
    return Context(context.platform, Caller("user-stranger"))


def found(context: Context, **request: Any) -> list[str]:
    describe = {"fields": {"name": True, "version": True}}
    results = find_apps.find_apps(context, "system", {"describe": describe, **request})["results"]
    return [f"{each['describe']['name']}/{each['describe']['version']}" for each in results]


def test_a_tag_moves_from_version_to_version(context: Context, make: Callable[..., str]) -> None:
    first, second = make(), make(version="2.0.0")
    for app in (first, second):
        app_members.add_tags(context, app, {"tags": ["beta", "default"]})
    aliases = [app_views.describe(context, app, {})["aliases"] for app in (first, second)]
    assert aliases == [["1.0.0"], ["2.0.0", "beta", "default"]]


def test_a_tag_can_be_taken_off(context: Context, make: Callable[..., str]) -> None:
    app = make()
    app_members.add_tags(context, app, {"tags": ["beta"]})
    app_members.remove_tags(context, "app-a/beta", {"tags": ["beta", "never-there"]})
    with pytest.raises(ResourceNotFound):
        app_views.describe(context, "app-a/beta", {})


@pytest.mark.parametrize(
    ("method", "tag"),
    [("add_tags", "2.0.0"), ("remove_tags", "1.0.0"), ("add_tags", "a/b"), ("add_tags", "")],
)
def test_versions_are_no_tags(context: Context, make: Callable[..., str], method: str, tag: str) -> None:
    make(version="2.0.0")
    with pytest.raises(InvalidInput):
        getattr(app_members, method)(context, make(), {"tags": [tag]})


def test_categories_are_listed_added_and_removed(context: Context, make: Callable[..., str]) -> None:
    app = make(categories=["Import"])
    app_members.add_categories(context, app, {"categories": ["Export", "Reports"]})
    app_members.remove_categories(context, app, {"categories": ["Import"]})
    assert app_members.list_categories(context, app, {}) == {"categories": ["Export", "Reports"]}


def test_developers_are_those_of_all_versions(context: Context, make: Callable[..., str]) -> None:
    first, second = make(), make(version="2.0.0")
    app_members.add_developers(context, first, {"developers": ["user-stranger", "org-them"]})
    app_members.remove_developers(context, second, {"developers": ["org-them"]})
    assert app_members.list_developers(context, second, {}) == {"developers": ["user-local", "user-stranger"]}


def test_the_last_developer_stays(context: Context, make: Callable[..., str]) -> None:
    with pytest.raises(InvalidInput, match="must have a developer"):
        app_members.remove_developers(context, make(), {"developers": ["user-local"]})


def test_authorized_users_are_listed_added_and_removed(context: Context, make: Callable[..., str]) -> None:
    app = make()
    app_members.add_authorized_users(context, app, {"authorizedUsers": ["PUBLIC", "user-b", "org-c"]})
    app_members.remove_authorized_users(context, app, {"authorizedUsers": ["org-c"]})
    expected = ["PUBLIC", "user-b"]
    assert app_members.list_authorized_users(context, app, {}) == {"authorizedUsers": expected}
    assert app_views.describe(context, app, {})["authorizedUsers"] == expected


@pytest.mark.parametrize(
    ("method", "field", "member"),
    [
        ("add_developers", "developers", "PUBLIC"),
        ("add_developers", "developers", "alice"),
        ("add_authorized_users", "authorizedUsers", "user-"),
        ("add_authorized_users", "authorizedUsers", "project-x"),
    ],
)
def test_members_are_users_or_orgs(
    context: Context, make: Callable[..., str], method: str, field: str, member: str
) -> None:
    with pytest.raises(InvalidInput, match="must be one of user-NAME"):
        getattr(app_members, method)(context, make(), {field: [member]})


def test_installing_is_for_all_versions(context: Context, make: Callable[..., str]) -> None:
    make()
    app_members.install(context, make(version="2.0.0"), {})
    shown = app_views.describe(context, "app-a/1.0.0", {})
    assert (shown["installed"], shown["installs"]) == (True, 1)
    assert users.describe(context, "user-local", {})["appsInstalled"] == ["a"]


def test_uninstalling_works_when_no_version_is_left(context: Context, make: Callable[..., str]) -> None:
    app = make()
    app_members.install(context, app, {})
    apps.delete(context, app, {})
    app_members.uninstall(context, "app-a", {})
    assert users.describe(context, "user-local", {})["appsInstalled"] == []


def test_an_unpublished_app_is_its_developers(
    context: Context, make: Callable[..., str], stranger: Context
) -> None:
    app_members.add_authorized_users(context, make(), {"authorizedUsers": ["PUBLIC"]})
    with pytest.raises(PermissionDenied):
        app_views.describe(stranger, "app-a", {})
    assert found(stranger) == []


@pytest.mark.parametrize("kind", ["developers", "authorized_users"])
def test_who_is_none_can_be_removed(context: Context, make: Callable[..., str], kind: str) -> None:
    members = ["PUBLIC", "user-nobody", "user-nobody", "nonsense"]
    remove = getattr(app_members, f"remove_{kind}")
    remove(context, make(), {"developers": members, "authorizedUsers": members})
    assert app_members.list_developers(context, "app-a", {}) == {"developers": ["user-local"]}


@pytest.mark.parametrize("member", ["PUBLIC", "user-stranger"])
def test_a_published_app_is_for_its_authorized_users(
    context: Context, make: Callable[..., str], stranger: Context, member: str
) -> None:
    app = make()
    apps.publish(context, app, {})
    with pytest.raises(PermissionDenied, match="dx add users a user-stranger"):
        app_views.describe(stranger, app, {})
    app_members.add_authorized_users(context, app, {"authorizedUsers": [member]})
    assert app_views.describe(stranger, app, {})["isDeveloperFor"] is False
    assert found(stranger) == ["a/1.0.0"]


def test_only_developers_get_the_code_unless_it_is_open(
    context: Context, make: Callable[..., str], stranger: Context
) -> None:
    for version, is_open in (("1.0.0", False), ("2.0.0", True)):
        apps.publish(context, make(version=version, openSource=is_open), {})
    app_members.add_authorized_users(context, "app-a", {"authorizedUsers": ["PUBLIC"]})
    with pytest.raises(PermissionDenied, match="not open source"):
        app_views.get(stranger, "app-a/1.0.0", {})
    assert app_views.get(stranger, "app-a/2.0.0", {})["developers"] == ["user-local"]


@pytest.mark.parametrize(
    "method",
    [
        apps.update,
        apps.publish,
        apps.delete,
        app_members.add_tags,
        app_members.remove_tags,
        app_members.add_categories,
        app_members.add_developers,
        app_members.add_authorized_users,
    ],
)
def test_only_developers_change_an_app(
    context: Context, make: Callable[..., str], stranger: Context, method: Any
) -> None:
    app = make()
    request: JSON = {key: [] for key in ("tags", "categories", "developers", "authorizedUsers")}
    with pytest.raises(PermissionDenied, match="not a developer of app-a"):
        method(stranger, app, request)


def test_a_name_is_its_first_developers_for_ever(
    context: Context, make: Callable[..., str], stranger: Context, applet: str
) -> None:
    apps.delete(context, make(), {})
    with pytest.raises(PermissionDenied, match="not a developer of app-a"):
        apps.new(stranger, "app", {"name": "a", "version": "1.0.0", "applet": applet})
    assert make() in app_views.describe(context, "app-a", {})["id"]


def test_a_job_changes_apps_only_with_developer_access(
    make: Callable[..., str], new_job: Callable[..., Context]
) -> None:
    app = make()
    with pytest.raises(PermissionDenied, match='"developer": true'):
        apps.publish(new_job(), app, {})
    assert apps.publish(new_job(developer=True), app, {}) == {"id": app}


def test_a_job_sees_apps_in_the_making_only_with_developer_access(
    context: Context, make: Callable[..., str], new_job: Callable[..., Context]
) -> None:
    app = make()
    with pytest.raises(PermissionDenied, match="dx publish a/"):
        app_views.describe(new_job(), app, {})
    assert found(new_job()) == []
    assert found(new_job(developer=True)) == ["a/1.0.0"]
    app_members.add_authorized_users(context, app, {"authorizedUsers": ["user-local"]})
    apps.publish(context, app, {})
    assert app_views.describe(new_job(), app, {})["isDeveloperFor"] is False


def test_a_job_of_an_app_in_the_making_sees_that_one(
    context: Context, make: Callable[..., str], project: str
) -> None:
    app = make()
    job = apps.run(context, app, {"project": project, "input": {}})["id"]
    assert app_views.describe(Context(context.platform, Caller("user-local", job)), app, {})["id"] == app


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["b/1.0.0", "a/1.0.0"]),
        ({"allVersions": True}, ["a/2.0.0", "b/1.0.0", "a/1.0.0"]),
        ({"name": "a"}, ["a/1.0.0"]),
        ({"name": {"glob": "?"}, "allVersions": True}, ["a/2.0.0", "b/1.0.0", "a/1.0.0"]),
        ({"published": True, "allVersions": True}, ["a/2.0.0"]),
        ({"published": False}, ["b/1.0.0", "a/1.0.0"]),
        ({"category": "Import"}, ["b/1.0.0"]),
        ({"billTo": "org-x", "allVersions": True}, ["a/2.0.0"]),
        ({"createdBy": "user-local"}, ["b/1.0.0", "a/1.0.0"]),
        ({"developer": "user-nobody"}, []),
        ({"created": {"after": 0}}, ["b/1.0.0", "a/1.0.0"]),
        ({"modified": {"before": 1}}, []),
    ],
)
def test_apps_are_found_by_what_they_are(
    context: Context, make: Callable[..., str], request_: JSON, expected: list[str]
) -> None:
    make()
    make("b", categories=["Import"])
    apps.publish(context, make(version="2.0.0", billTo="org-x"), {})
    assert found(context, **request_) == expected


def test_finding_apps_goes_on_where_a_page_ended(context: Context, make: Callable[..., str]) -> None:
    for name in "abc":
        make(name)
    first = find_apps.find_apps(context, "system", {"limit": 2})
    last = find_apps.find_apps(context, "system", {"limit": 2, "starting": first["next"]})
    assert [len(first["results"]), len(last["results"]), last["next"]] == [2, 1, None]
    assert first["results"][0].keys() == {"id"}


def test_a_deleted_app_is_not_found(context: Context, make: Callable[..., str]) -> None:
    apps.delete(context, make(), {})
    assert found(context, allVersions=True) == []
