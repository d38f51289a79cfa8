from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.platform.life import (
    BROKEN,
    JSON,
    add_job,
    add_object,
    close_object,
    job_row,
    reference,
    run,
    running_main,
    state,
)

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.ids import new_id
from dx_local.platform.lifecycle import lifecycle

if TYPE_CHECKING:
    from dx_local.platform.core.store import Store


def test_a_job_that_waits_for_nothing_is_runnable(store: Store) -> None:
    assert state(store, add_job(store)) == "runnable"


def test_a_job_runs_to_done_through_every_state(store: Store) -> None:
    job = add_job(store)
    run(store, job, {"n": 1})
    history = [entry["newState"] for entry in job_row(store, job)["transitions"]]
    assert history == ["runnable", "running", "waiting_on_output", "done"]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(reference, id="canonical"),
        pytest.param(lambda job: {"job": job, "field": "n"}, id="legacy"),
        pytest.param(lambda job: [0, [reference(job)]], id="in nested arrays"),
        pytest.param(lambda job: {"deep": {"down": reference(job)}}, id="in a hash"),
    ],
)
def test_a_reference_in_the_input_waits_for_its_job(store: Store, make: Any) -> None:
    main = running_main(store)
    first = add_job(store, main)
    second = add_job(store, main, {"x": make(first)})
    assert state(store, second) == "waiting_on_input"
    run(store, first, {"n": 7})
    assert state(store, second) == "runnable"
    expected = {"canonical": 7, "legacy": 7}
    assert "7" in str(job_row(store, second)["input"]["x"]), expected


def test_references_to_arrays_are_spliced_into_an_array(store: Store) -> None:
    main = running_main(store)
    parts = [add_job(store, main) for _ in range(2)]
    gather = add_job(store, main, {"all": [reference(part) for part in parts]})
    run(store, parts[1], {"n": [3, 4]})
    run(store, parts[0], {"n": [1, 2]})
    assert job_row(store, gather)["input"] == {"all": [1, 2, 3, 4]}


@pytest.mark.parametrize(("index", "expected"), [(0, "a"), (1, "b")])
def test_an_index_takes_one_element(store: Store, index: int, expected: str) -> None:
    main = running_main(store)
    first = add_job(store, main)
    second = add_job(store, main, {"x": reference(first, index=index)})
    run(store, first, {"n": ["a", "b"]})
    assert job_row(store, second)["input"] == {"x": expected}


@pytest.mark.parametrize(
    ("output", "more"),
    [
        pytest.param({}, {}, id="no such field"),
        pytest.param({"n": 1}, {"index": 0}, id="index into no array"),
        pytest.param({"n": [1]}, {"index": 5}, id="index outside"),
        pytest.param({"n": 1}, {"metadata": "name"}, id="metadata of a number"),
    ],
)
def test_a_reference_without_a_value_fails_the_tree(store: Store, output: JSON, more: JSON) -> None:
    main = running_main(store)
    first = add_job(store, main)
    second = add_job(store, main, {"x": reference(first, **more)})
    run(store, first, output)
    assert job_row(store, second)["failure_reason"] == "InputError"
    assert job_row(store, main)["failure_reason"] == "JobTreeFailure"


def test_a_reference_to_no_job_fails_who_waits_for_it(store: Store) -> None:
    job = add_job(store, job_input={"n": reference(new_id("job"))})
    assert job_row(store, job)["failure_reason"] == "InputError"


def test_a_reference_to_no_job_is_no_output(store: Store) -> None:
    main = running_main(store)
    lifecycle.finished(store, main, {"n": reference(new_id("job"))}, 3)
    assert job_row(store, main)["failure_reason"] == "OutputError"


def test_metadata_of_a_reference_is_the_name_of_the_object(store: Store) -> None:
    main = running_main(store)
    first = add_job(store, main)
    second = add_job(store, main, {"x": reference(first, metadata="name")})
    run(store, first, {"n": link(add_object(store, "closed"))})
    assert job_row(store, second)["input"] == {"x": "f"}


