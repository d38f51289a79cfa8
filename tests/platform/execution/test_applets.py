"""Applets: valid declarations, descriptions and inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dx_app_wizard.dxapp.links import link
from dx_local.platform.core.errors import ApiError, InvalidInput, PermissionDenied, ResourceNotFound
from dx_local.platform.data import contents, files, objects, projects, records
from dx_local.platform.execution import applets, job_descriptions

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context

JSON = dict[str, Any]
RUN_SPEC = {"interpreter": "bash", "code": "main() { true; }"}
NOWHERE = "000000000000000000000000"


def new_applet(context: Context, project: str, **spec: Any) -> str:
    request = {"project": project, "dxapi": "1.0.0", "name": "Counter", "runSpec": RUN_SPEC, **spec}
    applet: str = applets.new_applet(context, "applet", request)["id"]
    return applet


def run(context: Context, applet: str, project: str | None, **job_input: Any) -> JSON:
    asked: JSON = {"input": job_input, **({"project": project} if project else {})}
    job = applets.run_applet(context, applet, asked)["id"]
    return job_descriptions.describe_job(context, job, {})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"runSpec": None}, "runSpec"),
        ({"runSpec": {"interpreter": "bash"}}, "runSpec.code"),
        ({"dxapi": 1}, "dxapi"),
        ({"inputSpec": {}}, "inputSpec"),
        ({"inputSpec": [{"name": "a-b", "class": "int"}]}, r"inputSpec\[0\].name"),
        ({"inputSpec": [{"name": "a", "class": "integer"}]}, r"inputSpec\[0\].class"),
        ({"inputSpec": [{"name": "a", "class": "int"}] * 2}, "declared twice"),
        ({"inputSpec": [{"name": "a", "class": "int", "default": "x"}]}, "default"),
        ({"inputSpec": [{"name": "a", "class": "int", "default": 3, "choices": [1, 2]}]}, "choices"),
        ({"outputSpec": [{"name": "a"}]}, r"outputSpec\[0\].class"),
    ],
)
def test_an_applet_that_could_not_run_is_refused(
    context: Context, project: str, wrong: JSON, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        new_applet(context, project, **wrong)


def test_a_description_has_all_but_the_code(context: Context, project: str) -> None:
    applet = new_applet(context, project, inputSpec=[], title="T")
    described = objects.describe(context, applet, {})
    assert described["runSpec"]["interpreter"] == "bash"
    assert "code" not in described["runSpec"]
    assert described["inputSpec"] == []
    assert "outputSpec" not in described
    assert (described["class"], described["state"], described["title"]) == ("applet", "closed", "T")


def test_get_has_the_code(context: Context, project: str) -> None:
    got = applets.get_applet(context, new_applet(context, project), {})
    assert got["runSpec"]["code"] == RUN_SPEC["code"]
    assert got["runSpec"]["bundledDependsByRegion"] == {"aws:us-east-1": []}


def test_defaults_complete_the_input_and_arrays_are_flat(context: Context, project: str) -> None:
    spec = [
        {"name": "n", "class": "int", "default": 3},
        {"name": "xs", "class": "array:int"},
        {"name": "absent", "class": "string", "optional": True},
    ]
    job = run(context, new_applet(context, project, inputSpec=spec), project, xs=[1, [2]])
    assert job["runInput"] == {"xs": [1, [2]]}
    assert job["originalInput"] == job["input"] == {"n": 3, "xs": [1, 2]}


@pytest.mark.parametrize(
    ("job_input", "problem"),
    [
        ({}, "missing required input 'n' of class int"),
        ({"n": None}, "missing required input 'n'"),
        ({"n": "3"}, "input 'n': expected int"),
        ({"n": True}, "input 'n': expected int"),
        ({"n": 3, "m": 1}, "'m' is not an input"),
        ({"n": 4}, "4 is not one of the choices"),
    ],
)
def test_input_must_keep_to_the_spec(context: Context, project: str, job_input: JSON, problem: str) -> None:
    applet = new_applet(context, project, inputSpec=[{"name": "n", "class": "int", "choices": [1, 3]}])
    with pytest.raises(InvalidInput, match=problem):
        run(context, applet, project, **job_input)


def test_all_problems_of_an_input_are_named_at_once(context: Context, project: str) -> None:
    applet = new_applet(context, project, inputSpec=[{"name": "n", "class": "int"}])
    with pytest.raises(InvalidInput) as caught:
        run(context, applet, project, m=1)
    assert len(caught.value.details["problems"]) == 2


def test_a_choice_of_a_record_may_be_named_by_its_value(context: Context, project: str) -> None:
    record = records.new(context, "record", {"project": project, "close": True})["id"]
    choices = [{"name": "the one", "value": link(record)}]
    applet = new_applet(context, project, inputSpec=[{"name": "r", "class": "record", "choices": choices}])
    assert run(context, applet, project, r=link(record, project))["state"] == "runnable"


def test_input_objects_must_exist(context: Context, project: str) -> None:
    with pytest.raises(ResourceNotFound):
        run(context, new_applet(context, project), project, r=link(f"record-{NOWHERE}"))


def test_a_job_runs_an_applet_below_itself_in_a_workspace_of_its_own(
    context: Context, job_context: Context, project: str
) -> None:
    parent = job_descriptions.describe_job(context, str(job_context.caller.job), {})
    child = run(job_context, new_applet(context, project), None)
    assert child["parentJob"] == child["rootExecution"] == parent["id"]
    assert child["workspace"] != parent["workspace"]
    assert (child["project"], child["originJob"]) == (project, parent["id"])


def test_a_job_runs_applets_in_its_own_project_only(
    context: Context, job_context: Context, project: str
) -> None:
    other = projects.new(context, "project", {"name": "Q"})["id"]
    with pytest.raises(PermissionDenied):
        run(job_context, new_applet(context, project), other)


def test_a_user_must_say_in_which_project(context: Context, project: str) -> None:
    with pytest.raises(ApiError, match="project"):
        run(context, new_applet(context, project), None)


def hidden_file(context: Context, project: str) -> str:
    file_id: str = files.new(context, "file", {"project": project, "hidden": True})["id"]
    objects.mark_closed(context, file_id)
    return file_id


def placed(context: Context, project: str) -> set[str]:
    return set(context.store.column("SELECT object FROM placement WHERE project = ?", project))


@pytest.fixture
def bundle(context: Context, project: str) -> str:
    return hidden_file(context, project)


def bundling_applet(context: Context, project: str, bundle: str) -> str:
    bundled = [{"name": "resources.tar.gz", "id": link(bundle)}]
    return new_applet(context, project, runSpec={**RUN_SPEC, "bundledDepends": bundled})


def test_links_of_an_applet_are_those_of_details_and_of_what_it_bundles(
    context: Context, project: str, bundle: str
) -> None:
    bundling = bundling_applet(context, project, bundle)
    assert objects.describe(context, bundling, {})["links"] == [bundle]


def test_a_cloned_applet_takes_hidden_bundles_along(context: Context, project: str, bundle: str) -> None:
    bundling = bundling_applet(context, project, bundle)
    other = projects.new(context, "project", {"name": "other"})["id"]
    contents.clone(context, project, {"objects": [bundling], "project": other})
    assert placed(context, other) == {bundling, bundle}


def test_a_bundle_stays_until_the_last_applet_with_it_is_removed(
    context: Context, project: str, bundle: str
) -> None:
    first, last = (bundling_applet(context, project, bundle) for _ in range(2))
    contents.remove_objects(context, project, {"objects": [first]})
    assert placed(context, project) == {last, bundle}
    contents.remove_objects(context, project, {"objects": [last]})
    assert placed(context, project) == set()
