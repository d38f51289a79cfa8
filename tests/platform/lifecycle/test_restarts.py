"""Restarts of failed jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.life import add_analysis, add_job, job_row, reference, run, state

from dx_local.platform.core.states import Failure
from dx_local.platform.lifecycle import lifecycle

if TYPE_CHECKING:
    from dx_local.platform.core.store import Store

LOST = Failure("ExecutionError", "the machine is gone")
ALWAYS = {"restartOn": {"*": 9}}


def started(store: Store, parent: str | None = None, **more: Any) -> str:
    job = add_job(store, parent, **more)
    lifecycle.started(store, job, 2)
    return job


def fail(store: Store, job: str, reason: str = "ExecutionError") -> None:
    lifecycle.failed(store, job, Failure(reason, "it broke"), 3)


def tries_until_failed(store: Store, job: str, reason: str) -> int:
    """Fail every try of a runnable job, and return the number of tries."""
    number = 0
    while state(store, job) == "runnable":
        number += 1
        lifecycle.started(store, job, 2)
        fail(store, job, reason)
    assert state(store, job) == "failed"
    return number


@pytest.mark.parametrize(
    ("policy", "reason", "tries"),
    [
        pytest.param(None, "UnresponsiveWorker", 3, id="lost worker by default"),
        pytest.param(None, "JMInternalError", 2, id="fault of the platform by default"),
        pytest.param(None, "ExecutionError", 2, id="no start by default"),
        pytest.param(None, "AppInternalError", 1, id="no other by default"),
        pytest.param(None, "SpotInstanceInterruption", 1, id="no interruption by default"),
        pytest.param({"restartOn": {}}, "ExecutionError", 1, id="never"),
        pytest.param({"maxRestarts": 0}, "ExecutionError", 1, id="none at all"),
        pytest.param({"restartOn": {"*": 1}}, "AppInsufficientResourceError", 2, id="resources"),
        pytest.param({"restartOn": {"*": 9}}, "OutputError", 1, id="wrong output"),
        pytest.param({"restartOn": {"ExecutionError": 2}}, "ExecutionError", 3, id="named"),
        pytest.param({"restartOn": {"ExecutionError": 2}}, "AppInternalError", 1, id="not named"),
        pytest.param({"restartOn": {"*": 2}}, "AppInternalError", 3, id="any"),
        pytest.param({"restartOn": {"*": 2, "AppInternalError": 0}}, "AppInternalError", 1, id="but this"),
        pytest.param({"restartOn": {"*": 9}}, "AppError", 1, id="the app's own fault"),
        pytest.param({"restartOn": {"*": 9}}, "InputError", 1, id="wrong input"),
        pytest.param({"restartOn": {"*": 9}, "maxRestarts": 2}, "ExecutionError", 3, id="most of all"),
        pytest.param({"restartOn": {"*": 9}}, "JobTimeoutExceeded", 10, id="nine at most"),
    ],
)
def test_a_job_is_tried_as_often_as_its_policy_says(
    store: Store, policy: dict[str, Any] | None, reason: str, tries: int
) -> None:
    job = add_job(store, policy=policy)
    assert tries_until_failed(store, job, reason) == tries
    row = job_row(store, job)
    assert (row["try_number"], row["failure_counts"]) == (tries - 1, {reason: tries})
    assert row["failure_from"]["try"] == tries - 1


def test_a_try_that_ends_well_ends_the_job_well(store: Store) -> None:
    job = started(store, policy=ALWAYS)
    fail(store, job)
    run(store, job, {"n": 1})
    row = job_row(store, job)
    assert (row["state"], row["output"], row["failure_reason"]) == ("done", {"n": 1}, None)
    history = [entry["newState"] for entry in row["transitions"]]
    assert history == ["runnable", "running", "waiting_on_output", "done"]


def test_an_earlier_try_is_kept_with_its_failure(store: Store) -> None:
    job = started(store, policy=ALWAYS)
    fail(store, job)
    kept = store.value("SELECT row FROM past_try WHERE job = ?", job)
    assert (kept["state"], kept["failure_reason"]) == ("restarted", "ExecutionError")
    history = [entry["newState"] for entry in kept["transitions"]]
    assert history == ["runnable", "running", "restartable", "restarted"]


def test_a_subjob_that_fails_restarts_its_master(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    child = started(store, main)
    waits = add_job(store, main, {"n": reference(child)})
    fail(store, child)
    assert [state(store, job) for job in (main, child, waits)] == ["restartable", "failed", "terminated"]
    assert job_row(store, main)["failure_from"]["id"] == child
    lifecycle.failed(store, main, LOST, 4)
    assert state(store, main) == "runnable"


def test_a_master_that_waits_for_its_subjobs_begins_anew_at_once(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    child = started(store, main)
    lifecycle.finished(store, main, {"n": reference(child)}, 3)
    fail(store, child)
    assert (state(store, main), job_row(store, main)["output"]) == ("runnable", None)


def test_the_next_try_waits_until_the_workers_of_the_last_one_are_gone(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    first, second = started(store, main), started(store, main)
    lifecycle.finished(store, main, {}, 3)
    fail(store, first)
    assert (state(store, main), state(store, second)) == ("restartable", "terminating")
    lifecycle.finished(store, second, {}, 4)
    assert (state(store, main), state(store, second)) == ("runnable", "terminated")


def test_where_all_entry_points_are_restartable_only_the_subjob_begins_anew(store: Store) -> None:
    main = started(store, policy=ALWAYS, entry_points="all")
    child = started(store, main, policy=ALWAYS, entry_points="all")
    waits = add_job(store, main, {"n": reference(child)})
    fail(store, child)
    assert [state(store, job) for job in (main, child, waits)] == ["running", "runnable", "waiting_on_input"]
    run(store, child, {"n": 5})
    assert job_row(store, waits)["input"] == {"n": 5}


def test_a_subjob_whose_tries_are_used_up_fails_the_tree(store: Store) -> None:
    main = started(store)
    once = {"restartOn": {"ExecutionError": 1}}
    child = add_job(store, main, policy=once, entry_points="all")
    assert tries_until_failed(store, child, "ExecutionError") == 2
    assert job_row(store, main)["failure_reason"] == "JobTreeFailure"


def test_who_depends_on_a_job_goes_on_waiting_for_its_next_try(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    dependent = add_job(store, depends_on=[main])
    fail(store, main)
    assert state(store, dependent) == "waiting_on_input"
    run(store, main)
    assert state(store, dependent) == "runnable"


def test_another_tree_that_depends_on_a_subjob_of_the_last_try_fails(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    child = started(store, main)
    dependent = add_job(store, depends_on=[child])
    fail(store, child)
    row = job_row(store, dependent)
    assert (row["failure_reason"], row["failure_from"]["id"]) == ("DependencyUnsatisfiable", child)
    assert state(store, main) == "restartable"


def test_an_analysis_of_the_last_try_is_terminated(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    analysis, stages = add_analysis(store, main, ["failStage", "failStage"])
    fail(store, main)
    assert {state(store, each) for each in (analysis, *stages)} == {"terminated"}
    assert state(store, main) == "runnable"


@pytest.mark.parametrize("has_worker", [True, False])
def test_a_job_that_is_to_be_tried_again_can_be_terminated(store: Store, *, has_worker: bool) -> None:
    main = started(store, policy=ALWAYS)
    children = [started(store, main), started(store, main)]
    if not has_worker:
        lifecycle.finished(store, main, {}, 3)
    fail(store, children[0])
    assert state(store, main) == "restartable"
    lifecycle.terminated(store, main, 4)
    assert state(store, main) == ("terminating" if has_worker else "terminated")
    lifecycle.failed(store, main, LOST, 5)
    assert state(store, main) == "terminated"


def test_a_job_that_is_being_terminated_is_not_tried_again(store: Store) -> None:
    main = started(store, policy=ALWAYS)
    lifecycle.terminated(store, main, 3)
    fail(store, main)
    assert state(store, main) == "terminated"