def test_an_open_object_in_the_input_is_waited_for(store: Store) -> None:
    file = add_object(store)
    job = add_job(store, running_main(store), {"f": link(file)})
    assert state(store, job) == "waiting_on_input"
    close_object(store, file)
    assert state(store, job) == "runnable"


@pytest.mark.parametrize("kind", ["job", "object"])
def test_depends_on_waits(store: Store, kind: str) -> None:
    main = running_main(store)
    cause = add_job(store, main) if kind == "job" else add_object(store)
    job = add_job(store, main, depends_on=[cause])
    assert state(store, job) == "waiting_on_input"
    run(store, cause) if kind == "job" else close_object(store, cause)
    assert state(store, job) == "runnable"


def test_a_job_is_done_only_after_its_grandchildren(store: Store) -> None:
    main = running_main(store)
    child = add_job(store, main)
    lifecycle.started(store, child, 2)
    grandchild = add_job(store, child)
    lifecycle.finished(store, child, {}, 3)
    lifecycle.finished(store, main, {}, 3)
    assert {state(store, main), state(store, child)} == {"waiting_on_output"}
    run(store, grandchild)
    assert {state(store, main), state(store, child)} == {"done"}


def test_a_reference_in_the_output_takes_the_childs_value(store: Store) -> None:
    main = running_main(store)
    child = add_job(store, main)
    lifecycle.finished(store, main, {"total": reference(child)}, 3)
    assert state(store, main) == "waiting_on_output"
    run(store, child, {"n": 42})
    assert job_row(store, main)["output"] == {"total": 42}


def test_links_in_the_output_become_simple(store: Store) -> None:
    file = add_object(store, "closed")
    job = add_job(store)
    run(store, job, {"f": link(file, "project-x")})
    assert job_row(store, job)["output"] == {"f": link(file)}


def test_an_output_that_is_left_open_is_an_error(store: Store) -> None:
    file = add_object(store)
    job = add_job(store)
    run(store, job, {"f": link(file)})
    assert job_row(store, job)["failure_reason"] == "OutputError"
    assert file in job_row(store, job)["failure_message"]


def test_an_open_output_may_be_closed_by_a_subjob(store: Store) -> None:
    file = add_object(store)
    main = running_main(store)
    child = add_job(store, main)
    lifecycle.finished(store, main, {"f": link(file)}, 3)
    lifecycle.started(store, child, 4)
    close_object(store, file)
    lifecycle.finished(store, child, {}, 5)
    assert state(store, main) == "done"


SPEC: list[JSON] = [{"name": "n", "class": "int"}, {"name": "o", "class": "string", "optional": True}]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        pytest.param({"n": "text"}, "declared as int", id="class"),
        pytest.param({}, "output 'n' is missing", id="missing"),
        pytest.param({"n": 1, "m": 2}, "output 'm' is not declared", id="undeclared"),
        pytest.param({"n": None}, "output 'n' is missing", id="null"),
    ],
)
def test_an_output_must_keep_to_its_spec(store: Store, output: JSON, message: str) -> None:
    job = add_job(store, output_spec=SPEC)
    run(store, job, output)
    assert job_row(store, job)["failure_reason"] == "OutputError"
    assert message in job_row(store, job)["failure_message"]


def test_a_failed_job_fails_its_tree_and_names_itself(store: Store) -> None:
    main = running_main(store)
    child = add_job(store, main)
    sibling = add_job(store, main)
    lifecycle.started(store, child, 2)
    lifecycle.failed(store, child, BROKEN, 3)
    assert job_row(store, child)["failure_reason"] == "AppError"
    for other in (main, sibling):
        row = job_row(store, other)
        assert (row["failure_reason"], row["failure_from"]["id"]) == ("JobTreeFailure", child)
        assert row["failure_message"] == f"{child} failed because of AppError: {BROKEN.message}"


def test_a_job_of_another_tree_that_depends_on_a_failed_one_fails(store: Store) -> None:
    first = running_main(store)
    second = add_job(store, depends_on=[first])
    third = add_job(store, depends_on=[second])
    lifecycle.failed(store, first, BROKEN, 3)
    assert job_row(store, second)["failure_reason"] == "DependencyUnsatisfiable"
    assert job_row(store, third)["failure_reason"] == "DependencyUnsatisfiable"
    for job, cause in ((second, first), (third, second)):
        said = job_row(store, job)["failure_message"]
        assert said.startswith(f"{cause} was a job dependency but failed: ")


