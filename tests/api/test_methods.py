"""Tests over HTTP of the API methods that no other test calls, and of their effects."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform

JSON = dict[str, Any]

NUMBER = [{"name": "n", "class": "int"}]
SPECIAL: dict[str, JSON] = {
    "applet": {
        "dxapi": "1.0.0",
        "inputSpec": NUMBER,
        "outputSpec": NUMBER,
        "runSpec": {"interpreter": "bash", "code": "main() { true; }"},
    },
    "gtable": {"columns": [{"name": "n", "type": "int32"}, {"name": "text", "type": "string"}]},
}
OPEN = ("file", "gtable", "record", "workflow")


@pytest.fixture
def served(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


def make(served: ServedPlatform, class_name: str, **fields: Any) -> str:
    """Create a data object, open if its class allows it."""
    request = {"project": served.project, "name": "old", **SPECIAL.get(class_name, {}), **fields}
    object_id: str = served.post(f"/{class_name}/new", request)["id"]
    return object_id


def shown(served: ServedPlatform, entity: str, field: str) -> Any:
    return served.post(f"/{entity}/describe", {"fields": {field: True}})[field]


@pytest.mark.parametrize("class_name", ["applet", *OPEN])
def test_tags(served: ServedPlatform, class_name: str) -> None:
    made = make(served, class_name)
    served.post(f"/{made}/addTags", {"project": served.project, "tags": ["a", "b"]})
    served.post(f"/{made}/removeTags", {"project": served.project, "tags": ["a"]})
    assert shown(served, made, "tags") == ["b"]


@pytest.mark.parametrize("class_name", ["applet", *OPEN])
def test_properties(served: ServedPlatform, class_name: str) -> None:
    made = make(served, class_name, properties={"a": "1"})
    served.post(f"/{made}/setProperties", {"project": served.project, "properties": {"a": None, "b": "2"}})
    assert shown(served, made, "properties") == {"b": "2"}


@pytest.mark.parametrize("class_name", ["applet", *OPEN])
def test_rename(served: ServedPlatform, class_name: str) -> None:
    made = make(served, class_name)
    served.post(f"/{made}/rename", {"project": served.project, "name": "new"})
    assert shown(served, made, "name") == "new"


@pytest.mark.parametrize("class_name", ["applet", *OPEN])
def test_projects(served: ServedPlatform, class_name: str) -> None:
    assert served.post(f"/{make(served, class_name)}/listProjects") == {served.project: "ADMINISTER"}


@pytest.mark.parametrize("class_name", ["applet", *OPEN])
def test_details(served: ServedPlatform, class_name: str) -> None:
    assert served.post(f"/{make(served, class_name, details={'a': 1})}/getDetails") == {"a": 1}


@pytest.mark.parametrize("class_name", OPEN)
def test_details_that_are_set(served: ServedPlatform, class_name: str) -> None:
    made = make(served, class_name)
    served.post(f"/{made}/setDetails", [1, {"b": 2}])
    assert shown(served, made, "details") == [1, {"b": 2}]


@pytest.mark.parametrize("class_name", OPEN)
def test_types(served: ServedPlatform, class_name: str) -> None:
    made = make(served, class_name)
    served.post(f"/{made}/addTypes", {"types": ["A", "B"]})
    served.post(f"/{made}/removeTypes", {"types": ["A"]})
    assert shown(served, made, "types") == ["B"]


@pytest.mark.parametrize("class_name", OPEN)
def test_visibility(served: ServedPlatform, class_name: str) -> None:
    made = make(served, class_name)
    served.post(f"/{made}/setVisibility", {"hidden": True})
    assert shown(served, made, "hidden") is True


def test_the_project_itself(served: ServedPlatform) -> None:
    project = served.post("/project/new", {"name": "old", "properties": {"a": "1"}})["id"]
    served.post(f"/{project}/update", {"name": "new", "summary": "S"})
    served.post(f"/{project}/addTags", {"tags": ["a", "b"]})
    served.post(f"/{project}/removeTags", {"tags": ["a"]})
    served.post(f"/{project}/setProperties", {"properties": {"a": None, "b": "2"}})
    fields = dict.fromkeys(("name", "summary", "tags", "properties"), True)
    described = served.post(f"/{project}/describe", {"fields": fields})
    assert [described[field] for field in fields] == ["new", "S", ["b"], {"b": "2"}]


@pytest.mark.parametrize("kind", ["project", "container"])
def test_folders(served: ServedPlatform, kind: str) -> None:
    job = served.job()
    place = served.variables(job)["DX_WORKSPACE_ID"] if kind == "container" else served.project
    token = served.token_of(job) if kind == "container" else None
    folder = f"/{kind}"
    calls: list[tuple[str, JSON]] = [
        ("newFolder", {"folder": f"{folder}/a/b", "parents": True}),
        ("renameFolder", {"folder": f"{folder}/a/b", "newpath": f"{folder}/a/c"}),
        ("move", {"folders": [f"{folder}/a/c"], "destination": folder}),
        ("removeFolder", {"folder": f"{folder}/a"}),
    ]
    for method, request in calls:
        served.post(f"/{place}/{method}", request, token=token)
    listed = served.post(f"/{place}/listFolder", {"folder": folder}, token=token)
    assert listed == {"folders": [f"{folder}/c"], "objects": []}


def test_objects_of_a_container(served: ServedPlatform) -> None:
    job = served.job(project="CONTRIBUTE")
    workspace, token = served.variables(job)["DX_WORKSPACE_ID"], served.token_of(job)
    record = served.post("/record/new", {"project": workspace}, token=token)["id"]
    served.post(f"/{record}/close", token=token)
    served.post(f"/{workspace}/clone", {"objects": [record], "project": served.project}, token=token)
    served.post(f"/{workspace}/removeObjects", {"objects": [record]}, token=token)
    assert served.post(f"/{record}/listProjects") == {served.project: "ADMINISTER"}


def test_a_job(served: ServedPlatform) -> None:
    job = served.job()
    served.post(f"/{job}/addTags", {"tags": ["a", "b"]})
    served.post(f"/{job}/removeTags", {"tags": ["a"]})
    served.post(f"/{job}/setProperties", {"properties": {"k": "v"}})
    served.post(f"/{job}/terminate")
    described = served.post(f"/{job}/describe")
    assert (described["tags"], described["properties"]) == (["b"], {"k": "v"})
    assert described["state"] in {"terminating", "terminated"}


def test_the_ssh_access_of_a_job(served: ServedPlatform) -> None:
    job = served.job()
    assert served.post(f"/{job}/update", {"allowSSH": ["*"]}) == {"id": job}
    assert served.post(f"/{job}/describe")["allowSSH"] == ["*"]


def test_an_applet(served: ServedPlatform) -> None:
    applet = make(served, "applet")
    job = served.post(f"/{applet}/run", {"project": served.project, "input": {"n": 1}})["id"]
    assert served.post(f"/{job}/describe")["input"] == {"n": 1}
    assert served.post(f"/{applet}/get")["runSpec"]["code"] == "main() { true; }"
    batch = served.post(f"/{applet}/validateBatch", {"batchInput": {"n": [1, 2]}})
    assert batch == {"expandedBatch": [{"n": 1}, {"n": 2}]}


@pytest.fixture
def app(served: ServedPlatform) -> str:
    request = {"name": "counter", "applet": make(served, "applet"), "categories": ["A"]}
    name = f"counter-{make(served, 'record')[-6:].lower()}"
    app: str = served.post("/app/new", {**request, "name": name, "version": "1.0.0"})["id"]
    return app


def test_categories_of_an_app(served: ServedPlatform, app: str) -> None:
    served.post(f"/{app}/addCategories", {"categories": ["B"]})
    served.post(f"/{app}/removeCategories", {"categories": ["A"]})
    assert served.post(f"/{app}/listCategories")["categories"] == ["B"]


def test_developers_of_an_app(served: ServedPlatform, app: str) -> None:
    served.post(f"/{app}/addDevelopers", {"developers": ["user-ann", "user-bob"]})
    served.post(f"/{app}/removeDevelopers", {"developers": ["user-bob"]})
    assert served.post(f"/{app}/listDevelopers")["developers"] == ["user-local", "user-ann"]


def test_authorized_users_of_an_app(served: ServedPlatform, app: str) -> None:
    served.post(f"/{app}/addAuthorizedUsers", {"authorizedUsers": ["user-ann", "PUBLIC"]})
    served.post(f"/{app}/removeAuthorizedUsers", {"authorizedUsers": ["user-ann"]})
    assert served.post(f"/{app}/listAuthorizedUsers")["authorizedUsers"] == ["PUBLIC"]


def test_batches_of_an_app(served: ServedPlatform, app: str) -> None:
    batch = served.post(f"/{app}/validateBatch", {"batchInput": {"n": [3]}})
    assert batch == {"expandedBatch": [{"n": 3}]}


def test_rows_of_a_table(served: ServedPlatform) -> None:
    table = make(served, "gtable")
    part = served.post(f"/{table}/nextPart")["part"]
    served.post(f"/{table}/addRows", {"part": part, "data": [[1, "one"], [2, "two"]]})
    served.post(f"/{table}/close")
    assert shown(served, table, "length") == 2
    rows = served.post(f"/{table}/get", {"starting": 1, "columns": ["text"]})
    assert rows == {"length": 1, "next": None, "data": [["two"]]}


def test_names_are_resolved(served: ServedPlatform) -> None:
    record = make(served, "record", name="unique")
    request = {"objects": [{"name": "unique", "project": served.project, "folder": "/"}]}
    (found,) = served.post("/system/resolveDataObjects", request)["results"]
    assert [each["id"] for each in found] == [record]


def test_a_workflow_takes_over_another(served: ServedPlatform) -> None:
    stage = {"id": "a", "executable": make(served, "applet")}
    model, workflow = make(served, "workflow", stages=[stage]), make(served, "workflow")
    asked = {"stage": "a", "executable": make(served, "applet"), "editVersion": 0}
    assert served.post(f"/{model}/isStageCompatible", asked)["compatible"] is True
    served.post(f"/{workflow}/overwrite", {"from": {"id": model}, "editVersion": 0})
    assert [each["id"] for each in shown(served, workflow, "stages")] == ["a"]


def test_jobs_and_analyses_are_found_apart(served: ServedPlatform) -> None:
    stage = {"id": "a", "executable": make(served, "applet")}
    workflow = make(served, "workflow", stages=[stage])
    request = {"project": served.project, "input": {"a.n": 1}}
    analysis = served.post(f"/{workflow}/run", request)
    by_analysis = {"parentAnalysis": analysis["id"]}
    found = served.post("/system/findJobs", {**by_analysis, "class": "analysis"})
    assert [each["id"] for each in found["results"]] == analysis["stages"]
    found = served.post("/system/findAnalyses", {"rootExecution": analysis["id"]})
    assert [each["id"] for each in found["results"]] == [analysis["id"]]


def test_a_user_has_a_name_until_the_token_is_destroyed(served: ServedPlatform) -> None:
    token = served.inside(lambda context: access.issue_token(context.store, DEFAULT_USER))
    assert served.post("/system/getUserInfo", token=token) == {"username": "local"}
    signature = hashlib.sha256(token.encode()).hexdigest()
    served.post("/system/destroyAuthToken", {"tokenSignature": signature}, token=token)
    assert served.error("/system/getUserInfo", token=token) == (401, "InvalidAuthentication")
    assert served.error("/system/destroyAuthToken", {"tokenSignature": signature}) == (
        404,
        "ResourceNotFound",
    )


def test_a_job_destroys_no_token_but_its_own(served: ServedPlatform) -> None:
    token = served.token_of(served.job())
    signatures = [hashlib.sha256(each.encode()).hexdigest() for each in (served.token, token)]
    of_user, own = ({"tokenSignature": signature} for signature in signatures)
    assert served.error("/system/destroyAuthToken", of_user, token=token) == (404, "ResourceNotFound")
    served.post("/system/destroyAuthToken", own, token=token)
    assert served.error("/system/whoami", token=token) == (401, "InvalidAuthentication")


@pytest.mark.parametrize("path", ["/system/newAuthToken", "/user/new"])
def test_no_other_user_can_log_in(served: ServedPlatform, path: str) -> None:
    assert served.error(path, {"username": "me", "password": "p"}) == (401, "PermissionDenied")
