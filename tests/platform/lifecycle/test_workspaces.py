"""Data objects are copied into the workspaces of jobs, and to the destinations of outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.schema import PlacementRow
from dx_local.platform.data import projects, records
from dx_local.platform.execution import applets, job_descriptions, job_events, jobs
from dx_local.platform.requests.folder_paths import join

if TYPE_CHECKING:
    from dx_local.platform.core.schema import JobRow

RUN_SPEC = {"interpreter": "bash", "code": "main() { true; }"}


@pytest.fixture
def applet(context: Context, project: str) -> str:
    request = {"project": project, "dxapi": "1.0.0", "runSpec": RUN_SPEC}
    applet_id: str = applets.new_applet(context, "applet", request)["id"]
    return applet_id


def start(context: Context, applet: str, **asked: Any) -> JobRow:
    """Start a job of the applet, and return its row."""
    job = applets.run_applet(context, applet, {"input": {}, **asked})["id"]
    job_events.start(context.platform, job)
    return jobs.get(context, job)


def as_job(context: Context, job: JobRow) -> Context:
    return Context(context.platform, Caller("user-local", job["id"]))


def make_record(context: Context, container: str, **more: Any) -> str:
    request = {"project": container, "close": True, "parents": True, **more}
    record: str = records.new(context, "record", request)["id"]
    return record


def folders_of(context: Context, object_id: str) -> dict[str, str]:
    """Return the folder of an object by project or container."""
    rows = context.store.all(PlacementRow, "SELECT * FROM placement WHERE object = ?", object_id)
    return {row["project"]: row["folder"] for row in rows}


def test_input_objects_come_into_the_workspace(context: Context, project: str, applet: str) -> None:
    record = make_record(context, project, folder="/deep", name="r")
    job = start(context, applet, project=project, input={"r": link(record)})
    assert folders_of(context, record) == {project: "/deep", job["workspace"]: "/"}


@pytest.mark.parametrize(("beside", "comes"), [(True, True), (False, False)])
def test_hidden_objects_beside_an_input_come_into_the_workspace(
    context: Context, project: str, applet: str, beside: bool, comes: bool
) -> None:
    elsewhere = projects.new(context, "project", {"name": "elsewhere"})["id"]
    hidden = make_record(context, project if beside else elsewhere, hidden=True)
    record = make_record(context, project, details={"index": link(hidden)})
    job = start(context, applet, project=project, input={"r": link(record)})
    assert (job["workspace"] in folders_of(context, hidden)) is comes


@pytest.mark.parametrize(
    ("destination", "folder", "expected"),
    [("/", "/", "/"), ("/", "/a/b", "/a/b"), ("/out", "/", "/out"), ("/out", "/a", "/out/a")],
)
def test_output_objects_go_below_the_folder_of_the_run(
    context: Context, project: str, applet: str, destination: str, folder: str, expected: str
) -> None:
    job = start(context, applet, project=project, folder=destination)
    record = make_record(as_job(context, job), job["workspace"], folder=folder)
    job_events.finish(context.platform, job["id"], {"r": link(record)})
    assert folders_of(context, record)[project] == expected


def test_what_is_no_output_stays_in_the_workspace(context: Context, project: str, applet: str) -> None:
    job = start(context, applet, project=project)
    record = make_record(as_job(context, job), job["workspace"])
    job_events.finish(context.platform, job["id"], {})
    assert folders_of(context, record) == {job["workspace"]: "/"}


def test_hidden_objects_come_along_with_what_links_to_them(
    context: Context, project: str, applet: str
) -> None:
    job = start(context, applet, project=project)
    hidden = make_record(as_job(context, job), job["workspace"], hidden=True)
    record = make_record(as_job(context, job), job["workspace"], details={"index": link(hidden)})
    job_events.finish(context.platform, job["id"], {"r": link(record)})
    assert project in folders_of(context, hidden)


def test_hidden_objects_come_along_over_any_distance(context: Context, project: str, applet: str) -> None:
    last = make_record(context, project, hidden=True)
    middle = make_record(context, project, hidden=True, details={"next": link(last)})
    record = make_record(context, project, details={"next": link(middle)})
    job = start(context, applet, project=project, input={"r": link(record)})
    assert all(job["workspace"] in folders_of(context, each) for each in (record, middle, last))


def test_a_job_that_a_job_has_run_delivers_to_the_workspace_of_that_one(
    context: Context, project: str, applet: str
) -> None:
    parent = start(context, applet, project=project)
    child = start(as_job(context, parent), applet)
    record = make_record(as_job(context, child), child["workspace"])
    job_events.finish(context.platform, child["id"], {"r": link(record)})
    assert folders_of(context, record).keys() == {child["workspace"], parent["workspace"]}


def test_an_input_that_is_put_out_again_stays_where_it_is(
    context: Context, project: str, applet: str
) -> None:
    record = make_record(context, project, folder="/deep")
    job = start(context, applet, project=project, input={"r": link(record)}, folder="/out")
    job_events.finish(context.platform, job["id"], {"r": link(record)})
    assert folders_of(context, record)[project] == "/deep"


def test_an_output_that_does_not_exist_is_an_error(context: Context, project: str, applet: str) -> None:
    job = start(context, applet, project=project)
    job_events.finish(context.platform, job["id"], {"r": link("record-000000000000000000000000")})
    described = job_descriptions.describe_job(context, job["id"], {})
    assert described["failureReason"] == "OutputError"
    assert "does not exist" in described["failureMessage"]


@pytest.mark.parametrize(
    ("folder", "below", "expected"), [("/", "/", "/"), ("/a", "/", "/a"), ("/a", "/b/c", "/a/b/c")]
)
def test_folders_are_joined(folder: str, below: str, expected: str) -> None:
    assert join(folder, below) == expected
