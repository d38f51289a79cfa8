"""Descriptions of jobs have all fields that clients need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.conftest import make_applet

from dx_local.platform.core import access
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import InvalidInput, InvalidState
from dx_local.platform.core.states import Failure
from dx_local.platform.execution import applets, job_creation, job_descriptions, job_events, jobs

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = dict[str, Any]

# The fields that commands of dx expect, with the types of their values for a job without parents.
ALWAYS = {
    "id": str, "class": str, "name": str, "executableName": str, "function": str, "state": str,
    "project": str, "region": str, "launchedBy": str, "created": int, "modified": int, "parentJob": None,
    "originJob": str,
    "rootExecution": str, "parentAnalysis": None, "analysis": None, "stage": None, "applet": str,
    "executable": str, "runInput": dict, "originalInput": dict, "input": dict, "output": None, "folder": str,
    "workspace": str, "billTo": str, "priority": str, "instanceType": str, "tags": list, "properties": dict,
    "details": dict, "dependsOn": list, "systemRequirements": dict, "stateTransitions": list, "try": int,
    "tryCreated": int, "parentJobTry": None, "masterJob": None, "failureCounts": dict, "networkAccess": list,
    "waitingOnChildren": list, "executionPolicy": dict, "preserveJobOutputs": None,
    "costLimit": None, "debug": dict, "delayWorkspaceDestruction": bool, "detachedFrom": None,
    "detachedFromTry": None, "detailedJobMetrics": bool, "finalPriority": str, "httpsApp": dict,
    "ignoreReuse": bool, "invoiceMetadata": None, "isFree": bool, "rank": int, "singleContext": bool,
    "timeout": int, "workerReuseDeadlineRunTime": dict,
}  # fmt: skip


@pytest.fixture
def run(context: Context, project: str) -> Callable[..., str]:
    """Run an applet with a number as input and output, as a user or a job; return the job."""

    def run(parent: str | None = None, run_spec: JSON | None = None, **asked: Any) -> str:
        spec = {"interpreter": "bash", "code": "main() { true; }", **(run_spec or {})}
        applet = make_applet(context, project, runSpec=spec, access={"project": "CONTRIBUTE"})
        request = {"project": project, "input": {"n": 1}, **asked}
        caller = Context(context.platform, Caller(context.caller.user, parent))
        job: str = applets.run_applet(caller, applet, request)["id"]
        return job

    return run


def describe(context: Context, job: str, **request: Any) -> JSON:
    return job_descriptions.describe_job(context, job, request)


def subjob(context: Context, parent: str, **asked: Any) -> str:
    caller = Context(context.platform, Caller(context.caller.user, parent))
    job: str = job_creation.new(caller, "job", {"function": "part", "input": {}, **asked})["id"]
    return job


def failed(context: Context, job: str, reason: str = "AppInternalError") -> JSON:
    job_events.start(context.platform, job)
    job_events.fail(context.platform, job, Failure(reason, "it broke"))
    return describe(context, job)


def test_a_new_job_has_every_field(context: Context, run: Callable[..., str]) -> None:
    described = describe(context, run())
    wrong = {
        name: described.get(name, "absent")
        for name, kind in ALWAYS.items()
        if (
            described.get(name, "absent") is not None
            if kind is None
            else type(described.get(name)) is not kind
        )
    }
    assert wrong == {}
    assert described.keys() == ALWAYS.keys()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("costLimit", 3.5), ("delayWorkspaceDestruction", True), ("detailedJobMetrics", True), ("rank", 5),
        ("ignoreReuse", True), ("singleContext", True),
        ("debug", {"debugOn": ["AppError"]}), ("allowSSH", ["*"]), ("details", {"a": [1]}),
        ("priority", "low"),
    ],
)  # fmt: skip
def test_what_a_run_asks_for_comes_back(
    context: Context, run: Callable[..., str], name: str, value: Any
) -> None:
    assert describe(context, run(**{name: value}))[name] == value


def test_a_failed_job_says_why_and_where_from(context: Context, run: Callable[..., str]) -> None:
    main = run()
    job_events.start(context.platform, main)
    part = subjob(context, main)
    of_part = failed(context, part, "AppError")
    assert (of_part["failureReason"], of_part["failureMessage"]) == ("AppError", "it broke")
    assert of_part["failureFrom"] == {
        "id": part, "try": 0, "name": of_part["name"], "executable": of_part["executable"],
        "executableName": "double", "function": "part", "failureReason": "AppError",
        "failureMessage": "it broke",
    }  # fmt: skip
    of_main = describe(context, main)
    assert (of_main["failureReason"], of_main["failureFrom"]) == ("JobTreeFailure", of_part["failureFrom"])


def test_a_dependent_of_a_dependent_names_the_job_that_failed_first(
    context: Context, run: Callable[..., str]
) -> None:
    first = run()
    second = run(dependsOn=[first])
    third = run(dependsOn=[second])
    failed(context, first, "AppError")
    described = describe(context, third)
    assert (described["failureReason"], described["failureFrom"]["id"]) == ("DependencyUnsatisfiable", first)
    assert describe(context, run(dependsOn=[third]))["failureFrom"]["id"] == first


def test_the_master_job_is_the_nearest_above(context: Context, run: Callable[..., str]) -> None:
    main = run()
    part = subjob(context, main)
    inner = run(part)
    inner_part = subjob(context, inner)
    masters = [describe(context, job)["masterJob"] for job in (main, part, inner, inner_part)]
    assert masters == [None, main, main, inner]


def test_a_detached_run_says_what_it_was_detached_from(context: Context, run: Callable[..., str]) -> None:
    main = run()
    described = describe(context, run(main, detach=True))
    assert (described["detachedFrom"], described["detachedFromTry"]) == (main, 0)
    assert (described["parentJob"], described["rootExecution"]) == (None, described["id"])


def test_a_subjob_of_a_later_try_names_it(context: Context, run: Callable[..., str]) -> None:
    main = run(executionPolicy={"restartOn": {"*": 1}})
    job_events.start(context.platform, main)
    before = subjob(context, main)
    failed(context, before)
    job_events.fail(context.platform, main, Failure("AppInternalError", "told to end"))
    job_events.start(context.platform, main)
    after = subjob(context, main)
    assert [describe(context, job)["parentJobTry"] for job in (before, after)] == [0, 1]
    assert describe(context, main, **{"try": 0})["failureFrom"]["id"] == before


def test_a_job_that_ends_can_start_nothing(context: Context, run: Callable[..., str]) -> None:
    main = run()
    job_events.start(context.platform, main)
    jobs.terminate(context, main, {})
    with pytest.raises(InvalidState, match="terminating"):
        subjob(context, main)
    with pytest.raises(InvalidState, match="terminating"):
        run(main)


@pytest.mark.parametrize(
    "policy",
    [
        {"restartOn": {"Whatever": 1}},
        {"restartOn": {"AppError": 1}},
        {"restartOn": {"*": -1}},
        {"restartOn": {"*": 10}},
        {"restartOn": {"*": True}},
        {"restartOn": []},
        {"maxRestarts": 10},
        {"maxRestarts": "1"},
    ],
)
def test_an_execution_policy_that_cannot_be_is_refused(run: Callable[..., str], policy: JSON) -> None:
    with pytest.raises(InvalidInput, match=r"executionPolicy|restartOn"):
        run(executionPolicy=policy)
    with pytest.raises(InvalidInput, match=r"executionPolicy|restartOn"):
        run(run_spec={"executionPolicy": policy})


def test_a_try_runs_with_a_token_of_its_own(context: Context, run: Callable[..., str]) -> None:
    main = run(executionPolicy={"restartOn": {"*": 1}})
    job_events.start(context.platform, main)
    token = access.issue_token(context.store, context.caller.user, main)
    job_events.fail(context.platform, main, Failure("AppInternalError", "it broke"))
    assert describe(context, main)["state"] == "runnable"
    assert access.caller_of(context.store, token) is None


def test_a_run_that_inherits_restarts_as_its_parent_does(context: Context, run: Callable[..., str]) -> None:
    main = run(executionPolicy={"restartOn": {"AppInternalError": 1}})
    spec = {"inheritParentRestartOnPolicy": True, "executionPolicy": {"restartOn": {}}}
    assert failed(context, run(main, spec))["state"] == "runnable"


def test_what_holds_by_executable_is_handed_down(context: Context, run: Callable[..., str]) -> None:
    asked = {"*": {"part": {"instanceType": "mem1_ssd1_v2_x8"}}}
    limits = {"*": {"*": {"minutes": 5}}}
    main = run(systemRequirementsByExecutable=asked, timeoutPolicyByExecutable=limits)
    inner = run(subjob(context, main), timeoutPolicy={"*": {"hours": 2}})
    types = [describe(context, job)["instanceType"] for job in (inner, subjob(context, inner))]
    assert types == ["mem1_ssd1_v2_x4", "mem1_ssd1_v2_x8"]
    assert jobs.get(context, inner)["timeout"] == 5 * 60_000
    merged = describe(context, inner, fields={"mergedSystemRequirementsByExecutable": True})
    assert merged["mergedSystemRequirementsByExecutable"] == asked


@pytest.mark.parametrize(
    ("run_spec", "asked", "expected"),
    [
        ({}, {}, False),
        ({"headJobOnDemand": True}, {}, True),
        ({"headJobOnDemand": True}, {"headJobOnDemand": False}, False),
        ({}, {"headJobOnDemand": True}, True),
    ],
)
def test_fields_about_workers_are_described_on_request(
    context: Context, run: Callable[..., str], run_spec: JSON, asked: JSON, expected: bool
) -> None:
    job = run(run_spec=run_spec, **asked)
    names = {"headJobOnDemand": expected, "internetUsageIPs": []}
    assert describe(context, job).keys() & names.keys() == set()
    assert describe(context, job, fields=dict.fromkeys(names, True)) == {"id": job, **names}


def test_turnaround_is_that_of_the_tree_of_a_root(context: Context, clock: Any, project: str) -> None:
    applet = make_applet(context, project, treeTurnaroundTimeThreshold=60, outputSpec=None)
    job = applets.run_applet(context, applet, {"project": project, "input": {"n": 1}})["id"]
    selected = ("selectedTreeTurnaroundTimeThreshold", "selectedTreeTurnaroundTimeThresholdFrom")
    assert [describe(context, job)[name] for name in selected] == [60, "executable"]
    job_events.start(context.platform, job)
    part = subjob(context, job)
    clock.advance(2500)
    job_events.start(context.platform, part)
    job_events.finish(context.platform, part, {})
    assert "treeTurnaroundTime" not in describe(context, job)
    job_events.finish(context.platform, job, {})
    assert describe(context, job)["treeTurnaroundTime"] == 2
    assert describe(context, part).keys() & {*selected, "treeTurnaroundTime"} == set()


def test_without_a_threshold_none_is_described(context: Context, run: Callable[..., str]) -> None:
    assert "selectedTreeTurnaroundTimeThreshold" not in describe(context, run())
