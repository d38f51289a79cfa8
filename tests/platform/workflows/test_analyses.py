"""Analyses: runs of workflows, from their inputs to their ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import InvalidInput, InvalidState, ResourceNotFound
from dx_local.platform.data import objects, records
from dx_local.platform.execution import applets, job_creation, job_descriptions, job_events, jobs
from dx_local.platform.find import executions
from dx_local.platform.workflows import analyses

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platform.conftest import Analysis, Runner

    from dx_local.platform.core.states import Failure

JSON = dict[str, Any]
BIG = "mem1_ssd1_v2_x72"


def from_stage(stage: str, field: str = "n", kind: str = "outputField", **more: Any) -> JSON:
    """Return a link to another stage."""
    return {"$dnanexus_link": {"stage": stage, kind: field, **more}}


def from_workflow(field: str) -> JSON:
    """Return a link to an input of the workflow."""
    return {"$dnanexus_link": {"workflowInputField": field}}


@pytest.fixture
def chain(runner: Runner) -> str:
    """A workflow whose second stage uses the output of the first."""
    return runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b", "input": {"n": from_stage("a")}})


def as_job(context: Context, job: str) -> Context:
    return Context(context.platform, Caller(context.caller.user, job))


def test_a_stage_runs_on_what_another_one_puts_out(runner: Runner, chain: str) -> None:
    run = runner.run(chain)
    assert run.states() == ["runnable", "waiting_on_input"]
    run.finish(0, n=2)
    assert run.job(1)["input"] == {"n": 2}
    run.finish(1, n=4)
    assert (run.state, run.history()) == ("done", ["in_progress", "done"])
    assert run.describe()["output"] == {"a.n": 2, "b.n": 4}


def test_an_analysis_knows_its_stages_and_they_know_it(runner: Runner, chain: str) -> None:
    run = runner.run(chain, name="R", tags=["t"], properties={"k": "v"}, details={"d": 1})
    described = run.describe()
    shown = {name: described[name] for name in ("name", "executableName", "tags", "properties", "details")}
    assert shown == {
        "name": "R",
        "executableName": "W",
        "tags": ["t"],
        "properties": {"k": "v"},
        "details": {"d": 1},
    }
    assert [stage["id"] for stage in described["stages"]] == ["a", "b"]
    assert [stage["execution"]["id"] for stage in described["stages"]] == run.jobs
    assert (described["parentJob"], described["parentAnalysis"]) == (None, None)
    job = run.job(1)
    assert (job["parentAnalysis"], job["analysis"], job["stage"]) == (run.id, run.id, "b")
    assert (job["parentJob"], job["rootExecution"], job["originJob"]) == (None, run.id, job["id"])


def test_a_subjob_of_a_stage_belongs_to_the_stage(context: Context, runner: Runner, chain: str) -> None:
    run = runner.run(chain)
    part = job_creation.new(as_job(context, run.jobs[0]), "job", {"function": "part", "input": {}})["id"]
    described = job_descriptions.describe_job(context, part, {})
    assert (described["analysis"], described["stage"]) == (run.id, "a")
    assert (described["parentAnalysis"], described["parentJob"]) == (None, run.jobs[0])


def test_the_input_of_an_analysis_is_that_of_its_stages(runner: Runner, chain: str) -> None:
    run = runner.run(chain, {"a.n": 5})
    described = run.describe()
    assert described["runInput"] == {"a.n": 5}
    assert described["input"]["a.n"] == 5
    assert described["input"]["b.n"] == {"$dnanexus_link": {"job": run.jobs[0], "field": "n"}}
    run.finish(0, n=10)
    assert run.describe()["input"]["b.n"] == 10


def test_a_workflows_own_inputs_and_outputs(runner: Runner) -> None:
    workflow = runner.workflow(
        {"id": "a", "input": {"n": from_workflow("start")}},
        inputs=[{"name": "start", "class": "int", "default": 3}],
        outputs=[{"name": "end", "class": "int", "outputSource": from_stage("a")}],
    )
    run = runner.run(workflow, {"start": 7})
    assert run.job(0)["input"] == {"n": 7}
    assert runner.run(workflow).job(0)["input"] == {"n": 3}
    run.finish(0, n=14)
    assert run.describe()["output"]["end"] == 14


def test_a_closed_workflow_with_inputs_takes_no_others(context: Context, runner: Runner) -> None:
    workflow = runner.workflow(
        {"id": "a", "input": {"n": from_workflow("start")}}, inputs=[{"name": "start", "class": "int"}]
    )
    assert runner.run(workflow, {"start": 1, "a.n": 2}).job(0)["input"] == {"n": 2}
    objects.close(context, workflow, {})
    with pytest.raises(InvalidInput, match="is private and cannot be overridden"):
        runner.run(workflow, {"start": 1, "a.n": 2})


@pytest.mark.parametrize(
    ("bound", "given", "expected"),
    [
        pytest.param({"n": from_stage("a", kind="inputField")}, {"a.n": 5}, {"n": 5}, id="input of a stage"),
        pytest.param({"n": from_stage("a", kind="inputField")}, {"b.n": 6}, {"n": 6}, id="overridden"),
        pytest.param({"n": 1}, {"b.n": 2}, {"n": 2}, id="bound, then overridden"),
        pytest.param({"n": 1}, {}, {"n": 1}, id="bound"),
    ],
)
def test_where_an_input_comes_from(runner: Runner, bound: JSON, given: JSON, expected: JSON) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 0}}, {"id": "b", "input": bound})
    assert runner.run(workflow, given).job(1)["input"] == expected


def test_an_input_that_nobody_gave_is_left_out(runner: Runner) -> None:
    optional = [{"name": "n", "class": "int", "optional": True}, {"name": "m", "class": "array:int"}]
    applet = runner.make_applet(inputSpec=optional)
    bound = {"n": from_workflow("x"), "m": [1, from_workflow("x"), from_workflow("y")]}
    workflow = runner.workflow(
        {"id": "a", "executable": applet, "input": bound},
        inputs=[{"name": "x", "class": "int", "optional": True}, {"name": "y", "class": "int"}],
    )
    assert runner.run(workflow, {"y": 2}).job(0)["input"] == {"m": [1, 2]}


def test_links_into_arrays_and_within_them(runner: Runner) -> None:
    numbers = [{"name": "n", "class": "array:int"}]
    applet = runner.make_applet(inputSpec=numbers, outputSpec=numbers)
    workflow = runner.workflow(
        {"id": "a", "executable": applet, "input": {"n": [1]}},
        {"id": "b", "executable": applet, "input": {"n": [from_stage("a"), 9]}},
        {"id": "c", "input": {"n": from_stage("a", index=1)}},
    )
    run = runner.run(workflow)
    run.finish(0, n=[4, 5])
    assert run.job(1)["input"] == {"n": [4, 5, 9]}
    assert run.job(2)["input"] == {"n": 5}


def test_stages_are_started_in_the_order_of_need(runner: Runner) -> None:
    workflow = runner.workflow({"id": "late", "input": {"n": from_stage("early")}}, {"id": "early"})
    run = runner.run(workflow, {"early.n": 1})
    assert run.states() == ["waiting_on_input", "runnable"]


@pytest.mark.parametrize(
    ("stages", "given", "complaint"),
    [
        pytest.param([{"id": "a"}], {}, "stage \"a\": missing required input 'n'", id="missing"),
        pytest.param([{"id": "a"}], {"a.n": "text"}, "stage \"a\": input 'n'", id="wrong class"),
        pytest.param([{"id": "a"}], {"a.m": 1}, "'m' is not an input", id="no such input"),
        pytest.param([{"id": "a"}], {"b.n": 1}, 'no stage "b"; its stages: "a"', id="no such stage"),
        pytest.param([{"id": "a"}], {"a.n": 1, "n": 1}, "'n' is not an input", id="no such workflow input"),
        pytest.param(
            [{"id": "a", "input": {"n": from_stage("b")}}], {}, "does not exist", id="link to no stage"
        ),
        pytest.param(
            [{"id": "a", "input": {"n": from_stage("b", "m")}}, {"id": "b", "input": {"n": 1}}],
            {},
            'whose outputs are: "n"',
            id="link to no output",
        ),
        pytest.param(
            [{"id": "a", "input": {"n": from_stage("b")}}, {"id": "b", "input": {"n": from_stage("a")}}],
            {},
            "in a circle",
            id="circle of outputs",
        ),
        pytest.param(
            [{"id": "a", "input": {"n": from_stage("a", kind="inputField")}}],
            {},
            "linked to itself",
            id="circle of inputs",
        ),
    ],
)
def test_what_cannot_run_is_refused(runner: Runner, stages: list[JSON], given: JSON, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        runner.run(runner.workflow(*stages), given)


def test_a_workflow_without_stages_cannot_run(runner: Runner) -> None:
    with pytest.raises(InvalidState, match="no stages"):
        runner.run(runner.workflow())


@pytest.mark.parametrize(
    "asked",
    [
        {"stageFolders": {"x": "/f"}},
        {"rerunStages": ["x"]},
        {"stageSystemRequirements": {"x": {}}},
        {"stageSystemRequirements": {"a": 3}},
        {"stageFolders": {"a": 3}},
        {"systemRequirements": []},
        {"priority": "urgent"},
        {"input": []},
        {"tags": 3},
        {"project": None},
    ],
)
def test_wrong_requests_are_refused(context: Context, runner: Runner, asked: JSON) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 1}})
    with pytest.raises(InvalidInput):
        analyses.run(context, workflow, {"project": runner.project, "input": {}, **asked})


def test_an_executable_that_is_gone_cannot_run(context: Context, runner: Runner, chain: str) -> None:
    context.store.execute("DELETE FROM placement WHERE object = ?", runner.applet)
    with pytest.raises(ResourceNotFound):
        runner.run(chain)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["/output/foo", "/mine"]),
        ({"folder": "/run"}, ["/run/foo", "/mine"]),
        ({"stageFolders": {"a": "/abs", "b": "bar"}}, ["/abs", "/output/bar"]),
        ({"stageFolders": {"*": "baz", "b": "quux"}}, ["/output/baz", "/output/quux"]),
    ],
)
def test_where_outputs_go(runner: Runner, asked: JSON, expected: list[str]) -> None:
    workflow = runner.workflow(
        {"id": "a", "folder": "foo", "input": {"n": 1}},
        {"id": "b", "folder": "/mine", "input": {"n": 1}},
        outputFolder="/output",
    )
    run = runner.run(workflow, **asked)
    assert [run.job(0)["folder"], run.job(1)["folder"]] == expected
    assert run.describe()["folder"] == asked.get("folder", "/output")


def test_outputs_lie_in_the_folders_of_their_stages(context: Context, project: str, runner: Runner) -> None:
    spec = [{"name": "r", "class": "record"}]
    applet = runner.make_applet(inputSpec=[], outputSpec=spec)
    run = runner.run(runner.workflow({"id": "a", "executable": applet, "folder": "made"}), folder="/run")
    job = as_job(context, run.jobs[0])
    made = records.new(job, "record", {"project": run.job(0)["workspace"], "close": True})["id"]
    run.finish(0, r=link(made))
    assert objects.describe(context, made, {"project": project})["folder"] == "/run/made"
    assert run.describe()["output"] == {"a.r": link(made)}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["mem1_ssd1_v2_x2", "mem1_ssd1_v2_x4"]),
        ({"systemRequirements": {"*": {"instanceType": BIG}}}, [BIG, BIG]),
        ({"stageSystemRequirements": {"b": {"*": {"instanceType": BIG}}}}, ["mem1_ssd1_v2_x2", BIG]),
    ],
)
def test_what_is_asked_of_workers(runner: Runner, asked: JSON, expected: list[str]) -> None:
    workers = {"main": {"instanceType": "mem1_ssd1_v2_x2"}}
    workflow = runner.workflow(
        {"id": "a", "input": {"n": 1}, "systemRequirements": workers}, {"id": "b", "input": {"n": 1}}
    )
    run = runner.run(workflow, **asked)
    assert [run.job(0)["instanceType"], run.job(1)["instanceType"]] == expected


def test_when_a_stage_fails_the_others_go_on(runner: Runner) -> None:
    workflow = runner.workflow(
        {"id": "a", "input": {"n": 1}},
        {"id": "b", "input": {"n": from_stage("a")}},
        {"id": "c", "input": {"n": 1}},
    )
    run = runner.run(workflow)
    run.fail(0)
    assert (run.state, run.states()) == ("partially_failed", ["failed", "failed", "runnable"])
    assert run.job(1)["failureReason"] == "DependencyUnsatisfiable"
    run.finish(2, n=3)
    described = run.describe()
    assert run.history() == ["in_progress", "partially_failed", "failed"]
    assert (described["failureReason"], described["failureFrom"]["id"]) == ("AppError", run.jobs[0])
    assert described["output"] == {"c.n": 3}


def test_a_stage_may_end_all_others_with_it(runner: Runner) -> None:
    policy = {"executionPolicy": {"onNonRestartableFailure": "failAllStages"}}
    workflow = runner.workflow({"id": "a", "input": {"n": 1}, **policy}, {"id": "b", "input": {"n": 1}})
    run = runner.run(workflow)
    run.fail(0)
    assert (run.state, run.states()) == ("failed", ["failed", "terminated"])
    assert run.describe()["failureFrom"]["id"] == run.jobs[0]


def test_termination_ends_all_stages(context: Context, runner: Runner, chain: str) -> None:
    run = runner.run(chain)
    job_events.start(context.platform, run.jobs[0])
    jobs.terminate(context, run.id, {})
    assert (run.state, run.states()) == ("terminating", ["terminating", "terminated"])
    job_events.finish(context.platform, run.jobs[0], {"n": 1})
    assert (run.state, run.states()) == ("terminated", ["terminated", "terminated"])
    jobs.terminate(context, run.id, {})
    assert run.history() == ["in_progress", "terminating", "terminated"]


@pytest.mark.parametrize("ends", [True, False])
def test_a_platform_that_was_stopped_ends_the_stages_that_ran(
    context: Context, runner: Runner, ends: bool
) -> None:
    fails = {"id": "a", "input": {"n": 1}, "executionPolicy": {"restartOn": {}}}
    run = runner.run(runner.workflow(fails, {"id": "b", "input": {"n": from_stage("a")}}))
    job_events.start(context.platform, run.jobs[0])
    if ends:
        jobs.terminate(context, run.id, {})
    job_events.fail_running_jobs(context.platform)
    assert run.state == ("terminated" if ends else "failed")
    assert run.states() == (["terminated"] * 2 if ends else ["failed"] * 2)


def test_a_stage_that_is_terminated_fails_the_analysis(context: Context, runner: Runner, chain: str) -> None:
    run = runner.run(chain)
    jobs.terminate(context, run.jobs[0], {})
    assert run.state == "failed"
    assert run.describe()["failureReason"] in ("Terminated", "DependencyUnsatisfiable")


def test_an_analysis_is_tagged_and_marked(context: Context, runner: Runner, chain: str) -> None:
    run = runner.run(chain)
    jobs.add_tags(context, run.id, {"tags": ["x", "y"]})
    jobs.remove_tags(context, run.id, {"tags": ["x"]})
    jobs.set_properties(context, run.id, {"properties": {"k": "v"}})
    described = analyses.describe(context, run.id, {"fields": {"tags": True, "properties": True}})
    assert described == {"id": run.id, "tags": ["y"], "properties": {"k": "v"}}


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"field": "b.n"}, id="field of a stage"),
        pytest.param({"stage": "b", "field": "n"}, id="stage and field"),
        pytest.param({"field": "end"}, id="output of the workflow"),
    ],
)
def test_a_job_may_refer_to_an_analysis(
    context: Context, project: str, runner: Runner, reference: JSON
) -> None:
    outputs = [{"name": "end", "class": "int", "outputSource": from_stage("b")}]
    workflow = runner.workflow(
        {"id": "a", "input": {"n": 1}}, {"id": "b", "input": {"n": from_stage("a")}}, outputs=outputs
    )
    run = runner.run(workflow)
    given = {"n": {"$dnanexus_link": {"analysis": run.id, **reference}}}
    request = {"project": project, "input": given, "dependsOn": [run.id]}
    job = applets.run_applet(context, runner.applet, request)["id"]
    assert job_descriptions.describe_job(context, job, {})["state"] == "waiting_on_input"
    run.finish(0, n=2)
    run.finish(1, n=4)
    assert job_descriptions.describe_job(context, job, {})["input"] == {"n": 4}


@pytest.mark.parametrize("how", ["fail", "terminate"])
def test_what_waits_for_an_analysis_that_ends_badly_fails(
    context: Context, project: str, runner: Runner, chain: str, how: str
) -> None:
    run = runner.run(chain)
    request = {"project": project, "input": {"n": 1}, "dependsOn": [run.id]}
    job = applets.run_applet(context, runner.applet, request)["id"]
    run.fail(0) if how == "fail" else jobs.terminate(context, run.id, {})
    assert job_descriptions.describe_job(context, job, {})["failureReason"] == "DependencyUnsatisfiable"


@pytest.fixture
def launched(context: Context, runner: Runner, chain: str, new_job: Callable[..., Context]) -> Analysis:
    """An analysis that a running job has started."""
    job = new_job()
    assert job.caller.job
    job_events.start(context.platform, job.caller.job)
    return replace(runner, context=job).run(chain)


def parent_of(run: Analysis, context: Context) -> JSON:
    return job_descriptions.describe_job(context, run.describe()["parentJob"], {})


def test_a_job_waits_for_the_analysis_that_it_started(context: Context, launched: Analysis) -> None:
    parent = parent_of(launched, context)
    assert launched.describe()["rootExecution"] == parent["id"]
    job_events.finish(context.platform, parent["id"], {})
    waiting = parent_of(launched, context)
    assert (waiting["state"], waiting["waitingOnChildren"]) == ("waiting_on_output", [launched.id])
    launched.finish(0, n=1)
    launched.finish(1, n=1)
    assert parent_of(launched, context)["state"] == "done"


def test_a_job_depends_on_the_analysis_that_it_started(context: Context, launched: Analysis) -> None:
    assert parent_of(launched, context)["dependsOn"] == [launched.id]


def test_an_analysis_that_fails_fails_the_job_that_started_it(context: Context, launched: Analysis) -> None:
    launched.fail(0)
    parent = parent_of(launched, context)
    assert (parent["failureReason"], parent["failureFrom"]["id"]) == ("JobTreeFailure", launched.jobs[0])
    assert parent["failureMessage"] == f"{launched.id} failed because of AppError: it broke"


def test_a_job_that_fails_ends_the_analysis_that_it_started(
    context: Context, launched: Analysis, broken: Failure
) -> None:
    parent = parent_of(launched, context)["id"]
    job_events.fail(context.platform, parent, broken)
    assert (launched.state, launched.states()) == ("terminated", ["terminated", "terminated"])


def test_a_dry_run_makes_nothing(context: Context, runner: Runner, chain: str) -> None:
    answer = analyses.dry_run(context, chain, {"project": runner.project, "input": {}})
    assert [stage["id"] for stage in answer["stages"]] == ["a", "b"]
    assert context.store.value("SELECT COUNT(*) FROM job") == 0


def found(context: Context, **request: Any) -> list[str]:
    answer = executions.find_executions(context, "system", request)
    return [result["id"] for result in answer["results"]]


def test_analyses_are_found_as_jobs_are(context: Context, runner: Runner, chain: str) -> None:
    run = runner.run(chain)
    first, second = run.jobs
    assert found(context) == [second, first, run.id]
    assert found(context, **{"class": "analysis"}) == [run.id]
    assert found(context, **{"class": "job"}) == [second, first]
    assert found(context, parentAnalysis=run.id) == [second, first]
    assert found(context, parentAnalysis=None) == [run.id]
    assert found(context, parentJob=None) == [second, first, run.id]
    assert found(context, rootExecution=[run.id]) == [second, first, run.id]
    assert found(context, executable=chain) == [run.id]
    assert found(context, executable=runner.applet) == [second, first, run.id]


def test_a_found_analysis_is_described(context: Context, runner: Runner, chain: str) -> None:
    runner.run(chain)
    request = {"class": "analysis", "describe": {"io": False}}
    (result,) = executions.find_executions(context, "system", request)["results"]
    assert (result["describe"]["class"], "input" in result["describe"]) == ("analysis", False)


def test_the_turnaround_threshold_of_a_workflow_is_that_of_its_analyses(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 1}}, treeTurnaroundTimeThreshold=90)
    run = runner.run(workflow)
    described = objects.describe(runner.context, workflow, {})
    assert described["treeTurnaroundTimeThreshold"] == 90
    assert run.describe()["selectedTreeTurnaroundTimeThreshold"] == 90
    assert "selectedTreeTurnaroundTimeThreshold" not in run.job(0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("costLimit", 2.5), ("delayWorkspaceDestruction", True), ("rank", 3), ("ignoreReuse", ["a"])],
)
def test_what_a_run_asks_of_the_analysis_comes_back(runner: Runner, name: str, value: Any) -> None:
    run = runner.run(runner.workflow({"id": "a", "input": {"n": 1}}), **{name: value})
    assert run.describe()[name] == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("allowSSH", ["*"]), ("detailedJobMetrics", True), ("singleContext", True), ("priority", "low")],
)
def test_what_a_run_asks_of_all_its_jobs_comes_back(runner: Runner, name: str, value: Any) -> None:
    run = runner.run(runner.workflow({"id": "a", "input": {"n": 1}}), **{name: value})
    assert run.job(0)[name] == value


def test_stages_wait_for_what_the_run_depends_on(context: Context, runner: Runner) -> None:
    first = runner.run(runner.workflow({"id": "a", "input": {"n": 1}}))
    second = runner.run(runner.workflow({"id": "a", "input": {"n": 1}}), dependsOn=[first.jobs[0]])
    assert (second.describe()["dependsOn"], second.states()) == ([first.jobs[0]], ["waiting_on_input"])
    first.finish(0, n=1)
    assert second.states() == ["runnable"]
