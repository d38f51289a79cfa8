"""Workflows as data objects: creating, describing and editing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.apps import apps
from dx_local.platform.core.errors import ApiError, InvalidInput, InvalidState
from dx_local.platform.data import objects
from dx_local.platform.workflows import workflows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platform.conftest import Runner

    from dx_local.platform.core.context import Context

JSON = dict[str, Any]


def describe(runner: Runner, workflow: str) -> JSON:
    return objects.describe(runner.context, workflow, {})


def stages_of(runner: Runner, workflow: str) -> list[JSON]:
    found: list[JSON] = describe(runner, workflow)["stages"]
    return found


def test_a_workflow_is_open_until_it_is_closed(context: Context, project: str) -> None:
    workflow = workflows.new(context, "workflow", {"project": project, "title": "Two steps"})["id"]
    assert objects.describe(context, workflow, {})["state"] == "open"
    objects.close(context, workflow, {})
    described = objects.describe(context, workflow, {})
    assert (described["state"], described["title"]) == ("closed", "Two steps")


@pytest.mark.parametrize("name", ["W", None])
def test_a_workflow_without_a_title_is_called_by_its_name(
    context: Context, project: str, name: str | None
) -> None:
    workflow = workflows.new(context, "workflow", {"project": project, "name": name})["id"]
    assert objects.describe(context, workflow, {})["title"] == (name or workflow)


def test_an_empty_workflow(runner: Runner) -> None:
    described = describe(runner, runner.workflow())
    empty: JSON = {"summary": "", "description": "", "outputFolder": None, "stages": [], "inputs": None}
    assert described.items() >= {**empty, "outputs": None, "editVersion": 0, "latestAnalysis": None}.items()


def test_a_stage_is_complete(runner: Runner) -> None:
    (stage,) = stages_of(runner, runner.workflow({}))
    assert stage.pop("id").startswith("stage-")
    empty: JSON = {"name": None, "folder": None, "input": {}, "executionPolicy": {}, "systemRequirements": {}}
    assert stage == {"executable": runner.applet, "accessible": True, **empty}


def test_specs_are_those_of_the_stages(runner: Runner) -> None:
    described = describe(runner, runner.workflow({"id": "a", "input": {"n": 1}}, {"id": "b"}))
    assert described["inputSpec"] == [
        {"name": "a.n", "class": "int", "default": 1},
        {"name": "b.n", "class": "int"},
    ]
    assert [field["name"] for field in described["outputSpec"]] == ["a.n", "b.n"]


def test_there_are_no_specs_where_an_executable_is_gone(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a"})
    runner.context.store.execute("DELETE FROM placement WHERE object = ?", runner.applet)
    described = describe(runner, workflow)
    assert (described["inputSpec"], described["outputSpec"]) == (None, None)
    assert described["stages"][0]["accessible"] is False


def test_an_app_is_a_stage_by_its_name(runner: Runner) -> None:
    request = {"name": "doubler", "version": "1.0.0", "applet": runner.applet, "title": "Doubler"}
    app = apps.new(runner.context, "app", request)["id"]
    run = runner.run(runner.workflow({"id": "a", "executable": "app-doubler/1.0.0", "input": {"n": 1}}))
    job = run.job(0)
    assert (job["app"], job["state"]) == (app, "runnable")


def test_stages_are_added_moved_and_removed(runner: Runner) -> None:
    context, workflow = runner.context, runner.workflow({"id": "a"})
    added = {"editVersion": 0, "executable": runner.applet, "id": "b"}
    assert workflows.add_stage(context, workflow, added) == {"id": workflow, "editVersion": 1, "stage": "b"}
    workflows.move_stage(context, workflow, {"editVersion": 1, "stage": "b", "newIndex": 0})
    assert [stage["id"] for stage in stages_of(runner, workflow)] == ["b", "a"]
    workflows.remove_stage(context, workflow, {"editVersion": 2, "stage": "b"})
    assert [stage["id"] for stage in stages_of(runner, workflow)] == ["a"]
    assert describe(runner, workflow)["editVersion"] == 3


def test_an_update_changes_what_it_names(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 1}}, title="T", summary="S")
    changes = {
        "name": "first",
        "folder": "/f//g/",
        "input": {"n": None},
        "executionPolicy": {"restartOn": {}},
    }
    request = {"editVersion": 0, "title": None, "outputFolder": "/o", "stages": {"a": changes}}
    workflows.update(runner.context, workflow, request)
    described = describe(runner, workflow)
    assert (described["title"], described["summary"], described["outputFolder"]) == ("W", "S", "/o")
    stage = described["stages"][0]
    assert (stage["name"], stage["folder"], stage["input"]) == ("first", "/f/g", {})


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        pytest.param({}, None, id="the same"),
        pytest.param({"inputSpec": []}, 'input "n" is missing', id="input missing"),
        pytest.param(
            {"inputSpec": [{"name": "n", "class": "string"}]}, "changes from int to string", id="other class"
        ),
        pytest.param({"outputSpec": []}, 'output "n" is missing', id="output missing"),
        pytest.param(
            {"inputSpec": [{"name": "n", "class": "int"}, {"name": "m", "class": "int"}]},
            'input "m" is required',
            id="more required",
        ),
        pytest.param(
            {"inputSpec": [{"name": "n", "class": "int"}, {"name": "m", "class": "int", "optional": True}]},
            None,
            id="more optional",
        ),
    ],
)
def test_an_executable_is_replaced_by_one_that_fits(
    runner: Runner, fields: JSON, problem: str | None
) -> None:
    other, workflow = runner.make_applet(**fields), runner.workflow({"id": "a", "input": {"n": 1}})
    request = {"editVersion": 0, "stage": "a", "executable": other}
    answer = workflows.is_stage_compatible(runner.context, workflow, request)
    assert answer["compatible"] == (problem is None)
    if problem is None:
        workflows.update_stage_executable(runner.context, workflow, request)
    else:
        with pytest.raises(InvalidState, match=f"not compatible.*{problem}"):
            workflows.update_stage_executable(runner.context, workflow, request)
        workflows.update_stage_executable(runner.context, workflow, {**request, "force": True})
    assert stages_of(runner, workflow)[0]["executable"] == other


def test_a_forced_executable_keeps_the_inputs_that_it_has(runner: Runner) -> None:
    other = runner.make_applet(inputSpec=[{"name": "m", "class": "int"}])
    workflow = runner.workflow({"id": "a", "input": {"n": 1}})
    request = {"editVersion": 0, "stage": "a", "executable": other, "force": True}
    workflows.update_stage_executable(runner.context, workflow, request)
    assert stages_of(runner, workflow)[0]["input"] == {}


def test_a_workflow_takes_after_another_one(runner: Runner) -> None:
    first = runner.workflow({"id": "a"}, name="First", summary="S", tags=["t"])
    request = {"project": runner.project, "initializeFrom": {"id": first, "project": runner.project}}
    described = describe(runner, workflows.new(runner.context, "workflow", {**request, "title": "T"})["id"])
    assert (described["name"], described["title"], described["summary"]) == ("First", "T", "S")
    assert (described["tags"], described["stages"][0]["id"]) == (["t"], "a")
    assert described["initializedFrom"] == {"id": first, "editVersion": 0}


@pytest.mark.parametrize("kind", ["workflow", "analysis"])
def test_a_workflow_is_overwritten(runner: Runner, kind: str) -> None:
    first = runner.workflow({"id": "a", "input": {"n": 1}}, summary="S")
    source = first if kind == "workflow" else runner.run(first).id
    second = runner.workflow({"id": "b"}, name="Second")
    workflows.overwrite(runner.context, second, {"editVersion": 0, "from": {"id": source}})
    described = describe(runner, second)
    assert (described["name"], described["summary"], described["stages"][0]["id"]) == ("Second", "S", "a")


def test_a_workflow_knows_its_latest_analysis(runner: Runner) -> None:
    workflow = runner.workflow({"id": "a", "input": {"n": 1}})
    runner.run(workflow)
    latest = runner.run(workflow)
    assert describe(runner, workflow)["latestAnalysis"]["id"] == latest.id


@pytest.mark.parametrize(
    ("edit", "request_"),
    [
        (workflows.add_stage, {}),
        (workflows.remove_stage, {"stage": "a"}),
        (workflows.move_stage, {"stage": "a", "newIndex": 0}),
        (workflows.update, {"title": "T"}),
        (workflows.update_stage_executable, {"stage": "a"}),
    ],
)
def test_an_edit_is_for_one_edit_version_of_an_open_workflow(
    runner: Runner, edit: Callable[[Context, str, JSON], JSON], request_: JSON
) -> None:
    workflow = runner.workflow({"id": "a"})
    request = {"executable": runner.applet, **request_}
    with pytest.raises(InvalidState, match="the edit version of"):
        edit(runner.context, workflow, {**request, "editVersion": 1})
    with pytest.raises(InvalidInput, match="editVersion"):
        edit(runner.context, workflow, request)
    objects.close(runner.context, workflow, {})
    with pytest.raises(InvalidState, match="not in the open state"):
        edit(runner.context, workflow, {**request, "editVersion": 0})


@pytest.mark.parametrize(
    ("stage", "complaint"),
    [
        ({"id": "1a"}, "does not match"),
        ({"id": "same"}, "already"),
        ({"executable": 3}, "executable"),
        ({"executable": "file-x"}, "runs an applet or an app"),
        ({"executable": "workflow-x"}, "runs an applet or an app"),
        ({"executable": "applet-x"}, "could not be found"),
        ({"executable": "app-nothing"}, "could not be found"),
        ({"folder": "/a/../b"}, r"must not contain"),
        ({"folder": "../b"}, r"must not contain"),
        ({"input": {"m": 1}}, r"m: is not an input"),
        ({"input": {"n": "text"}}, r"n: "),
        ({"input": []}, "input"),
        ({"executionPolicy": {"onNonRestartableFailure": "stop"}}, '"failStage" or "failAllStages"'),
        ({"systemRequirements": {"*": 3}}, "systemRequirements"),
    ],
)
def test_a_stage_that_cannot_be_is_refused(runner: Runner, stage: JSON, complaint: str) -> None:
    with pytest.raises(ApiError, match=complaint):
        runner.workflow({"id": "same"}, stage)


@pytest.mark.parametrize(
    "fields",
    [
        {"stages": {"id": "a"}},
        {"stages": ["a"]},
        {"inputs": [{"name": "x"}]},
        {"outputs": {}},
        {"outputFolder": 3},
        {"ignoreReuse": True},
        {"initializeFrom": {"id": "file-x"}},
        {"initializeFrom": {"id": "analysis-x"}},
        {"initializeFrom": "workflow-x"},
    ],
)
def test_a_workflow_that_cannot_be_is_refused(context: Context, project: str, fields: JSON) -> None:
    with pytest.raises(ApiError):
        workflows.new(context, "workflow", {"project": project, **fields})
