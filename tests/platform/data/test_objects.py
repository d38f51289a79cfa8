from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core import access
from dx_local.platform.core.errors import (
    ApiError,
    InvalidInput,
    InvalidState,
    PermissionDenied,
    ResourceNotFound,
)
from dx_local.platform.data import contents, objects, projects, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Clock

    from dx_local.platform.core.context import Context
    from dx_local.platform.core.states import Transition

JSON = dict[str, Any]


def new_record(context: Context, project: str, **more: Any) -> str:
    record: str = records.new(context, "record", {"project": project, **more})["id"]
    return record


def state_of(context: Context, record: str) -> str:
    state: str = objects.describe(context, record, {})["state"]
    return state


def test_a_record_is_described_with_its_defaults(context: Context, project: str, clock: Clock) -> None:
    record = new_record(context, project)
    assert objects.describe(context, record, {}) == {
        "id": record,
        "project": project,
        "class": "record",
        "sponsored": False,
        "name": record,
        "types": [],
        "state": "open",
        "hidden": False,
        "links": [],
        "folder": "/",
        "tags": [],
        "created": clock.now,
        "modified": clock.now,
        "createdBy": {"user": "user-local"},
    }


def test_objects_created_by_a_job_name_the_job(job_context: Context) -> None:
    (workspace, _) = access.visible_projects(job_context)
    creator = objects.describe(job_context, new_record(job_context, workspace), {})["createdBy"]
    assert creator["job"] == job_context.caller.job
    assert creator["executable"].startswith("applet-")


def test_a_missing_folder_is_made_with_parents(context: Context, project: str) -> None:
    with pytest.raises(ResourceNotFound, match=r'specified folder could not be found in project-.*"/a/b"'):
        new_record(context, project, folder="/a/b")
    record = new_record(context, project, folder="//a/b/", parents=True)
    assert objects.describe(context, record, {})["folder"] == "/a/b"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": 1},
        {"name": "a\0b"},
        {"folder": "relative"},
        {"folder": "/a/../b"},
        {"tags": "text"},
        {"tags": [1]},
        {"types": {}},
        {"properties": {"k": 1}},
        {"properties": []},
        {"details": "text"},
        {"details": {"$dnanexus_link": "file-x", "more": 1}},
        {"hidden": "yes"},
        {"parents": 1},
        {"project": None},
    ],
)
def test_values_of_the_wrong_type_are_invalid(context: Context, project: str, wrong: JSON) -> None:
    with pytest.raises(InvalidInput):
        records.new(context, "record", {"project": project, **wrong})


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "\u202e", "-rf", "$(x)", " ", "x" * 5000])
def test_names_are_free_text(context: Context, project: str, name: str) -> None:
    assert objects.describe(context, new_record(context, project, name=name), {})["name"] == name


def test_unknown_keys_are_ignored(context: Context, project: str) -> None:
    assert new_record(context, project, nonsense=True, file="src/code.py")


@pytest.mark.parametrize(
    "change",
    [
        lambda context, record: objects.add_types(context, record, {"types": ["T"]}),
        lambda context, record: objects.remove_types(context, record, {"types": ["T"]}),
        lambda context, record: objects.set_details(context, record, {}),
        lambda context, record: objects.set_visibility(context, record, {"hidden": True}),
    ],
)
def test_a_closed_object_keeps_its_content(
    context: Context, project: str, change: Callable[[Context, str], JSON]
) -> None:
    with pytest.raises(InvalidState, match="is not in the open state"):
        change(context, new_record(context, project, close=True))


def test_a_closed_object_can_be_renamed_and_labelled(context: Context, project: str) -> None:
    record = new_record(context, project, close=True)
    objects.rename(context, record, {"name": "n"})
    objects.add_tags(context, record, {"tags": ["b", "a", "b"]})
    objects.set_properties(context, record, {"properties": {"k": "v", "absent": None}})
    described = objects.describe(context, record, {"properties": True})
    assert (described["name"], described["tags"], described["properties"]) == ("n", ["b", "a"], {"k": "v"})


