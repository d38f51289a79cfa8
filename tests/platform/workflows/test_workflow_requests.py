"""Any request about a workflow is carried out or rejected, and never causes an internal error."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples import share_of

from dx_local.platform.core.errors import ApiError
from dx_local.platform.data import objects
from dx_local.platform.execution import job_events
from dx_local.platform.find import executions
from dx_local.platform.workflows import analyses, workflows

if TYPE_CHECKING:
    from tests.platform.conftest import Runner

JSON = dict[str, Any]

LINKS: list[Any] = [
    {"$dnanexus_link": {"stage": "a", "outputField": "n"}},
    {"$dnanexus_link": {"stage": "b", "inputField": "n", "index": 1}},
    {"$dnanexus_link": {"workflowInputField": "x"}},
    {"$dnanexus_link": {"analysis": "analysis-x", "stage": "a", "field": "n"}},
    {"$dnanexus_link": "file-x"},
]
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5)
NAMES = ("a", "b", "a.n", "b.n", "n", "x", "*", "/f/../g", "main", "int", "onNonRestartableFailure")
FIELDS = ("id", "name", "class", "default", "outputSource", "stage", "executable", "input", "instanceType")
keys = st.sampled_from((*NAMES, *FIELDS))
values = st.recursive(
    scalars | keys | st.sampled_from(LINKS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
quickly = settings(
    max_examples=share_of(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

WORKFLOW_KEYS = (
    "name", "title", "summary", "outputFolder", "stages", "inputs", "outputs", "ignoreReuse",
    "initializeFrom", "temporary", "tags", "details", "editVersion",
)  # fmt: skip
STAGE_KEYS = ("id", "executable", "name", "folder", "input", "executionPolicy", "systemRequirements")
RUN_KEYS = (
    "input", "folder", "name", "tags", "details", "priority", "stageFolders", "rerunStages", "ignoreReuse",
    "stageSystemRequirements", "systemRequirements", "systemRequirementsByExecutable", "detach", "debug",
    "timeoutPolicyByExecutable", "project",
)  # fmt: skip
EDITS = {
    "update": workflows.update,
    "addStage": workflows.add_stage,
    "removeStage": workflows.remove_stage,
    "moveStage": workflows.move_stage,
    "updateStageExecutable": workflows.update_stage_executable,
    "isStageCompatible": workflows.is_stage_compatible,
    "overwrite": workflows.overwrite,
}


def use(runner: Runner, workflow: str, **asked: Any) -> None:
    """Describe and run a workflow, and treat the analysis as clients and workers do."""
    objects.describe(runner.context, workflow, {})
    request = {"project": runner.project, "input": {}, **asked}
    with runner.context.store.transaction():
        analysis = analyses.run(runner.context, workflow, request)
    analyses.describe(runner.context, analysis["id"], {})
    job_events.start(runner.context.platform, analysis["stages"][0])
    job_events.finish(runner.context.platform, analysis["stages"][0], {"n": 2})
    analyses.describe(runner.context, analysis["id"], {})
    runner.workflow(initializeFrom={"id": analysis["id"]}, stages=None)
    executions.find_executions(runner.context, "system", {"describe": True, "limit": 3})


def test_new_workflow_that_is_run(runner: Runner) -> None:
    @quickly
    @given(st.sampled_from(WORKFLOW_KEYS), values)
    def any_value(key: str, value: Any) -> None:
        fields: JSON = {"stages": [{"id": "a", "executable": runner.applet, "input": {"n": 1}}], key: value}
        with suppress(ApiError):
            request = {"project": runner.project, **fields}
            use(runner, workflows.new(runner.context, "workflow", request)["id"])

    any_value()


def test_new_stage_that_is_run(runner: Runner) -> None:
    @quickly
    @given(st.sampled_from(STAGE_KEYS), values)
    def any_value(key: str, value: Any) -> None:
        with suppress(ApiError):
            use(runner, runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b", key: value}))

    any_value()


def test_links_that_are_run(runner: Runner) -> None:
    @quickly
    @given(values, values)
    def any_value(source: Any, value: Any) -> None:
        outputs = [{"name": "o", "class": "int", "outputSource": source}]
        bound = {"n": value}
        inputs = [{"name": "x", "class": "int", "default": 3}]
        stages = [{"id": "a", "input": {"n": 1}}, {"id": "b", "input": bound}]
        with suppress(ApiError):
            use(runner, runner.workflow(*stages, inputs=inputs, outputs=outputs))

    any_value()


def test_run(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b", "input": {"n": 1}})

    @quickly
    @given(st.sampled_from(RUN_KEYS), values)
    def any_value(key: str, value: Any) -> None:
        with suppress(ApiError):
            use(runner, workflow, **{key: value})

    any_value()


def test_edits(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b", "input": {"n": 1}})
    fields = st.sampled_from(
        [*WORKFLOW_KEYS, *STAGE_KEYS, "stage", "stages", "newIndex", "executable", "force", "from"]
    )

    @quickly
    @given(
        st.sampled_from(sorted(EDITS)),
        st.dictionaries(fields, values | st.just(runner.applet) | st.just({"id": workflow}), max_size=5),
    )
    def any_request(method: str, request: JSON) -> None:
        version = objects.describe(runner.context, workflow, {})["editVersion"]
        with suppress(ApiError):
            EDITS[method](runner.context, workflow, {"editVersion": version, "stage": "a", **request})
        objects.describe(runner.context, workflow, {})

    any_request()
