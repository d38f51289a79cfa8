"""Requirements of executables, stages, runs and the runs above them apply to the right jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.apps import apps
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.data import projects
from dx_local.platform.execution import applets, job_creation, job_descriptions, job_events
from dx_local.platform.workflows import workflows

if TYPE_CHECKING:
    from tests.platform.conftest import Runner

JSON = dict[str, Any]
X2, X4, X8, X16, X36 = (f"mem1_ssd1_v2_x{cores}" for cores in (2, 4, 8, 16, 36))
CODE = {"interpreter": "bash", "code": "main() { true; }"}


def of(name: str, entry_point: str = "*") -> JSON:
    return {entry_point: {"instanceType": name}}


def applet_with(runner: Runner, requirements: JSON) -> str:
    return runner.make_applet(runSpec={**CODE, "systemRequirements": requirements})


def describe(context: Context, job: str, *names: str) -> JSON:
    request = {"defaultFields": True, "fields": dict.fromkeys(names, True)}
    return job_descriptions.describe_job(context, job, request)


def started(context: Context, job: str) -> Context:
    """Start a job and return its context."""
    job_events.start(context.platform, job)
    return Context(context.platform, Caller(context.caller.user, job))


def run(context: Context, applet: str, project: str, **asked: Any) -> str:
    request = {"project": project, "input": {"n": 1}, **asked}
    job: str = applets.run_applet(context, applet, request)["id"]
    return job


def subjob(caller: Context, **asked: Any) -> str:
    job: str = job_creation.new(caller, "job", {"function": "part", "input": {}, **asked})["id"]
    return job


@pytest.mark.parametrize(
    ("asked", "of_subjobs", "of_other_runs"),
    [
        pytest.param({}, X8, X8, id="the executable"),
        pytest.param({"systemRequirements": of(X2)}, X2, X8, id="the run"),
        pytest.param({"systemRequirementsByExecutable": {"*": of(X4)}}, X4, X4, id="all executables"),
        pytest.param(
            {"systemRequirements": of(X2), "systemRequirementsByExecutable": {"*": of(X4)}}, X4, X4, id="both"
        ),
    ],
)
def test_how_far_down_requests_reach(
    context: Context, runner: Runner, asked: JSON, of_subjobs: str, of_other_runs: str
) -> None:
    applet = applet_with(runner, of(X8))
    caller = started(context, run(context, applet, runner.project, **asked))
    part = subjob(caller)
    part_of_part = subjob(started(context, part))
    other = run(caller, applet, runner.project)
    types = [describe(context, job)["instanceType"] for job in (part, part_of_part, other)]
    assert types == [of_subjobs, of_subjobs, of_other_runs]


@pytest.mark.parametrize(
    ("stage", "asked", "expected"),
    [
        pytest.param({}, {}, X8, id="executable"),
        pytest.param(of(X2), {}, X2, id="stage"),
        pytest.param(of(X2), {"systemRequirements": of(X4)}, X4, id="run"),
        pytest.param(
            of(X2),
            {"systemRequirements": of(X4), "stageSystemRequirements": {"*": of(X16)}},
            X16,
            id="all stages",
        ),
        pytest.param(
            of(X2),
            {"stageSystemRequirements": {"*": of(X16), "a": of(X36)}},
            X36,
            id="this stage",
        ),
        pytest.param(
            of(X2),
            {"stageSystemRequirements": {"a": of(X36)}, "systemRequirementsByExecutable": {"*": of(X4)}},
            X4,
            id="all executables",
        ),
    ],
)
def test_what_goes_first_in_a_workflow(runner: Runner, stage: JSON, asked: JSON, expected: str) -> None:
    workflow = runner.workflow(
        {"id": "a", "executable": applet_with(runner, of(X8)), "systemRequirements": stage}
    )
    assert runner.run(workflow, {"a.n": 1}, **asked).job(0)["instanceType"] == expected


@pytest.mark.parametrize(
    ("region", "expected"), [("aws:eu-central-1", X4), ("azure:westus", "azure:mem1_ssd1_x4")]
)
def test_the_default_is_that_of_the_region(
    context: Context, runner: Runner, region: str, expected: str
) -> None:
    project = projects.new(context, "project", {"name": "elsewhere", "region": region})["id"]
    job = run(context, runner.applet, project)
    assert describe(context, job)["instanceType"] == expected


def test_what_was_asked_for_is_described_on_request(context: Context, runner: Runner) -> None:
    by_executable = {"*": of(X16, "part")}
    asked = {"systemRequirements": of(X2, "main"), "systemRequirementsByExecutable": by_executable}
    job = run(context, applet_with(runner, of(X8)), runner.project, **asked)
    default = describe(context, job)
    assert default["systemRequirements"] == {**of(X8), **of(X2, "main"), **of(X16, "part")}
    on_request = {
        "runSystemRequirements": of(X2, "main"),
        "runSystemRequirementsByExecutable": by_executable,
        "mergedSystemRequirementsByExecutable": by_executable,
        "instanceTypeTransitions": [],
    }
    assert default.keys() & on_request.keys() == set()
    described = describe(context, job, *on_request)
    assert {name: described[name] for name in on_request} == on_request


def test_the_policy_that_holds_is_described_of_the_job_and_not_of_its_executable(
    context: Context, runner: Runner
) -> None:
    default = {"UnresponsiveWorker": 2, "JMInternalError": 1, "ExecutionError": 1}
    job = run(context, runner.applet, runner.project, executionPolicy={"maxRestarts": 3})
    assert describe(context, job)["executionPolicy"] == {"restartOn": default, "maxRestarts": 3}
    run_spec = applets.get_applet(context, runner.applet, {})["runSpec"]
    assert run_spec.get("executionPolicy", {}) == {}


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param({"restartOn": {"AppError": 1}}, id="never restarted"),
        pytest.param({"restartOn": {"ExecutionError": 10}}, id="too often"),
        pytest.param({"maxRestarts": 10}, id="too often in all"),
        pytest.param({"maxSpotTries": "2"}, id="no number"),
    ],
)
def test_a_policy_of_a_stage_is_checked(context: Context, runner: Runner, policy: JSON) -> None:
    workflow = workflows.new(context, "workflow", {"project": runner.project})["id"]
    stage = {"executable": runner.applet, "executionPolicy": policy, "editVersion": 0}
    with pytest.raises(InvalidInput, match="executionPolicy"):
        workflows.add_stage(context, workflow, stage)


RETIRED, UNKNOWN, ELSEWHERE = "mem1_hdd2_x32", "mem9_new_x4", "azure:mem1_ssd1_x4"


def selecting(*names: str) -> JSON:
    return {"*": {"instanceTypeSelector": {"allowedInstanceTypes": list(names)}}}


@pytest.mark.parametrize("requirements", [of(RETIRED), of(UNKNOWN), of(ELSEWHERE), selecting(X2, UNKNOWN)])
@pytest.mark.parametrize("key", ["systemRequirements", "systemRequirementsByRegion"])
def test_a_new_applet_names_types_of_its_region(runner: Runner, key: str, requirements: JSON) -> None:
    by_region = {"aws:us-east-1": requirements} if key.endswith("Region") else requirements
    with pytest.raises(InvalidInput, match=r"not an instance type of aws|was retired"):
        runner.make_applet(runSpec={**CODE, key: by_region})


def with_retired_type(runner: Runner) -> str:
    """Make an applet whose instance type has since been retired."""
    row = runner.context.store.get("object", runner.applet)
    assert row
    run_spec = {**row["fields"]["runSpec"], "systemRequirements": of(RETIRED)}
    runner.context.store.update("object", runner.applet, fields={**row["fields"], "runSpec": run_spec})
    return runner.applet


def test_an_applet_runs_on_though_its_type_was_retired(context: Context, runner: Runner) -> None:
    job = run(context, with_retired_type(runner), runner.project)
    assert describe(context, job)["instanceType"] == RETIRED


def test_a_retired_type_is_refused_of_new_and_updated_apps(context: Context, runner: Runner) -> None:
    app = apps.new(context, "app", {"name": "a", "version": "1.0.0", "applet": runner.applet})["id"]
    request = {"name": "a", "version": "1.0.1", "applet": with_retired_type(runner)}
    with pytest.raises(InvalidInput, match="was retired"):
        apps.new(context, "app", request)
    with pytest.raises(InvalidInput, match="was retired"):
        apps.update(context, app, {"applet": request["applet"]})


@pytest.mark.parametrize("name", [UNKNOWN, ELSEWHERE])
@pytest.mark.parametrize("key", ["systemRequirements", "systemRequirementsByExecutable"])
def test_a_run_names_types_of_its_region(context: Context, runner: Runner, key: str, name: str) -> None:
    asked = {"*": of(name)} if key.endswith("Executable") else of(name)
    with pytest.raises(InvalidInput, match="not an instance type of aws"):
        run(context, runner.applet, runner.project, **{key: asked})


def test_a_run_may_name_a_retired_type(context: Context, runner: Runner) -> None:
    job = run(context, runner.applet, runner.project, systemRequirements=of(RETIRED))
    assert describe(context, job)["instanceType"] == RETIRED


def test_a_subjob_names_types_of_its_region(context: Context, runner: Runner) -> None:
    caller = started(context, run(context, runner.applet, runner.project))
    with pytest.raises(InvalidInput, match="not an instance type of aws"):
        subjob(caller, systemRequirements=of(UNKNOWN))


def test_a_stage_names_types_of_some_region(runner: Runner) -> None:
    runner.workflow({"id": "a", "systemRequirements": of(ELSEWHERE)})
    with pytest.raises(InvalidInput, match="not an instance type of aws"):
        runner.workflow({"id": "a", "systemRequirements": of(UNKNOWN)})


def test_a_run_of_a_workflow_names_types_of_its_region(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a", "systemRequirements": of(ELSEWHERE)})
    with pytest.raises(InvalidInput, match="not an instance type of aws"):
        runner.run(workflow, {"a.n": 1})
