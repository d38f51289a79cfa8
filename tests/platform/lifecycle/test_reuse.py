"""Jobs that reuse the outputs of earlier jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.conftest import Runner, make_applet

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.data import contents, records
from dx_local.platform.execution import applets, job_creation, job_descriptions, job_events

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = dict[str, Any]
RECORD: list[JSON] = [{"name": "r", "class": "record"}]


@pytest.fixture
def reusing(context: Context) -> Context:
    """A context of a user on a platform whose jobs reuse outputs."""
    context.platform.reuses = True
    return context


@pytest.fixture
def applet(reusing: Context, project: str) -> str:
    return make_applet(reusing, project)


@pytest.fixture
def run(reusing: Context, project: str) -> Callable[..., JSON]:
    """Run an applet, to an output if one is given, and describe the job."""

    def run(applet: str, output: JSON | None = None, /, **asked: Any) -> JSON:
        request = {"project": project, "input": {"n": 1}, **asked}
        job: str = applets.run_applet(reusing, applet, request)["id"]
        if output is not None:
            job_events.start(reusing.platform, job)
            job_events.finish(reusing.platform, job, output)
        return job_descriptions.describe_job(reusing, job, {})

    return run


def why_not(context: Context, job: JSON) -> str:
    return str(context.store.value("SELECT not_reused FROM job WHERE id = ?", job["id"]))


def make_record(context: Context, job: str) -> str:
    """Run an applet whose output is a new record in the folder /deep; return the record."""
    job_events.start(context.platform, job)
    workspace = context.store.value("SELECT workspace FROM job WHERE id = ?", job)
    inside = Context(context.platform, Caller(context.caller.user, job))
    asked = {"project": workspace, "name": "r", "folder": "/deep", "parents": True, "close": True}
    record: str = records.new(inside, "record", asked)["id"]
    job_events.finish(context.platform, job, {"r": link(record)})
    return record


def test_the_same_input_gives_the_same_output_at_once(run: Callable[..., JSON], applet: str) -> None:
    first = run(applet, {"n": 7})
    second = run(applet)
    assert (second["state"], second["output"]) == ("done", {"n": 7})
    assert second["outputReusedFrom"] == first["id"]
    assert [entry["newState"] for entry in second["stateTransitions"]] == ["done"]
    assert run(applet)["outputReusedFrom"] == first["id"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        pytest.param({"input": {"n": 2}}, "it ran only with other inputs", id="other input"),
        pytest.param({"ignoreReuse": True}, "None", id="told to run"),
    ],
)
def test_a_job_that_differs_is_run(
    run: Callable[..., JSON], reusing: Context, applet: str, asked: JSON, why: str
) -> None:
    run(applet, {"n": 7})
    second = run(applet, **asked)
    assert (second["state"], why_not(reusing, second)) == ("runnable", why)
    assert "outputReusedFrom" not in second


def test_another_applet_is_run(run: Callable[..., JSON], reusing: Context, applet: str, project: str) -> None:
    run(applet, {"n": 7})
    other = run(make_applet(reusing, project))
    assert (other["state"], why_not(reusing, other)) == ("runnable", "it has never finished before")


def test_an_applet_that_is_never_reused_is_run(
    run: Callable[..., JSON], reusing: Context, project: str
) -> None:
    applet = make_applet(reusing, project, ignoreReuse=True)
    run(applet, {"n": 7})
    assert run(applet)["state"] == "runnable"


def test_without_being_told_a_platform_runs_every_job(
    run: Callable[..., JSON], reusing: Context, applet: str
) -> None:
    run(applet, {"n": 7})
    reusing.platform.reuses = False
    assert run(applet)["state"] == "runnable"


def test_a_failed_job_is_not_reused(run: Callable[..., JSON], applet: str) -> None:
    run(applet, {"wrong": 7})
    assert run(applet)["state"] == "runnable"


def test_objects_of_a_reused_output_are_put_where_the_run_wants_them(
    run: Callable[..., JSON], reusing: Context, project: str
) -> None:
    applet = make_applet(reusing, project, outputSpec=RECORD)
    record = make_record(reusing, run(applet, folder="/first")["id"])
    elsewhere = make_project(reusing)
    again = run(applet, folder="/second", project=elsewhere)
    assert again["output"] == {"r": link(record)}
    placed = "SELECT folder FROM placement WHERE object = ? AND project = ?"
    assert reusing.store.value(placed, record, elsewhere) == "/second/deep"


def make_project(context: Context) -> str:
    from dx_local.platform.data import projects

    project: str = projects.new(context, "project", {"name": "other"})["id"]
    return project


def test_an_output_that_was_removed_is_made_again(
    run: Callable[..., JSON], reusing: Context, project: str
) -> None:
    applet = make_applet(reusing, project, outputSpec=RECORD)
    first = run(applet)["id"]
    record = make_record(reusing, first)
    contents.remove_objects(reusing, project, {"objects": [record]})
    second = run(applet)
    assert second["state"] == "runnable"
    assert why_not(reusing, second) == f"{record}, an output of {first}, does not exist any more"


def test_a_job_that_waits_for_its_input_reuses_when_that_is_there(
    run: Callable[..., JSON], reusing: Context, applet: str
) -> None:
    seven = run(applet, {"n": 1}, input={"n": 5})["id"]
    run(applet, {"n": 7})
    first = run(applet, input={"n": 6})["id"]
    waits = run(applet, input={"n": {"job": first, "field": "n"}})["id"]
    job_events.start(reusing.platform, first)
    job_events.finish(reusing.platform, first, {"n": 5})
    assert job_descriptions.describe_job(reusing, waits, {})["outputReusedFrom"] == seven


def test_subjobs_are_run(run: Callable[..., JSON], reusing: Context, applet: str) -> None:
    main = run(applet)["id"]
    inside = Context(reusing.platform, Caller(reusing.caller.user, main))
    asked = {"function": "part", "input": {}}
    first = job_creation.new(inside, "job", asked)["id"]
    job_events.start(reusing.platform, first)
    job_events.finish(reusing.platform, first, {})
    second = job_creation.new(inside, "job", asked)["id"]
    assert job_descriptions.describe_job(reusing, second, {})["state"] == "runnable"


@pytest.mark.parametrize(
    ("asked", "states"),
    [
        ({}, ["done", "done"]),
        ({"ignoreReuse": ["a"]}, ["runnable", "waiting_on_input"]),
        ({"rerunStages": ["b"]}, ["done", "runnable"]),
    ],
)
def test_stages_of_a_workflow_are_reused(
    reusing: Context, runner: Runner, asked: JSON, states: list[str]
) -> None:
    after_a = {"n": {"$dnanexus_link": {"stage": "a", "outputField": "n"}}}
    workflow = runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b", "input": after_a})
    first = runner.run(workflow)
    first.finish(0, n=2)
    first.finish(1, n=3)
    second = runner.run(workflow, **asked)
    assert second.states() == states
    assert second.state == ("done" if states == ["done", "done"] else "in_progress")