def test_a_change_moves_the_time_of_modification(context: Context, project: str, clock: Clock) -> None:
    record = new_record(context, project)
    clock.advance(5)
    objects.rename(context, record, {"name": "n"})
    described = objects.describe(context, record, {})
    assert described["modified"] - described["created"] == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda context, record, project: objects.rename(context, record, {"project": project, "name": "n"}),
        lambda context, record, project: objects.add_tags(context, record, {"project": project, "tags": []}),
    ],
)
def test_a_copy_is_changed_where_it_is(
    context: Context, project: str, change: Callable[[Context, str, str], JSON]
) -> None:
    other = projects.new(context, "project", {"name": "other"})["id"]
    with pytest.raises(ResourceNotFound):
        change(context, new_record(context, project), other)


def test_a_wrong_project_in_describe_is_only_a_hint(context: Context, project: str) -> None:
    record = new_record(context, project)
    hint = f"project-{'0' * 24}"
    assert objects.describe(context, record, {"project": hint})["project"] == project


@pytest.mark.parametrize("hint", ["nonsense", "project-x", "file-000000000000000000000000", "", 1])
def test_a_malformed_project_is_rejected_even_as_a_hint(context: Context, project: str, hint: object) -> None:
    record = new_record(context, project)
    with pytest.raises(InvalidInput, match='"project" must be'):
        objects.describe(context, record, {"project": hint})


def test_the_copy_in_the_hinted_project_is_described(context: Context, project: str) -> None:
    other = projects.new(context, "project", {"name": "other"})["id"]
    record = new_record(context, project, close=True)
    contents.clone(context, project, {"objects": [record], "project": other})
    assert [objects.describe(context, record, {"project": p})["project"] for p in (project, other)] == [
        project,
        other,
    ]


def test_a_job_sees_the_copy_in_its_workspace_first(
    context: Context, project: str, job_context: Context
) -> None:
    (workspace, _) = access.visible_projects(job_context)
    record = new_record(context, project, close=True)
    assert objects.describe(job_context, record, {})["project"] == project
    contents.clone(job_context, project, {"objects": [record], "project": workspace})
    assert objects.describe(job_context, record, {})["project"] == workspace


def test_a_job_does_not_see_other_projects(context: Context, job_context: Context) -> None:
    other = projects.new(context, "project", {"name": "other"})["id"]
    with pytest.raises(PermissionDenied, match="pass it to the job as an input"):
        objects.describe(job_context, new_record(context, other), {})


def test_a_job_that_may_only_view_changes_nothing(
    context: Context, project: str, job_context: Context
) -> None:
    record = new_record(context, project)
    for method in (objects.close, objects.add_tags, objects.set_details):
        with pytest.raises(PermissionDenied):
            method(job_context, record, {"tags": []})


def test_closing_waits_for_objects_linked_in_details(context: Context, project: str) -> None:
    inner = new_record(context, project)
    middle = new_record(context, project, details={"to": [link(inner)]})
    outer = new_record(context, project, details=[{"to": link(middle)}])
    objects.close(context, outer, {})
    objects.close(context, middle, {})
    assert [state_of(context, each) for each in (outer, middle)] == ["closing", "closing"]
    objects.close(context, inner, {})
    assert [state_of(context, each) for each in (outer, middle, inner)] == ["closed"] * 3


def test_a_record_may_link_to_itself(context: Context, project: str) -> None:
    record = new_record(context, project)
    objects.set_details(context, record, link(record))
    objects.close(context, record, {})
    assert state_of(context, record) == "closed"


def test_closing_an_object_wakes_the_jobs_that_wait_for_it(
    context: Context, project: str, new_job: Callable[..., Context]
) -> None:
    seen: list[Transition] = []
    record = new_record(context, project)
    job = new_job().calling_job()
    assert job
    context.store.execute("UPDATE job SET state = 'waiting_on_input' WHERE id = ?", job["id"])
    context.store.insert("wait", job=job["id"], waits_for=record)
    context.platform.subscribers.append(seen.append)
    objects.close(context, record, {})
    assert [(each.job, each.after) for each in seen] == [(job["id"], "runnable")]


@pytest.mark.parametrize("source", ["applet", "missing"])
def test_a_record_starts_from_a_record_only(
    context: Context, project: str, job_context: Context, source: str
) -> None:
    job = job_context.calling_job()
    assert job
    entity = job["executable"] if source == "applet" else f"record-{'0' * 24}"
    with pytest.raises(ApiError):
        new_record(context, project, initializeFrom={"id": entity, "project": project})
