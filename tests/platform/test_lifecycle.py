from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule

from dx_app_wizard.spec.links import Reference, link
from dx_local.platform import lifecycle
from dx_local.platform.ids import new_id
from dx_local.platform.lifecycle import ANALYSIS_TRANSITIONS, FINAL, TRANSITIONS, Failure, State
from dx_local.platform.store import Row, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.platform.lifecycle import Transition

JSON = dict[str, Any]
BROKEN = Failure("AppError", "it broke")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "platform.sqlite")
    yield opened
    opened.close()


def add_job(
    store: Store,
    parent: str | None = None,
    job_input: JSON | None = None,
    depends_on: list[str] | None = None,
    output_spec: list[JSON] | None = None,
    policy: JSON | None = None,
) -> str:
    """Insert a job as jobs.create does, and tell the life cycle of it."""
    job_id = new_id("job")
    is_child = parent is not None and parent.startswith("job-")
    origin = store.value("SELECT origin FROM job WHERE id = ?", parent) if is_child else job_id
    insert(
        store,
        job_id,
        parent,
        origin,
        run_input=job_input or {},
        original_input=job_input or {},
        depends_on=depends_on or [],
        output_spec=output_spec,
        requested={"access": {}, "executionPolicy": policy},
    )
    lifecycle.added(store, job_id, 1)
    return job_id


def add_analysis(store: Store, parent: str | None, policies: list[str]) -> tuple[str, list[str]]:
    """Insert an analysis as analyses.run does, each stage of which takes a number from the one before."""
    analysis_id = new_id("analysis")
    requested = {"workflow": {"outputs": None}, "workflowInput": {}}
    insert(store, analysis_id, parent, analysis_id, requested=requested)
    stages: list[str] = []
    for policy in policies:
        job_input = {"n": reference(stages[-1])} if stages else {}
        chosen = {"onNonRestartableFailure": policy}
        stages.append(add_job(store, analysis_id, job_input, policy=chosen))
    lifecycle.added(store, analysis_id, 1)
    return analysis_id, stages


def insert(store: Store, job_id: str, parent: str | None, origin: str, **columns: Any) -> None:
    store.insert(
        "job",
        id=job_id,
        name="app",
        state="idle",
        function="main",
        executable="applet-x",
        executable_name="app",
        parent=parent,
        origin=origin,
        root=origin,
        user="user-local",
        project="project-x",
        folder="/",
        workspace="container-x",
        region="aws:us-east-1",
        priority="normal",
        created=0,
        modified=0,
        tags=[],
        properties={},
        details={},
        system_requirements={},
        instance_type="mem1_ssd1_v2_x4",
        open_children=0,
        transitions=[],
        stage=job_id,
        **{"run_input": {}, "original_input": {}, "depends_on": [], **columns},
    )


def add_object(store: Store, state: str = "open") -> str:
    object_id = new_id("file")
    sequence = store.insert(
        "object",
        id=object_id,
        **{"class": "file"},
        state=state,
        hidden=0,
        types=[],
        details={},
        links=[],
        created=0,
        modified=0,
        created_by={},
        fields={},
    )
    store.insert(
        "placement",
        project="container-x",
        object=object_id,
        sequence=sequence,
        **{"class": "file"},
        modified=0,
        name="f",
        folder="/",
        tags=[],
        properties={},
    )
    return object_id


def close_object(store: Store, object_id: str) -> list[Transition]:
    store.update("object", object_id, state="closed")
    return lifecycle.object_closed(store, object_id, 2)


def run(store: Store, job_id: str, output: JSON | None = None) -> None:
    lifecycle.started(store, job_id, 2)
    lifecycle.finished(store, job_id, output or {}, 3)


def state(store: Store, job_id: str) -> str:
    return str(store.value("SELECT state FROM job WHERE id = ?", job_id))


def job_row(store: Store, job_id: str) -> Row:
    found = store.get("job", job_id)
    assert found is not None
    return found


def reference(job_id: str, field: str = "n", **more: Any) -> JSON:
    return Reference(job_id, field, **more).to_json()


