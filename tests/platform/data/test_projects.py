from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core import access
from dx_local.platform.core.errors import (
    ApiError,
    InvalidInput,
    InvalidState,
    PermissionDenied,
    ResourceNotFound,
)
from dx_local.platform.data import contents, file_bytes, files, objects, project_members, projects, records
from dx_local.platform.find import projects as find_projects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.platform.core.context import Context


def test_a_new_project_is_described_with_its_defaults(context: Context, project: str) -> None:
    described = projects.describe(context, project, {})
    assert described["name"] == "P"
    assert described["region"] == "aws:us-east-1"
    assert described["level"] == "ADMINISTER"
    assert described["createdBy"] == {"user": "user-local"}
    assert {described[flag] for flag in ("protected", "restricted", "downloadRestricted")} == {False}
    assert not {"folders", "properties", "permissions"} & described.keys()


def test_a_description_contains_the_requested_fields(context: Context, project: str) -> None:
    contents.new_folder(context, project, {"folder": "/a/b", "parents": True})
    described = projects.describe(context, project, {"fields": {"folders": True, "properties": True}})
    assert described == {"id": project, "folders": ["/", "/a", "/a/b"], "properties": {}}


def test_upload_parameters_are_those_of_containers_too(job_context: Context) -> None:
    (workspace, _) = access.visible_projects(job_context)
    described = projects.describe(job_context, workspace, {"fields": {"fileUploadParameters": True}})
    assert described["fileUploadParameters"]["minimumPartSize"] == 5 * 1024 * 1024


def test_a_container_is_described(job_context: Context, project: str) -> None:
    (workspace, _) = access.visible_projects(job_context)
    described = projects.describe(job_context, workspace, {})
    assert {key: described[key] for key in ("class", "type", "project", "level")} == {
        "class": "container",
        "type": "job",
        "project": project,
        "level": "CONTRIBUTE",
    }


def test_an_update_changes_only_its_fields(context: Context, project: str) -> None:
    projects.update(context, project, {"name": "new", "protected": True, "version": 1})
    described = projects.describe(context, project, {})
    assert (described["name"], described["protected"], described["version"]) == ("new", True, 2)


def test_an_update_of_an_old_version_is_rejected(context: Context, project: str) -> None:
    with pytest.raises(InvalidState, match="version"):
        projects.update(context, project, {"name": "new", "version": 7})


def test_tags_and_properties_of_a_project_change(context: Context, project: str) -> None:
    projects.add_tags(context, project, {"tags": ["a", "b", "a"]})
    projects.remove_tags(context, project, {"tags": ["a"]})
    projects.set_properties(context, project, {"properties": {"k": "v", "l": "w"}})
    projects.set_properties(context, project, {"properties": {"k": None}})
    described = projects.describe(context, project, {"properties": True})
    assert (described["tags"], described["properties"]) == (["b"], {"l": "w"})


