from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, precondition, rule
from tests.examples import share_of
from tests.platform.life import (
    JSON,
    add_analysis,
    add_job,
    add_object,
    close_object,
    job_row,
    reference,
    state,
)

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.schema import JobRow
from dx_local.platform.core.states import ANALYSIS_TRANSITIONS, FINAL, TRANSITIONS, Failure, State
from dx_local.platform.core.store import Store
from dx_local.platform.lifecycle import lifecycle
from dx_local.platform.lifecycle.restarts import REASONS as RESTARTABLE

if TYPE_CHECKING:
    from dx_local.platform.core.states import Transition

POLICIES = st.sampled_from(["failStage", "failAllStages"])
RESTARTS = st.sampled_from([{}, {"restartOn": {"*": 2}}, {"restartOn": {"*": 9}, "maxRestarts": 1}])
ENTRY_POINTS = st.sampled_from(["master", "all"])
HAS_OPEN_CHILDREN = (
    "EXISTS (SELECT 1 FROM job AS child"
    " WHERE child.parent = job.id AND child.state NOT IN ('done', 'failed', 'terminated'))"
)
REASONS = st.sampled_from(["AppError", "AppInternalError", "ExecutionError"])


class RandomTrees(RuleBasedStateMachine):
    """Drives random job trees; the store is reopened between any two steps."""

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
        return self.store.column(f"SELECT id FROM job WHERE state IN ({marks}) AND id GLOB 'job-*'", *states)

    @precondition(lambda self: self.roots < 3)
    @rule(target=jobs, policy=RESTARTS, entry_points=ENTRY_POINTS)
    def start_tree(self, policy: JSON, entry_points: str) -> str:
        self.roots += 1
        return add_job(self.store, policy=policy, entry_points=entry_points)

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
        stages = self.store.column("SELECT id FROM job WHERE parent = ? ORDER BY sequence", analysis)
        return stages[position] if position < len(stages) else multiple()

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
        return self.add_child(parent, job_input, depends)

    def add_child(self, parent: str, job_input: JSON, depends: list[str]) -> str:
        """Start a subjob with the restart policy of its master."""
        above = job_row(self.store, parent)["requested"]
        return add_job(
            self.store,
            parent,
            job_input,
            depends,
            policy=above["executionPolicy"],
            entry_points=above["restartableEntryPoints"],
        )

    @rule(target=jobs, parent=jobs, object_id=objects)
    def start_child_on_object(self, parent: str, object_id: str) -> Any:
        if state(self.store, parent) != "running":
            return multiple()
        return self.add_child(parent, {"f": link(object_id)}, [])

    @rule(job=jobs)
    def start(self, job: str) -> None:
        if state(self.store, job) == "runnable":
            self.note(lifecycle.started(self.store, job, 2))

    @rule(job=jobs, others=st.lists(jobs, max_size=2), fields=st.sampled_from(["n", "missing"]))
    def finish(self, job: str, others: list[str], fields: str) -> None:
        if state(self.store, job) in {"running", "terminating", "restartable"}:
            output = {"n": 1, "values": [reference(other, fields) for other in others]}
            self.note(lifecycle.finished(self.store, job, output, 3))

    @rule(job=jobs, object_id=objects)
    def finish_with_object(self, job: str, object_id: str) -> None:
        if state(self.store, job) == "running":
            self.note(lifecycle.finished(self.store, job, {"n": link(object_id)}, 3))

    @rule(job=jobs, reason=REASONS)
    def fail(self, job: str, reason: str) -> None:
        if state(self.store, job) in {"running", "terminating", "restartable"}:
            self.note(lifecycle.failed(self.store, job, Failure(reason, "it broke"), 4))

    @rule(job=jobs)
    def terminate(self, job: str) -> None:
        self.note(lifecycle.terminated(self.store, job, 5))

    @rule()
    def reload(self) -> None:
        self.store.close()
        self.store = Store(self.path)

    @invariant()
    def done_only_after_all_descendants(self) -> None:
        assert not self.store.exists(
            "SELECT child.id FROM job AS child JOIN job AS parent ON child.parent = parent.id "
            "WHERE parent.state = 'done' AND child.state NOT IN ('done', 'terminated')"
        )

    @invariant()
    def an_analysis_goes_on_while_a_stage_does(self) -> None:
        assert not self.store.exists(
            "SELECT id FROM job WHERE id GLOB 'analysis-*' "
            f"AND {HAS_OPEN_CHILDREN} = (state IN ('done', 'failed', 'terminated'))"
        )

    @invariant()
    def whoever_waits_has_something_to_wait_for(self) -> None:
        assert not self.store.exists(
            "SELECT id FROM job WHERE state IN ('idle', 'waiting_on_input', 'waiting_on_output') "
            f"AND NOT {HAS_OPEN_CHILDREN} AND id NOT IN (SELECT job FROM wait)"
        )

    @invariant()
    def a_job_has_as_many_tries_as_its_policy_allows(self) -> None:
        for row in self.store.all(JobRow, "SELECT * FROM job"):
            policy = row["requested"].get("executionPolicy") or {}
            reasons = sum(count for reason, count in row["failure_counts"].items() if reason in RESTARTABLE)
            assert row["try_number"] <= min(reasons, policy.get("maxRestarts", 9))

    @invariant()
    def what_an_earlier_try_started_ends(self) -> None:
        superseded = self.store.column("SELECT state FROM job WHERE superseded")
        assert set(superseded) <= {"done", "failed", "terminated", "terminating"}

    @invariant()
    def a_try_begins_when_nothing_of_the_last_one_is_left(self) -> None:
        assert not self.store.exists(
            "SELECT child.id FROM job AS child JOIN job AS parent ON child.parent = parent.id "
            "WHERE child.superseded AND child.parent_try < parent.try_number "
            "AND child.state NOT IN ('done', 'failed', 'terminated')"
        )

    def teardown(self) -> None:
        """Run all jobs to their ends: each must reach a final state, whatever happened before."""
        while unfinished := self.in_state(*(other.value for other in State if other not in FINAL)):
            for job in self.in_state("runnable"):
                lifecycle.started(self.store, job, 6)
            for job in self.in_state("running", "terminating", "restartable"):
                lifecycle.finished(self.store, job, {"n": 1}, 7)
            if not self.in_state("runnable", "running", "terminating", "restartable"):
                before = len(unfinished)
                lifecycle.deadlocked(self.store, 8)
                assert len(self.in_state(*(s.value for s in State if s not in FINAL))) < before
        assert not self.store.exists("SELECT 1 FROM wait")
        self.store.close()
        self.folder.cleanup()


RandomTrees.TestCase.settings = settings(
    max_examples=share_of(60),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestRandomTrees = RandomTrees.TestCase
