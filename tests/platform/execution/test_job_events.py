"""Jobs after the platform was stopped or killed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core import access
from dx_local.platform.execution import applets, job_descriptions, job_events, jobs

if TYPE_CHECKING:
    from tests.platform.conftest import Runner

    from dx_local.platform.core.context import Context

NEVER: dict[str, Any] = {"restartOn": {}}
WHY = ("ExecutionError", "The platform was stopped while the job ran")


@pytest.fixture
def lone_job(context: Context, runner: Runner) -> str:
    """A runnable job that is in no analysis and is never restarted."""
    request = {"project": runner.project, "input": {"n": 1}, "executionPolicy": NEVER}
    job: str = applets.run_applet(context, runner.applet, request)["id"]
    return job


def state_of(context: Context, job: str) -> str:
    state: str = job_descriptions.describe_job(context, job, {})["state"]
    return state


def test_a_running_job_fails_and_its_token_is_worthless(context: Context, lone_job: str) -> None:
    job_events.start(context.platform, lone_job)
    token = access.issue_token(context.store, context.caller.user, lone_job)
    job_events.fail_running_jobs(context.platform)
    described = job_descriptions.describe_job(context, lone_job, {})
    assert (described["failureReason"], described["failureMessage"]) == WHY
    assert access.caller_of(context.store, token) is None


def test_a_running_job_is_restarted_by_default(context: Context, runner: Runner) -> None:
    request = {"project": runner.project, "input": {"n": 1}}
    job = applets.run_applet(context, runner.applet, request)["id"]
    job_events.start(context.platform, job)
    job_events.fail_running_jobs(context.platform)
    described = job_descriptions.describe_job(context, job, {})
    assert (described["state"], described["try"]) == ("runnable", 1)


def test_a_job_that_waits_goes_on_waiting(context: Context, lone_job: str) -> None:
    job_events.fail_running_jobs(context.platform)
    assert state_of(context, lone_job) == "runnable"


def test_a_job_that_is_being_terminated_is_terminated(context: Context, lone_job: str) -> None:
    job_events.start(context.platform, lone_job)
    job_events.terminate(context.platform, lone_job)
    job_events.fail_running_jobs(context.platform)
    assert state_of(context, lone_job) == "terminated"


def test_an_analysis_fails_with_the_stage_that_ran(runner: Runner, context: Context) -> None:
    fails = {"id": "a", "input": {"n": 1}, "executionPolicy": NEVER}
    run = runner.run(runner.workflow(fails, {"id": "b", "input": {"n": 1}}))
    job_events.start(context.platform, run.jobs[0])
    job_events.fail_running_jobs(context.platform)
    assert run.states()[0] == "failed"
    assert run.describe()["failureReason"] == WHY[0]


def test_an_analysis_that_is_being_terminated_is_terminated(runner: Runner, context: Context) -> None:
    run = runner.run(runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b", "input": {"n": 1}}))
    job_events.start(context.platform, run.jobs[0])
    jobs.terminate(context, run.id, {})
    assert run.state == "terminating"
    job_events.fail_running_jobs(context.platform)
    assert (run.state, run.states()) == ("terminated", ["terminated", "terminated"])
