"""Tests of searches for executions, with the requests of `dx find jobs` and dxpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import ApiError
from dx_local.platform.execution import applets, job_creation
from dx_local.platform.find import executions

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = dict[str, Any]


@pytest.fixture
def applet(context: Context, project: str) -> str:
    run_spec = {"interpreter": "bash", "code": "main() { true; }"}
    request = {"project": project, "dxapi": "1.0.0", "name": "Counter", "runSpec": run_spec}
    applet_id: str = applets.new_applet(context, "applet", request)["id"]
    return applet_id


@pytest.fixture
def run(context: Context, applet: str, project: str) -> Callable[..., str]:
    """Run the applet, as the user or as a job; return the job's ID."""

    def run(*, job: str | None = None, **asked: Any) -> str:
        caller = Context(context.platform, Caller(context.caller.user, job))
        job_id: str = applets.run_applet(caller, applet, {"project": project, "input": {}, **asked})["id"]
        return job_id

    return run


def subjob(context: Context, parent: str) -> str:
    caller = Context(context.platform, Caller(context.caller.user, parent))
    job_id: str = job_creation.new(caller, "job", {"function": "part", "input": {}})["id"]
    return job_id


def found(context: Context, **request: Any) -> list[str]:
    """Return the IDs of the results, in order."""
    answer = executions.find_executions(context, "system", request)
    return [result["id"] for result in answer["results"]]


def test_all_jobs_are_found_newest_first(context: Context, run: Callable[..., str]) -> None:
    first, second = run(), run()
    part = subjob(context, first)
    assert found(context) == [part, second, first]


def test_jobs_are_found_by_their_place_in_the_tree(context: Context, run: Callable[..., str]) -> None:
    first, other = run(), run()
    part = subjob(context, first)
    assert found(context, originJob=[first, other]) == [part, other, first]
    assert found(context, rootExecution=first) == [part, first]
    assert found(context, parentJob=first) == [part]
    assert found(context, parentJob=None) == [other, first]
    assert found(context, includeSubjobs=False) == [other, first]


def test_a_job_that_a_job_has_run_is_no_subjob(context: Context, run: Callable[..., str]) -> None:
    first = run()
    inner = run(job=first)
    assert found(context, includeSubjobs=False, parentJob=first) == [inner]


@pytest.mark.parametrize(
    ("request_", "matches"),
    [
        ({"name": {"glob": "Count*"}}, True),
        ({"name": "Count"}, False),
        ({"tags": {"$and": ["a", "b"]}}, True),
        ({"tags": "c"}, False),
        ({"properties": {"k": "v"}}, True),
        ({"properties": {"k": "w"}}, False),
        ({"state": "runnable"}, True),
        ({"state": "done"}, False),
        ({"launchedBy": "self"}, True),
        ({"launchedBy": "user-nobody"}, False),
        ({"class": "job"}, True),
        ({"class": "analysis"}, False),
        ({"parentAnalysis": None}, True),
        ({"created": {"after": 1_600_000_000_000}}, True),
        ({"created": {"before": 1_600_000_000_000}}, False),
        ({"executable": "applet-000000000000000000000000"}, False),
    ],
)
def test_jobs_are_found_by_their_properties(
    context: Context, run: Callable[..., str], request_: JSON, matches: bool
) -> None:
    job = run(tags=["a", "b"], properties={"k": "v"})
    assert found(context, **request_) == ([job] if matches else [])


def test_results_come_in_pages(context: Context, run: Callable[..., str]) -> None:
    all_jobs = [run() for _ in range(3)]
    first = executions.find_executions(context, "system", {"limit": 2})
    second = executions.find_executions(context, "system", {"limit": 2, "starting": first["next"]})
    assert [result["id"] for page in (first, second) for result in page["results"]] == all_jobs[::-1]
    assert second["next"] is None


def test_a_result_is_described_as_requested(context: Context, run: Callable[..., str]) -> None:
    job = run()
    request = {"describe": {"fields": {"state": True}}}
    answer = executions.find_executions(context, "system", request)
    assert answer["results"] == [{"id": job, "describe": {"id": job, "state": "runnable"}}]


@pytest.mark.parametrize("request_", [{"project": "project-000000000000000000000000"}, {"originJob": 3}])
def test_wrong_requests_are_rejected(context: Context, request_: JSON) -> None:
    with pytest.raises(ApiError):
        executions.find_executions(context, "system", request_)


def test_dx_find_jobs_shows_the_tree(served: Any) -> None:
    job = served.job()
    part = served.inside(lambda context: subjob(context, job))
    shown = served.dx("find", "jobs")
    assert shown.index(job) < shown.index(part)
    assert "(runnable)" in shown


def test_dx_finds_and_describes_jobs_by_id(served: Any) -> None:
    first, second = served.job(), served.job()
    assert served.dx("find", "jobs", "--all-jobs", "--brief").split() == [second, first]
    assert served.dx("find", "jobs", "--id", first, "--brief") == first
    assert ["ID", first] in [line.split() for line in served.dx("describe", first).splitlines()]


def test_dxpy_finds_the_jobs_of_a_tree(served: Any) -> None:
    job = served.job()
    part = served.inside(lambda context: subjob(context, job))
    code = "result = [r['id'] for r in dxpy.find_jobs(origin_job=v[0], limit=10)]"
    assert served.dxpy(code, job) == [part, job]
    assert served.dxpy(code, job, job=job) == [part, job]
