"""Tests of the settings of projects: stored, rejected or enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.conftest import make_applet

from dx_local.platform.apps import apps
from dx_local.platform.core.errors import InvalidInput, PermissionDenied
from dx_local.platform.data import project_members, projects
from dx_local.platform.execution import applets
from dx_local.platform.find import projects as find_projects

if TYPE_CHECKING:
    from tests.platform.conftest import Runner

    from dx_local.platform.core.context import Context

JSON = dict[str, Any]


def settings(context: Context, project: str, *names: str) -> list[Any]:
    described = projects.describe(context, project, {"fields": dict.fromkeys(names, True)})
    return [described[name] for name in names]


def found(context: Context, **conditions: Any) -> list[str]:
    results = find_projects.find_projects(context, "system", conditions)["results"]
    return [result["id"] for result in results]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("allowedExecutables", ["applet-xxxx", "app-x"]),
        ("allowedExecutables", []),
        ("databaseResultsRestricted", 100),
        ("downloadRestricted", True),
        ("externalUploadRestricted", True),
    ],
)
def test_settings_are_kept_until_they_are_changed(
    context: Context, project: str, name: str, value: Any
) -> None:
    (before,) = settings(context, project, name)
    projects.update(context, project, {name: value})
    projects.update(context, project, {"summary": "other"})
    assert settings(context, project, name) == [value]
    projects.update(context, project, {name: before, "previewViewerRestricted": False})
    assert settings(context, project, name) == [before]


def test_a_project_can_be_made_with_settings(context: Context) -> None:
    asked = {"name": "n", "databaseResultsRestricted": 5, "billTo": context.caller.user}
    project = projects.new(context, "project", asked)["id"]
    assert settings(context, project, "databaseResultsRestricted", "billTo") == [5, context.caller.user]


def test_restricted_downloads_restrict_viewers(context: Context, project: str) -> None:
    projects.update(context, project, {"downloadRestricted": True})
    assert settings(context, project, "previewViewerRestricted") == [True]
    with pytest.raises(InvalidInput, match="previewViewerRestricted"):
        projects.update(context, project, {"downloadRestricted": False})
    projects.update(context, project, {"downloadRestricted": False, "previewViewerRestricted": False})
    both = settings(context, project, "downloadRestricted", "previewViewerRestricted")
    assert both == [False, False]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"containsPHI": True}, PermissionDenied, "PHI features must be enabled for user-local"),
        ({"billTo": "org-x"}, PermissionDenied, "may not bill org-x"),
        ({"databaseResultsRestricted": -1}, InvalidInput, "number of rows"),
        ({"allowedExecutables": ["file-x"]}, InvalidInput, "not the ID of an executable"),
        ({"allowedExecutables": "app-x"}, InvalidInput, "an array of strings"),
    ],
)
def test_invalid_settings_are_rejected(
    context: Context, project: str, asked: JSON, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        projects.update(context, project, asked)
    with pytest.raises(error, match=message):
        projects.new(context, "project", {"name": "n", **asked})


def test_only_allowed_executables_run_in_a_project(context: Context, runner: Runner) -> None:
    other = make_applet(context, runner.project)
    app = apps.new(context, "app", {"name": "a", "version": "1.0.0", "applet": runner.applet})["id"]
    workflow = runner.workflow({"id": "a", "input": {"n": 1}})
    request = {"project": runner.project, "input": {"n": 1}}
    projects.update(context, runner.project, {"allowedExecutables": [runner.applet]})
    applets.run_applet(context, runner.applet, request)
    with pytest.raises(PermissionDenied, match=f"{other} is not among"):
        applets.run_applet(context, other, request)
    with pytest.raises(PermissionDenied, match=f"{app} is not among"):
        apps.run(context, "app-a", request)
    with pytest.raises(PermissionDenied, match=f"{workflow} is not among"):
        runner.run(workflow)
    projects.update(context, runner.project, {"allowedExecutables": None})
    applets.run_applet(context, other, request)


@pytest.mark.parametrize("name", ["externalUploadRestricted", "public", "explicitPermission"])
def test_projects_are_found_by_flags(context: Context, project: str, name: str) -> None:
    other = projects.new(context, "project", {"name": "other"})["id"]
    if name == "public":
        project_members.invite(context, project, {"invitee": "PUBLIC", "level": "VIEW"})
    elif name == "explicitPermission":
        context.store.update("project", other, permissions={"PUBLIC": "VIEW"})
    else:
        projects.update(context, project, {name: True})
    assert found(context, **{name: True}) == [project]
    assert found(context, **{name: False}) == [other]


def test_projects_are_found_by_phi(context: Context, project: str) -> None:
    assert found(context, containsPHI=False) == [project]
    assert found(context, containsPHI=True) == []


def test_instance_types_are_described_on_request(context: Context, project: str) -> None:
    assert "availableInstanceTypes" not in projects.describe(context, project, {})
    (types,) = settings(context, project, "availableInstanceTypes")
    assert types["mem1_ssd1_x4"] == {
        "numCores": 4,
        "totalMemoryMB": 7225,
        "ephemeralStorageGB": 77,
        "os": [
            {"distribution": "Ubuntu", "release": release, "version": "0"} for release in ("20.04", "24.04")
        ],
    }
    assert (types["mem2_ssd1_v2_x48"]["totalMemoryMB"], "mem1_hdd2_x32" in types) == (192 * 1024, False)