@pytest.mark.parametrize("request_", [{}, {"name": ""}, {"name": 1}, {"name": "x", "protected": "yes"}])
def test_a_project_needs_a_good_request(context: Context, request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        projects.new(context, "project", request_)


def test_a_job_needs_permission_to_create_projects(new_job: Callable[..., Context]) -> None:
    with pytest.raises(PermissionDenied, match="projectCreation"):
        projects.new(new_job(), "project", {"name": "x"})
    assert projects.new(new_job(projectCreation=True), "project", {"name": "x"})["id"]


def test_destroying_a_project_removes_its_contents(context: Context, project: str) -> None:
    record = records.new(context, "record", {"project": project, "folder": "/a", "parents": True})["id"]
    projects.destroy(context, project, {})
    with pytest.raises(ResourceNotFound):
        projects.describe(context, project, {})
    with pytest.raises(ResourceNotFound):
        objects.describe(context, record, {})


def test_a_project_with_running_jobs_is_destroyed_only_on_request(
    context: Context, project: str, job_context: Context
) -> None:
    with pytest.raises(InvalidState, match="terminateJobs"):
        projects.destroy(context, project, {})
    projects.destroy(context, project, {"terminateJobs": True})
    job = job_context.calling_job()
    assert job
    assert job["state"] == "terminated"


def test_containers_cannot_be_changed_like_projects(context: Context, job_context: Context) -> None:
    (workspace, _) = access.visible_projects(job_context)
    with pytest.raises(PermissionDenied):
        projects.update(context, workspace, {"name": "x"})


def test_data_usage_is_in_gigabytes_and_up_to_date(context: Context, project: str, tmp_path: Path) -> None:
    def usage(of: str) -> Any:
        return pytest.approx(projects.describe(context, of, {})["dataUsage"] * 1e6)

    (tmp_path / "f").write_bytes(b"x" * 1000)
    file = files.link_local(context, tmp_path / "f", project=project, folder="/", name="f")
    other = projects.new(context, "project", {"name": "other"})["id"]
    contents.clone(context, project, {"objects": [file], "project": other})
    assert (usage(project), usage(other)) == (1, 1)
    contents.remove_objects(context, project, {"objects": [file]})
    assert (usage(project), usage(other)) == (0, 1)


def test_a_file_counts_once_it_is_closed(context: Context, project: str) -> None:
    file = files.new(context, "file", {"project": project})["id"]
    context.store.insert("part", file=file, position=1, size=2_000_000, md5="", state="complete")
    (file_bytes.part_folder(context.platform, file) / "1").touch()
    files.close(context, file, {})
    assert projects.describe(context, project, {})["dataUsage"] == pytest.approx(0.002)


def members(context: Context, project: str) -> Any:
    return projects.describe(context, project, {"permissions": True})["permissions"]


@pytest.mark.parametrize("name", ["user-local", "local", "local@localhost"])
def test_the_user_is_a_member_already(context: Context, project: str, name: str) -> None:
    answer = project_members.invite(context, project, {"invitee": name, "level": "VIEW"})
    assert answer == {"id": project, "state": "accepted"}
    assert members(context, project) == {"user-local": "ADMINISTER"}


def test_a_project_is_opened_to_the_public_and_closed_again(context: Context, project: str) -> None:
    project_members.invite(context, project, {"invitee": "PUBLIC", "level": "VIEW"})
    assert members(context, project) == {"user-local": "ADMINISTER", "PUBLIC": "VIEW"}
    project_members.decrease_permissions(context, project, {"PUBLIC": None})
    assert members(context, project) == {"user-local": "ADMINISTER"}


@pytest.mark.parametrize(
    ("invitation", "error"),
    [
        ({"invitee": "user-alice", "level": "VIEW"}, ResourceNotFound),
        ({"invitee": "org-lab", "level": "VIEW"}, ResourceNotFound),
        ({"invitee": "alice@example.org", "level": "VIEW"}, ResourceNotFound),
        ({"invitee": "PUBLIC", "level": "CONTRIBUTE"}, InvalidInput),
        ({"invitee": "PUBLIC", "level": "GOD"}, InvalidInput),
        ({"invitee": "PUBLIC"}, InvalidInput),
        ({"level": "VIEW"}, InvalidInput),
    ],
)
def test_an_invitation_has_to_make_sense(
    context: Context, project: str, invitation: dict[str, Any], error: type[ApiError]
) -> None:
    with pytest.raises(error):
        project_members.invite(context, project, invitation)


@pytest.mark.parametrize(
    ("lowered", "error"),
    [
        ({"user-local": None}, InvalidState),
        ({"user-local": "VIEW"}, InvalidState),
        ({"user-alice": None}, ResourceNotFound),
        ({"PUBLIC": "VIEW", "user-local": "GOD"}, InvalidInput),
    ],
)
def test_permissions_cannot_be_lowered_to_nothing(
    context: Context, project: str, lowered: dict[str, Any], error: type[ApiError]
) -> None:
    with pytest.raises(error):
        project_members.decrease_permissions(context, project, lowered)


def test_the_last_administrator_stays(context: Context, project: str) -> None:
    with pytest.raises(InvalidState, match="administrator"):
        project_members.leave(context, project, {})


@pytest.mark.parametrize(
    ("invitee", "error"), [("user-alice", ResourceNotFound), ("user-local", InvalidInput)]
)
def test_a_project_cannot_be_transferred(
    context: Context, project: str, invitee: str, error: type[ApiError]
) -> None:
    with pytest.raises(error):
        project_members.transfer(context, project, {"invitee": invitee})


def test_a_job_that_may_only_view_a_project_cannot_invite(job_context: Context, project: str) -> None:
    with pytest.raises(PermissionDenied):
        project_members.invite(job_context, project, {"invitee": "PUBLIC", "level": "VIEW"})


def test_projects_are_described_together(context: Context, project: str) -> None:
    request = {"projects": [project, "project-x"], "describe": {"fields": {"name": True}}}
    first, second = find_projects.describe_projects(context, "system", request)["results"]
    assert first == {"describe": {"id": project, "name": "P"}}
    assert second["error"]["type"] == "ResourceNotFound"