def running_main(store: Store) -> str:
    main = add_job(store)
    lifecycle.started(store, main, 2)
    return main


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
    ("output", "complaint"),
    [
        pytest.param({"n": "text"}, "declared as int", id="class"),
        pytest.param({}, "lacks 'n'", id="missing"),
        pytest.param({"n": 1, "m": 2}, "has 'm'", id="undeclared"),
        pytest.param({"n": None}, "lacks 'n'", id="null"),
    ],
)
def test_an_output_must_keep_to_its_spec(store: Store, output: JSON, complaint: str) -> None:
    job = add_job(store, output_spec=SPEC)
    run(store, job, output)
    assert job_row(store, job)["failure_reason"] == "OutputError"
    assert complaint in job_row(store, job)["failure_message"]


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


def test_a_job_of_another_tree_that_depends_on_a_failed_one_fails(store: Store) -> None:
    first = running_main(store)
    second = add_job(store, depends_on=[first])
    third = add_job(store, depends_on=[second])
    lifecycle.failed(store, first, BROKEN, 3)
    assert job_row(store, second)["failure_reason"] == "DependencyUnsatisfiable"
    assert job_row(store, third)["failure_reason"] == "DependencyUnsatisfiable"


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


@pytest.mark.parametrize("side", ["input", "output"])
def test_a_circle_of_references_ends_as_a_failure(store: Store, side: str) -> None:
    main = running_main(store)
    child = add_job(store, main, {"x": reference(main)} if side == "input" else {})
    lifecycle.finished(store, main, {"y": reference(main if side == "output" else child)}, 3)
    if side == "output":
        run(store, child)
    assert lifecycle.deadlocked(store, 4)
    assert {state(store, main), state(store, child)} <= {"failed", "done"}
    assert "circle" in str(job_row(store, main)["failure_message"])


def test_a_transition_that_the_table_does_not_know_is_refused(store: Store) -> None:
    job = add_job(store)
    run(store, job)
    with pytest.raises(ValueError, match="cannot go from done to running"):
        lifecycle.started(store, job, 5)


POLICIES = st.sampled_from(["failStage", "failAllStages"])


