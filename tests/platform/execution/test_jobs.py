"""Jobs are created, described, tagged and terminated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, PermissionDenied, ResourceNotFound
from dx_local.platform.core.states import Failure
from dx_local.platform.execution import applets, job_creation, job_descriptions, job_events, jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Clock

    from dx_local.platform.core.context import Context

JSON = dict[str, Any]


def new_subjob(context: Context, **asked: Any) -> JSON:
    job = job_creation.new(context, "job", {"function": "part", "input": {}, **asked})["id"]
    return job_descriptions.describe_job(context, job, {})


def own_id(context: Context) -> str:
    assert context.caller.job
    return context.caller.job


def test_a_subjob_belongs_to_the_job_that_asks(job_context: Context) -> None:
    parent = job_descriptions.describe_job(job_context, own_id(job_context), {})
    child = new_subjob(job_context)
    assert child["parentJob"] == child["originJob"] == child["rootExecution"] == parent["id"]
    for shared in ("workspace", "project", "folder", "executable", "priority"):
        assert child[shared] == parent[shared]
    assert child["name"] == f"{parent['name']}:part"


def test_only_a_job_may_make_a_subjob(context: Context) -> None:
    with pytest.raises(PermissionDenied):
        job_creation.new(context, "job", {"function": "part", "input": {}})


@pytest.mark.parametrize(
    "wrong",
    [
        {"function": None},
        {"function": ""},
        {"input": []},
        {"tags": "x"},
        {"properties": {"a": 1}},
        {"details": []},
        {"priority": "urgent"},
        {"dependsOn": "job-xxxx"},
        {"systemRequirements": []},
        {"timeoutPolicy": {"*": 3}},
    ],
)
def test_a_misshapen_request_is_refused(job_context: Context, wrong: JSON) -> None:
    with pytest.raises(InvalidInput):
        new_subjob(job_context, **wrong)


@pytest.mark.parametrize("unknown", ["job-000000000000000000000000", "record-000000000000000000000000", 3])
def test_a_dependency_must_exist(job_context: Context, unknown: Any) -> None:
    with pytest.raises(ResourceNotFound):
        new_subjob(job_context, dependsOn=[unknown])


def test_the_input_is_described_as_given_completed_and_resolved(job_context: Context) -> None:
    first = new_subjob(job_context)["id"]
    second = new_subjob(job_context, input={"a": {"job": first, "field": "n"}, "b": [1, [2]]})
    canonical = {"$dnanexus_link": {"job": first, "field": "n"}}
    assert second["runInput"]["a"] == {"job": first, "field": "n"}
    assert second["input"] == {"a": canonical, "b": [1, 2]}
    assert second["state"] == "waiting_on_input"


def test_a_resolved_reference_takes_its_place_in_the_input(job_context: Context) -> None:
    first = new_subjob(job_context)["id"]
    second = new_subjob(job_context, input={"a": {"job": first, "field": "n"}})["id"]
    job_events.start(job_context.platform, first)
    job_events.finish(job_context.platform, first, {"n": 5})
    described = job_descriptions.describe_job(job_context, second, {})
    assert (described["state"], described["input"]) == ("runnable", {"a": 5})


@pytest.mark.parametrize("end", ["done", "failed", "terminated"])
def test_a_job_that_ended_says_when_it_ran(job_context: Context, clock: Clock, end: str) -> None:
    job = new_subjob(job_context)["id"]
    platform = job_context.platform
    clock.advance(1000)
    job_events.start(platform, job)
    clock.advance(500)
    if end == "done":
        job_events.finish(platform, job, {})
    elif end == "failed":
        job_events.fail(platform, job, Failure("AppError", "oh"))
    else:
        job_events.terminate(platform, job)
        job_events.finish(platform, job, {})
    described = job_descriptions.describe_job(job_context, job, {})
    assert described["state"] == end
    assert described["stoppedRunning"] - described["startedRunning"] == 500
    assert described["stateTransitions"][-1] == {"newState": end, "setAt": clock.now}


def test_a_job_that_waits_for_its_children_names_them(job_context: Context) -> None:
    child = new_subjob(job_context)["id"]
    parent = own_id(job_context)
    job_events.start(job_context.platform, parent)
    job_events.finish(job_context.platform, parent, {})
    described = job_descriptions.describe_job(job_context, parent, {})
    assert (described["state"], described["waitingOnChildren"]) == ("waiting_on_output", [child])


def test_input_and_output_can_be_left_out(job_context: Context) -> None:
    described = job_descriptions.describe_job(job_context, own_id(job_context), {"io": False})
    assert not {"runInput", "originalInput", "input", "output"} & described.keys()


def test_fields_are_those_asked_for_and_the_id(job_context: Context) -> None:
    job = own_id(job_context)
    described = job_descriptions.describe_job(job_context, job, {"fields": {"state": True}})
    assert described == {"id": job, "state": "runnable"}


def test_tags_and_properties_change(context: Context, job_context: Context) -> None:
    job = own_id(job_context)
    jobs.add_tags(context, job, {"tags": ["a", "b", "a"]})
    jobs.remove_tags(context, job, {"tags": ["a"]})
    jobs.set_properties(context, job, {"properties": {"k": "v", "gone": "x"}})
    jobs.set_properties(context, job, {"properties": {"gone": None}})
    described = job_descriptions.describe_job(context, job, {})
    assert (described["tags"], described["properties"]) == (["b"], {"k": "v"})


def test_a_job_does_not_see_jobs_of_projects_that_are_closed_to_it(
    job_context: Context, new_job: Callable[..., Context]
) -> None:
    stranger = new_job(project=None)
    with pytest.raises(PermissionDenied):
        job_descriptions.describe_job(stranger, own_id(job_context), {})


def test_a_job_of_another_tree_may_look_but_not_end(
    job_context: Context, new_job: Callable[..., Context]
) -> None:
    job = own_id(job_context)
    stranger = new_job()
    assert job_descriptions.describe_job(stranger, job, {})["id"] == job
    with pytest.raises(PermissionDenied):
        jobs.terminate(stranger, job, {})
    jobs.terminate(new_job(project="CONTRIBUTE"), job, {})
    assert jobs.get(job_context, job)["state"] == "terminated"


def test_the_token_of_a_job_dies_with_it(context: Context, job_context: Context) -> None:
    job = own_id(job_context)
    token = access.issue_token(context.store, context.caller.user, job)
    job_events.start(context.platform, job)
    job_events.finish(context.platform, job, {})
    assert access.caller_of(context.store, token) is None


def test_a_detached_job_needs_access_to_the_project(
    context: Context, project: str, new_job: Callable[..., Context]
) -> None:
    applet = jobs.get(context, own_id(new_job()))["executable"]
    asked = {"project": project, "input": {}, "detach": True}
    with pytest.raises(PermissionDenied, match="CONTRIBUTE"):
        applets.run_applet(new_job(), applet, asked)
    detached = applets.run_applet(new_job(project="CONTRIBUTE"), applet, asked)["id"]
    assert jobs.get(context, detached)["parent"] is None