def test_a_job_that_depends_on_one_that_failed_before_fails_at_once(store: Store) -> None:
    first = running_main(store)
    lifecycle.failed(store, first, BROKEN, 3)
    second = add_job(store, depends_on=[first])
    assert job_row(store, second)["failure_reason"] == "DependencyUnsatisfiable"


def test_terminating_a_tree_terminates_all_of_it(store: Store) -> None:
    main = running_main(store)
    waits = add_job(store, main, depends_on=[add_job(store, main)])
    lifecycle.terminated(store, main, 3)
    assert (state(store, main), state(store, waits)) == ("terminating", "terminated")
    lifecycle.failed(store, main, BROKEN, 4)
    assert state(store, main) == "terminated"


def test_a_parent_goes_on_when_it_terminates_a_child(store: Store) -> None:
    main = running_main(store)
    child = add_job(store, main)
    lifecycle.terminated(store, child, 3)
    lifecycle.finished(store, main, {}, 4)
    assert state(store, main) == "done"


def test_a_finished_job_cannot_fail_or_be_terminated(store: Store) -> None:
    job = add_job(store)
    run(store, job)
    assert lifecycle.failed(store, job, BROKEN, 4) == []
    assert lifecycle.terminated(store, job, 4) == []


def test_a_subjob_that_waits_for_a_job_above_it_fails_at_once(store: Store) -> None:
    main = running_main(store)
    child = add_job(store, main)
    lifecycle.started(store, child, 2)
    grandchild = add_job(store, child, {"x": reference(main)})
    assert job_row(store, grandchild)["failure_reason"] == "InputError"
    assert f"waits for {main}, which in turn" in job_row(store, grandchild)["failure_message"]
    assert job_row(store, main)["failure_from"]["id"] == grandchild


def test_a_job_that_refers_to_its_own_output_fails(store: Store) -> None:
    main = running_main(store)
    lifecycle.finished(store, main, {"y": reference(main)}, 3)
    assert job_row(store, main)["failure_reason"] == "OutputError"
    assert "circle" in job_row(store, main)["failure_message"]


def test_jobs_that_wait_for_the_outputs_of_each_other_fail(store: Store) -> None:
    main = running_main(store)
    children = [add_job(store, main) for _ in range(3)]
    for child in children:
        lifecycle.started(store, child, 2)
    for child, other in zip(children, [*children[1:], children[0]], strict=True):
        lifecycle.finished(store, child, {"n": reference(other)}, 3)
    assert job_row(store, children[2])["failure_reason"] == "OutputError"
    assert {state(store, job) for job in (main, *children)} == {"failed"}


def test_a_circle_through_a_job_of_another_tree_ends_when_nothing_runs(store: Store) -> None:
    main = running_main(store)
    other = add_job(store, depends_on=[main])
    child = add_job(store, main, depends_on=[other])
    lifecycle.finished(store, main, {}, 3)
    assert lifecycle.deadlocked(store, 4)
    assert job_row(store, child)["failure_reason"] == "InputError"


@pytest.mark.parametrize("path", ["properties.absent", "details.absent", "size", ""])
def test_metadata_that_an_object_does_not_have_fails_who_refers_to_it(store: Store, path: str) -> None:
    main = running_main(store)
    first = add_job(store, main)
    second = add_job(store, main, {"x": reference(first, metadata=path)})
    run(store, first, {"n": link(add_object(store, "closed"))})
    assert job_row(store, second)["failure_reason"] == "InputError"
    assert f"has no {path}" in job_row(store, second)["failure_message"]


def test_a_transition_that_the_table_does_not_know_is_refused(store: Store) -> None:
    job = add_job(store)
    run(store, job)
    with pytest.raises(ValueError, match="cannot go from done to running"):
        lifecycle.started(store, job, 5)