class RandomTrees(RuleBasedStateMachine):
    """Drives random job trees, with the store opened anew between any two steps."""

    jobs = Bundle("jobs")
    analyses = Bundle("analyses")
    objects = Bundle("objects")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "platform.sqlite"
        self.store = Store(self.path)
        self.roots = 0

    def note(self, transitions: list[Transition]) -> None:
        for job, before, after in transitions:
            allowed = ANALYSIS_TRANSITIONS if job.startswith("analysis-") else TRANSITIONS
            assert after in allowed[before], job

    def in_state(self, *states: str) -> list[str]:
        marks = ", ".join("?" * len(states))
        rows = self.store.all(f"SELECT id FROM job WHERE state IN ({marks}) AND id GLOB 'job-*'", *states)
        return [row["id"] for row in rows]

    @precondition(lambda self: self.roots < 3)
    @rule(target=jobs)
    def start_tree(self) -> str:
        self.roots += 1
        return add_job(self.store)

    @precondition(lambda self: self.roots < 3)
    @rule(target=analyses, policies=st.lists(POLICIES, min_size=1, max_size=3))
    def start_analysis(self, policies: list[str]) -> str:
        self.roots += 1
        return add_analysis(self.store, None, policies)[0]

    @precondition(lambda self: self.roots < 6)
    @rule(target=analyses, parent=jobs, policies=st.lists(POLICIES, min_size=1, max_size=2))
    def start_analysis_in_a_job(self, parent: str, policies: list[str]) -> Any:
        if state(self.store, parent) != "running":
            return multiple()
        self.roots += 1
        return add_analysis(self.store, parent, policies)[0]

    @rule(target=jobs, analysis=analyses, position=st.integers(0, 2))
    def know_a_stage(self, analysis: str, position: int) -> Any:
        stages = self.store.all("SELECT id FROM job WHERE parent = ? ORDER BY sequence", analysis)
        return stages[position]["id"] if position < len(stages) else multiple()

    @rule(target=jobs, analysis=analyses)
    def start_what_depends_on_an_analysis(self, analysis: str) -> str:
        return add_job(self.store, depends_on=[analysis])

    @rule(analysis=analyses)
    def terminate_analysis(self, analysis: str) -> None:
        self.note(lifecycle.terminated(self.store, analysis, 5))

    @rule(target=objects)
    def make_object(self) -> str:
        return add_object(self.store)

    @rule(object_id=objects)
    def close(self, object_id: str) -> None:
        self.note(close_object(self.store, object_id))

    @rule(target=jobs, parent=jobs, others=st.lists(jobs, max_size=3), depends=st.lists(jobs, max_size=2))
    def start_child(self, parent: str, others: list[str], depends: list[str]) -> Any:
        if state(self.store, parent) != "running":
            return multiple()
        job_input = {"values": [reference(other) for other in others]}
        return add_job(self.store, parent, job_input, depends)

    @rule(target=jobs, parent=jobs, object_id=objects)
    def start_child_on_object(self, parent: str, object_id: str) -> Any:
        if state(self.store, parent) != "running":
            return multiple()
        return add_job(self.store, parent, {"f": link(object_id)})

    @rule(job=jobs)
    def start(self, job: str) -> None:
        if state(self.store, job) == "runnable":
            self.note(lifecycle.started(self.store, job, 2))

    @rule(job=jobs, others=st.lists(jobs, max_size=2), fields=st.sampled_from(["n", "missing"]))
    def finish(self, job: str, others: list[str], fields: str) -> None:
        if state(self.store, job) in {"running", "terminating"}:
            output = {"n": 1, "values": [reference(other, fields) for other in others]}
            self.note(lifecycle.finished(self.store, job, output, 3))

    @rule(job=jobs, object_id=objects)
    def finish_with_object(self, job: str, object_id: str) -> None:
        if state(self.store, job) == "running":
            self.note(lifecycle.finished(self.store, job, {"n": link(object_id)}, 3))

    @rule(job=jobs)
    def fail(self, job: str) -> None:
        if state(self.store, job) in {"running", "terminating"}:
            self.note(lifecycle.failed(self.store, job, BROKEN, 4))

    @rule(job=jobs)
    def terminate(self, job: str) -> None:
        self.note(lifecycle.terminated(self.store, job, 5))

    @rule()
    def reload(self) -> None:
        self.store.close()
        self.store = Store(self.path)

    @invariant()
    def parents_count_their_open_children(self) -> None:
        wrong = self.store.all(
            "SELECT id FROM job AS parent WHERE open_children != (SELECT COUNT(*) FROM job AS child WHERE "
            "child.parent = parent.id AND child.state NOT IN ('done', 'failed', 'terminated'))"
        )
        assert wrong == []

    @invariant()
    def done_only_after_all_descendants(self) -> None:
        assert not self.store.all(
            "SELECT child.id FROM job AS child JOIN job AS parent ON child.parent = parent.id "
            "WHERE parent.state = 'done' AND child.state NOT IN ('done', 'terminated')"
        )

    @invariant()
    def an_analysis_goes_on_while_a_stage_does(self) -> None:
        assert not self.store.all(
            "SELECT id FROM job WHERE id GLOB 'analysis-*' "
            "AND (open_children = 0) != (state IN ('done', 'failed', 'terminated'))"
        )

    @invariant()
    def whoever_waits_has_something_to_wait_for(self) -> None:
        assert not self.store.all(
            "SELECT id FROM job WHERE state IN ('idle', 'waiting_on_input', 'waiting_on_output') "
            "AND open_children = 0 AND id NOT IN (SELECT job FROM wait)"
        )

    def teardown(self) -> None:
        """Let everything run out: whatever happened before, each job must reach a final state."""
        while unfinished := self.in_state(*(other.value for other in State if other not in FINAL)):
            for job in self.in_state("runnable"):
                lifecycle.started(self.store, job, 6)
            for job in self.in_state("running", "terminating"):
                lifecycle.finished(self.store, job, {"n": 1}, 7)
            if not self.in_state("runnable", "running", "terminating"):
                before = len(unfinished)
                lifecycle.deadlocked(self.store, 8)
                assert len(self.in_state(*(s.value for s in State if s not in FINAL))) < before
        self.parents_count_their_open_children()
        assert self.store.all("SELECT * FROM wait") == []
        self.store.close()
        self.folder.cleanup()


RandomTrees.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestRandomTrees = RandomTrees.TestCase
