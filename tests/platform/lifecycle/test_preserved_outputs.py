"""`preserveJobOutputs` copies the outputs of all jobs of an execution to the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.data import objects, records
from dx_local.platform.execution import applets, job_creation, job_descriptions, job_events, jobs

if TYPE_CHECKING:
    from tests.platform.conftest import Runner

    from dx_local.platform.core.schema import JobRow

JSON = dict[str, Any]
USUAL = "/out/intermediateJobOutputs"


@pytest.fixture
def applet(runner: Runner) -> str:
    """An applet without specs, so that its outputs can be anything."""
    return runner.make_applet(inputSpec=None, outputSpec=None)


def root(context: Context, runner: Runner, applet: str, **asked: Any) -> JobRow:
    request = {"project": runner.project, "folder": "/out", "input": {}, **asked}
    return started(context, applets.run_applet(context, applet, request)["id"])


def started(context: Context, job: str) -> JobRow:
    job_events.start(context.platform, job)
    return jobs.get(context, job)


def asking(context: Context, job: JobRow) -> Context:
    return Context(context.platform, Caller(context.caller.user, job["id"]))


def subjob(context: Context, parent: JobRow) -> JobRow:
    made = job_creation.new(asking(context, parent), "job", {"function": "part", "input": {}})
    return started(context, made["id"])


def finish(context: Context, job: JobRow, **more: Any) -> str:
    """Finish a job with a new record, or another one, as output; return the record's ID."""
    request = {"project": job["workspace"], "close": True, "parents": True, **more}
    record = more.get("record") or records.new(asking(context, job), "record", request)["id"]
    job_events.finish(context.platform, job["id"], {"r": link(record)})
    return str(record)


def folder_of(context: Context, record: str, project: str) -> str | None:
    folder: str | None = context.store.value(
        "SELECT folder FROM placement WHERE object = ? AND project = ?", record, project
    )
    return folder


@pytest.mark.parametrize(
    ("asked", "folder"),
    [
        (None, None),
        (True, USUAL),
        ({}, USUAL),
        ({"folder": "kept/here"}, "/out/kept/here"),
        ({"folder": "/kept"}, "/kept"),
    ],
)
def test_outputs_of_a_subjob_are_copied_when_it_is_done(
    context: Context, runner: Runner, applet: str, asked: Any, folder: str | None
) -> None:
    main = root(context, runner, applet, preserveJobOutputs=asked)
    part = subjob(context, main)
    record = finish(context, part)
    assert folder_of(context, record, runner.project) == folder
    for job in (main, part):
        described = job_descriptions.describe_job(context, job["id"], {})
        assert described["preserveJobOutputs"] == (folder and {"folder": folder})


def test_folders_of_the_workspace_continue_below(context: Context, runner: Runner, applet: str) -> None:
    part = subjob(context, root(context, runner, applet, preserveJobOutputs=True))
    record = finish(context, part, folder="/a/b")
    assert folder_of(context, record, runner.project) == f"{USUAL}/a/b"


def test_what_becomes_output_of_the_root_moves_to_its_folder(
    context: Context, runner: Runner, applet: str
) -> None:
    main = root(context, runner, applet, preserveJobOutputs=True)
    record = finish(context, subjob(context, main), folder="/a", name="r")
    records_tags = {"tags": ["t"], "project": main["workspace"]}
    objects.add_tags(asking(context, main), record, records_tags)
    job_events.finish(context.platform, main["id"], {"r": link(record)})
    assert folder_of(context, record, runner.project) == "/out/a"
    described = objects.describe(context, record, {"project": runner.project})
    assert (described["name"], described["tags"]) == ("r", ["t"])


def test_runs_inside_the_execution_preserve_for_its_root(
    context: Context, runner: Runner, applet: str
) -> None:
    main = root(context, runner, applet, preserveJobOutputs=True)
    asked = {"input": {}, "folder": "/inner", "preserveJobOutputs": {"folder": "/not/this"}}
    inner = started(context, applets.run_applet(asking(context, main), applet, asked)["id"])
    record = finish(context, inner)
    assert folder_of(context, record, runner.project) == USUAL


def test_stages_preserve_for_their_analysis(context: Context, runner: Runner, applet: str) -> None:
    workflow = runner.workflow({"id": "a", "executable": applet, "folder": "/stage"})
    run = runner.run(workflow, folder="/out", preserveJobOutputs=True)
    stage = started(context, run.jobs[0])
    record = finish(context, subjob(context, stage))
    assert folder_of(context, record, runner.project) == USUAL
    assert run.describe()["preserveJobOutputs"] == {"folder": USUAL}


def test_objects_of_the_project_stay_where_they_are(context: Context, runner: Runner, applet: str) -> None:
    given = records.new(context, "record", {"project": runner.project, "close": True})["id"]
    main = root(context, runner, applet, preserveJobOutputs=True, input={"r": link(given)})
    finish(context, subjob(context, main), record=given)
    finish(context, main, record=given)
    assert folder_of(context, given, runner.project) == "/"


@pytest.mark.parametrize("asked", ["/kept", {"folder": 3}, {"folder": "/a/../b"}])
def test_what_is_no_folder_is_refused(context: Context, runner: Runner, applet: str, asked: Any) -> None:
    with pytest.raises(InvalidInput):
        root(context, runner, applet, preserveJobOutputs=asked)
