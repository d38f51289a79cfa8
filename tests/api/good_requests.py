"""A valid request for every route that requires fields, with existing entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = dict[str, Any]


class Some(Protocol):
    """Provides existing entities."""

    @property
    def project(self) -> str: ...

    def known(self, class_name: str) -> str:
        """Return an entity of a class."""
        ...


NUMBER = [{"name": "n", "class": "int"}]
FROM_A = {"n": {"$dnanexus_link": {"stage": "a", "outputField": "n"}}}


def _object(some: Some) -> JSON:
    return {
        "project": some.project,
        "name": "n",
        "folder": "/f",
        "parents": True,
        "tags": ["t"],
        "hidden": False,
        "properties": {"k": "v"},
        "types": ["T"],
        "details": {"$dnanexus_link": some.known("file")},
    }


def _applet(some: Some) -> JSON:
    run_spec = {
        "interpreter": "bash",
        "code": "main() { true; }",
        "distribution": "Ubuntu",
        "release": "24.04",
        "systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x2"}},
        "timeoutPolicy": {"*": {"hours": 1}},
        "executionPolicy": {"restartOn": {"*": 1}},
        "bundledDepends": [],
    }
    spec = {"inputSpec": NUMBER, "outputSpec": NUMBER, "runSpec": run_spec, "access": {"network": ["*"]}}
    return {**_object(some), "dxapi": "1.0.0", **spec}


def _run(some: Some) -> JSON:
    return {
        "project": some.project,
        "folder": "/out",
        "input": {"n": 1},
        "name": "n",
        "tags": ["t"],
        "properties": {"k": "v"},
        "dependsOn": [some.known("job")],
        "timeoutPolicyByExecutable": {},
        "systemRequirements": {},
        "details": {},
        "executionPolicy": {"restartOn": {"*": 1}},
        "priority": "high",
        "detach": False,
    }


def _find(some: Some) -> JSON:
    return {
        "scope": {"project": some.project, "folder": "/", "recurse": True},
        "name": {"glob": "*"},
        "limit": 3,
        "tags": {"$or": ["t", {"$and": ["u"]}]},
        "properties": {"k": True},
        "created": {"after": 0, "before": 9**19},
        "describe": {"fields": {"name": True}},
        "class": "file",
        "state": "any",
        "link": some.known("file"),
    }


def _executions(some: Some) -> JSON:
    return {
        "project": some.project,
        "limit": 3,
        "state": ["done", "idle"],
        "describe": {"defaultFields": True},
        "launchedBy": "user-local",
        "rootExecution": some.known("job"),
        "parentJob": None,
        "executable": "applet-x",
    }


def _app(some: Some) -> JSON:
    return {
        "name": "app",
        "version": f"1.{some.known('record')[-1:].encode().hex()}.0",
        "applet": some.known("applet"),
        "categories": ["A"],
        "authorizedUsers": ["PUBLIC"],
        "developers": ["user-local"],
        "details": {},
    }


def _edit(some: Some) -> JSON:
    return {
        "editVersion": 0,
        "stage": "a",
        "newIndex": 0,
        "executable": some.known("applet"),
        "id": "b",
        "name": "n",
        "input": FROM_A,
        "folder": "f",
        "force": True,
        "stages": {"a": {"name": "x"}},
        "inputs": NUMBER,
        "from": {"id": some.known("applet")},
    }


def _workflow(some: Some) -> JSON:
    stages = [
        {"id": "a", "executable": some.known("applet"), "input": {"n": 1}},
        {"id": "b", "executable": some.known("applet"), "input": FROM_A, "folder": "s"},
    ]
    outputs = [
        {"name": "o", "class": "int", "outputSource": {"$dnanexus_link": {"stage": "b", "outputField": "n"}}}
    ]
    return {**_object(some), "stages": stages, "outputs": outputs, "inputs": None}


def _objects(some: Some) -> JSON:
    return {
        "objects": [{"id": some.known("record"), "name": "n", "describe": True}],
        "project": some.project,
        "folder": "/",
        "classDescribeOptions": {"*": {"fields": {"name": True}}},
    }


GOOD: dict[tuple[str, str], Callable[[Some], Any]] = {
    ("", "describe"): lambda some: {"project": some.project, "fields": {"id": True}, "defaultFields": True},
    ("", "addTags"): lambda some: {"project": some.project, "tags": ["t"]},
    ("", "removeTags"): lambda some: {"project": some.project, "tags": ["t"]},
    ("", "addTypes"): lambda _: {"types": ["T"]},
    ("", "removeTypes"): lambda _: {"types": ["T"]},
    ("", "rename"): lambda some: {"project": some.project, "name": "n"},
    ("", "setProperties"): lambda some: {"project": some.project, "properties": {"k": "v", "l": None}},
    ("", "setVisibility"): lambda _: {"hidden": True},
    ("", "setDetails"): lambda some: {"a": [{"$dnanexus_link": some.known("file")}]},
    ("", "new"): _object,
    ("", "run"): _run,
    ("workflow", "run"): lambda some: {**_run(some), "input": {"a.n": 1}},
    ("workflow", "dryRun"): lambda some: {**_run(some), "input": {"a.n": 1}},
    ("workflow", "validateBatch"): lambda _: {"batchInput": {"a.n": [1, 2]}},
    ("", "update"): _edit,
    ("", "addStage"): _edit,
    ("", "moveStage"): _edit,
    ("", "removeStage"): _edit,
    ("", "overwrite"): lambda some: {"editVersion": 0, "from": {"id": some.known("workflow")}},
    ("", "isStageCompatible"): _edit,
    ("", "updateStageExecutable"): _edit,
    ("", "newFolder"): lambda _: {"folder": "/a/b", "parents": True},
    ("", "listFolder"): lambda _: {"folder": "/", "describe": True, "only": "all", "includeHidden": True},
    ("", "renameFolder"): lambda _: {"folder": "/a/b", "name": "c"},
    ("project", "archive"): lambda some: {"files": [some.known("file")], "allCopies": True},
    ("project", "unarchive"): lambda _: {"folder": "/", "recurse": True, "rate": "Bulk", "dryRun": False},
    ("user", "update"): lambda _: {"sshPublicKey": "ssh-rsa AAAA", "billTo": "user-local"},
    ("job", "getIdentityToken"): lambda _: {"audience": "me", "subject_claims": ["job_id"]},
    ("system", "comeBackLater"): lambda _: {"waitUntil": 0, "setRetryAfter": True},
    ("system", "describeExecutions"): lambda some: {"executions": [some.known("job")], "describe": True},
    ("system", "destroyAuthToken"): lambda _: {"tokenSignature": "0" * 64},
    ("", "removeFolder"): lambda _: {"folder": "/a", "recurse": True, "force": True, "partial": True},
    ("", "move"): lambda some: {"objects": [some.known("file")], "folders": ["/a"], "destination": "/f"},
    ("", "removeObjects"): lambda _: {"objects": ["record-x"], "force": True},
    ("", "clone"): lambda some: {
        "objects": [some.known("applet")],
        "folders": ["/f"],
        "project": some.known("project"),
        "destination": "/c",
        "parents": True,
    },
    ("", "validateBatch"): lambda _: {"batchInput": {"n": [1, 2]}, "commonInput": {"n": 1}},
    ("", "removeDevelopers"): lambda _: {"developers": ["user-a"]},
    ("", "addDevelopers"): lambda _: {"developers": ["user-a"]},
    ("", "removeAuthorizedUsers"): lambda _: {"authorizedUsers": ["user-a"]},
    ("", "addAuthorizedUsers"): lambda _: {"authorizedUsers": ["user-a", "PUBLIC"]},
    ("", "removeCategories"): lambda _: {"categories": ["A"]},
    ("", "addCategories"): lambda _: {"categories": ["A"]},
    ("applet", "new"): _applet,
    ("workflow", "new"): _workflow,
    ("app", "new"): _app,
    ("app", "update"): _app,
    ("project", "new"): lambda _: {
        "name": "n",
        "region": "aws:us-east-1",
        "tags": ["t"],
        "properties": {"k": "v"},
    },
    ("project", "update"): lambda _: {"name": "n", "summary": "s", "protected": False},
    ("project", "invite"): lambda _: {"invitee": "user-local", "level": "ADMINISTER"},
    ("project", "transfer"): lambda _: {"invitee": "user-local"},
    ("project", "decreasePermissions"): lambda _: {"user-a": None},
    ("system", "describeProjects"): lambda some: {"projects": [some.project], "describe": True},
    ("project", "destroy"): lambda _: {"terminateJobs": True},
    ("job", "new"): lambda some: {"function": "part", **_run(some)},
    ("file", "upload"): lambda _: {"index": 1, "size": 5, "md5": "0" * 32},
    ("file", "download"): lambda some: {
        "project": some.project,
        "duration": 60,
        "filename": "n",
        "preauthenticated": True,
        "stickyIP": False,
    },
    ("gtable", "new"): lambda some: {
        **_object(some),
        "columns": [{"name": "n", "type": "int32"}, {"name": "chr", "type": "string"}],
        "indices": [{"name": "i", "type": "lexicographic", "columns": [{"name": "n"}]}],
    },
    ("gtable", "addRows"): lambda _: {"part": 1, "data": [[1, "x"]]},
    ("gtable", "get"): lambda _: {
        "starting": 0,
        "limit": 5,
        "columns": ["n"],
        "query": {"index": "i", "parameters": {"n": {"$gte": 0}}},
    },
    ("system", "generateBatchInputs"): lambda some: {
        "project": some.project,
        "folder": "/",
        "inputs": {"n": "(.*)"},
    },
    ("system", "findDataObjects"): _find,
    ("system", "findProjects"): _find,
    ("system", "findApps"): _find,
    ("system", "findExecutions"): _executions,
    ("system", "findJobs"): _executions,
    ("system", "findAnalyses"): _executions,
    ("system", "describeDataObjects"): _objects,
    ("system", "resolveDataObjects"): _objects,
}
"""Valid requests by (class, method); the class "" means any class. For all other routes, `{}` is valid."""
