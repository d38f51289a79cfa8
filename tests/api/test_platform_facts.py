"""Tests of facts of the platform on which clients rely, one row each, over HTTP.

Each fact was observed in recorded answers of the platform, or is asserted by its own tests or clients.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Reply, ServedPlatform

JSON = dict[str, Any]

NOBODY = "0" * 24
APPLET = {"dxapi": "1.0.0", "runSpec": {"interpreter": "bash", "code": "main() { true; }"}}

PROJECT_FIELDS = """
    id name class created modified billTo level dataUsage sponsoredDataUsage remoteDataUsage archivedDataUsage
    region summary description protected restricted downloadRestricted previewViewerRestricted
    externalUploadRestricted containsPHI createdBy version pendingTransfer tags defaultInstanceType
    totalSponsoredEgressBytes consumedSponsoredEgressBytes atSpendingLimit displayDataProtectionNotice
    databaseUIViewOnly databaseResultsRestricted allowedExecutables httpsAppIsolatedBrowsing storageCost
"""
JOB_FIELDS = """
    id region name tags properties executable executableName class created modified project billTo costLimit
    invoiceMetadata folder parentJob originJob parentAnalysis analysis stage rootExecution state function
    workspace launchedBy detachedFrom priority workerReuseDeadlineRunTime dependsOn failureCounts
    stateTransitions singleContext ignoreReuse httpsApp rank details systemRequirements executionPolicy
    instanceType finalPriority networkAccess runInput originalInput input output debug applet
    delayWorkspaceDestruction isFree timeout try tryCreated detachedFromTry detailedJobMetrics
"""
FILE_FIELDS = """
    id project class sponsored name types state hidden links folder tags created modified createdBy media
    archivalState
"""


def raw(served: ServedPlatform, path: str, request: Any = None, **headers: str) -> Reply:
    return served.request("POST", path, json.dumps(request or {}), headers)


def error(served: ServedPlatform, path: str, request: Any = None) -> tuple[int, str, str]:
    """Return the status, type and message of an error."""
    reply = raw(served, path, request)
    found = reply.json["error"]
    return reply.status, found["type"], found["message"]


def new_file(served: ServedPlatform, **fields: Any) -> str:
    file: str = served.post("/file/new", {"project": served.project, **fields})["id"]
    return file


def put(served: ServedPlatform, file: str, content: bytes) -> Reply:
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    target = served.post(f"/{file}/upload", {"size": len(content), "md5": md5, "index": 1})
    return served.request("PUT", target["url"], content, target["headers"])


def stored(served: ServedPlatform, content: bytes, **fields: Any) -> str:
    file = new_file(served, **fields)
    assert put(served, file, content).status == 200
    served.post(f"/{file}/close")
    return file


def media(served: ServedPlatform, content: bytes, **fields: Any) -> str:
    found: str = served.post(f"/{stored(served, content, **fields)}/describe")["media"]
    return found


def got(served: ServedPlatform, **request: Any) -> Reply:
    """Download a file of five bytes."""
    target = served.post(f"/{stored(served, b'01234')}/download", request)
    return served.request("GET", target["url"], headers={"Range": "bytes=1-3", **target["headers"]})


def new_project(served: ServedPlatform) -> str:
    project: str = served.post("/project/new", {"name": "facts"})["id"]
    return project


def fields_of(described: JSON, fields: str) -> list[str]:
    """Return the names that are missing from a description."""
    return sorted(set(fields.split()) - described.keys())


def job_of(served: ServedPlatform) -> JSON:
    return served.post(f"/{served.job()}/describe")


def applet(served: ServedPlatform, **fields: Any) -> str:
    found: str = served.post("/applet/new", {"project": served.project, **APPLET, **fields})["id"]
    return found


def updated(served: ServedPlatform, request: JSON) -> JSON:
    """Describe the user after an update."""
    served.post("/user-local/update", request)
    return served.post("/user-local/describe")


def renamed(served: ServedPlatform) -> list[str]:
    project = new_project(served)
    served.post(f"/{project}/newFolder", {"folder": "/a/b", "parents": True})
    answer = served.post(f"/{project}/renameFolder", {"folder": "/a/b", "name": "c"})
    assert answer == {"id": project}
    folders: list[str] = served.post(f"/{project}/listFolder", {"folder": "/a"})["folders"]
    return folders


def cloned(served: ServedPlatform) -> bool:
    project, file = new_project(served), stored(served, b"x")
    answer = served.post(f"/{served.project}/clone", {"objects": [file], "project": project})
    return answer == {"id": served.project, "project": project, "exists": []}


def links_of_bundle(served: ServedPlatform) -> bool:
    file = stored(served, b"x", hidden=True)
    bundle = {"name": "x", "id": {"$dnanexus_link": file}}
    run_spec = {**APPLET["runSpec"], "bundledDepends": [bundle]}  # type: ignore[dict-item]
    made = applet(served, runSpec=run_spec)
    project = new_project(served)
    served.post(f"/{served.project}/clone", {"objects": [made], "project": project})
    is_there = served.post(f"/{project}/listFolder", {"includeHidden": True})["objects"]
    return served.post(f"/{made}/describe")["links"] == [file] and {"id": file} in is_there


def late(served: ServedPlatform, **options: Any) -> Reply:
    now = served.post("/system/comeBackLater")["currentTime"]
    return raw(served, "/system/comeBackLater", {"waitUntil": now + 60_000, **options})


def found_page(served: ServedPlatform) -> tuple[bool, Any]:
    project = new_project(served)
    for name in ("a", "b"):
        served.post("/record/new", {"project": project, "name": name})
    scope = {"scope": {"project": project}}
    page = served.post("/system/findDataObjects", {**scope, "limit": 1})
    rest = served.post("/system/findDataObjects", {**scope, "starting": page["next"]})
    return {"project", "id"} <= page["next"].keys(), rest["next"]


def unarchived_state(served: ServedPlatform) -> str:
    file = stored(served, b"x")
    request = {"files": [file]}
    served.post(f"/{served.project}/archive", request)
    served.post(f"/{served.project}/unarchive", request)
    state: str = served.post(f"/{file}/describe")["archivalState"]
    return state


def changed(served: ServedPlatform, request: JSON, *fields: str) -> JSON:
    """Return the fields of a new project after an update: these fields, or those of the request."""
    project = new_project(served)
    served.post(f"/{project}/update", request)
    wanted = dict.fromkeys(fields or request, True)
    described = served.post(f"/{project}/describe", {"fields": wanted})
    return {name: described[name] for name in wanted}


def restricted(served: ServedPlatform) -> str:
    project = new_project(served)
    served.post(f"/{project}/update", {"downloadRestricted": True})
    return project


def found_analysis(served: ServedPlatform) -> bool:
    """Return whether a search by `originJob` finds an analysis only for the job that started it."""
    job, other = served.job(project="CONTRIBUTE"), served.job()
    stages = [{"id": "a", "executable": applet(served)}]
    workflow = served.post("/workflow/new", {"project": served.project, "stages": stages})["id"]
    request = {"project": served.project, "input": {}}
    analysis = served.post(f"/{workflow}/run", request, token=served.token_of(job))["id"]
    found = [
        [row["id"] for row in served.post("/system/findAnalyses", {"originJob": origin})["results"]]
        for origin in (job, [job, other], other)
    ]
    return found == [[analysis], [analysis], []]


FACTS: list[tuple[str, Callable[[ServedPlatform], Any], Any]] = [
    # Errors
    (
        "the text for an unknown ID",
        lambda s: error(s, f"/file-{NOBODY}/describe"),
        (404, "ResourceNotFound", f"The entity ID file-{NOBODY} could not be found"),
    ),
    (
        "the text for an unknown executable",
        lambda s: error(s, f"/applet-{NOBODY}/run", {"project": s.project, "input": {}})[2],
        f"The entity ID applet-{NOBODY} could not be found",
    ),
    (
        "the text for an unknown job",
        lambda s: error(s, f"/job-{NOBODY}/describe")[2],
        f"The entity ID job-{NOBODY} could not be found",
    ),
    (
        "listing a missing folder",
        lambda s: error(s, f"/{s.project}/listFolder", {"folder": "/no"})[2].startswith(
            f"The specified folder could not be found in {s.project}"
        ),
        True,
    ),
    (
        "removing a missing folder",
        lambda s: error(s, f"/{s.project}/removeFolder", {"folder": "/no"})[2].startswith(
            "The specified folder could not be found"
        ),
        True,
    ),
    (
        "cloning a missing folder",
        lambda s: (
            error(s, f"/{s.project}/clone", {"folders": ["/no"], "project": new_project(s)})[2]
            == f'Folder "/no" does not exist in project "{s.project}"'
        ),
        True,
    ),
    (
        "no token",
        lambda s: raw(s, "/system/whoami", Authorization="").json["error"]["message"].partition(":")[0],
        "You need to be logged in to use this method",
    ),
    (
        "no permission",
        lambda s: (
            re.match(
                rf"VIEW permission required in {s.project} to perform this action",
                s.request(
                    "POST", f"/{s.project}/listFolder", "{}", token=s.token_of(s.job(project=None))
                ).json["error"]["message"],
            )
            is not None
        ),
        True,
    ),
    (
        "a property that is too long",
        lambda s: error(s, "/record/new", {"project": s.project, "properties": {"k": "é" * 351}}),
        (
            422,
            "InvalidInput",
            'Expected key "properties.k" of input to be no longer than 700 UTF-8 encoded bytes',
        ),
    ),
    (
        "a malformed project ID",
        lambda s: error(s, "/record/new", {"project": "project-x"})[:2],
        (422, "InvalidInput"),
    ),
    (
        "a type with another character",
        lambda s: error(s, "/record/new", {"project": s.project, "types": ["a b"]})[:2],
        (422, "InvalidInput"),
    ),
    # Users and the system
    (
        "a public key is saved",
        lambda s: updated(s, {"sshPublicKey": "ssh-rsa AAAA me"})["sshPublicKey"],
        "ssh-rsa AAAA me",
    ),
    (
        "a removed public key is absent",
        lambda s: "sshPublicKey" in updated(s, {"sshPublicKey": None}),
        False,
    ),
    (
        "a private key is rejected",
        lambda s: (
            "Tried to put a private key in the sshPublicKey field"
            in error(s, "/user-local/update", {"sshPublicKey": "-----BEGIN OPENSSH PRIVATE KEY-----"})[2]
        ),
        True,
    ),
    (
        "an unknown org cannot be billed",
        lambda s: error(s, "/user-local/update", {"billTo": "org-x"})[:2],
        (404, "ResourceNotFound"),
    ),
    ("an update answers the ID", lambda s: s.post("/user-local/update"), {"id": "user-local"}),
    (
        "greet needs no token",
        lambda s: raw(s, "/system/greet", Authorization="").json["messages"],
        [],
    ),
    (
        "headers come back in lower case",
        lambda s: raw(s, "/system/headers", **{"X-Some-Thing": "Value"}).json["x-some-thing"],
        "Value",
    ),
    ("the time", lambda s: sorted(s.post("/system/comeBackLater")), ["currentTime"]),
    ("too early", lambda s: (late(s).status, late(s).json["error"]["type"]), (503, "ServiceUnavailable")),
    ("when to come back", lambda s: 58 < int(late(s).headers["retry-after"]) <= 60, True),
    ("not when", lambda s: "retry-after" in late(s, setRetryAfter=False).headers, False),
    (
        "no org is found",
        lambda s: s.post("/system/findOrgs", {"level": "MEMBER"}),
        {"results": [], "next": None},
    ),
    ("an org does not exist", lambda s: error(s, "/org-x/describe")[:2], (404, "ResourceNotFound")),
    (
        "an org cannot be created",
        lambda s: error(s, "/org/new", {"handle": "x"})[:2],
        (401, "PermissionDenied"),
    ),
    ("a cluster cannot be created", lambda s: error(s, "/dbcluster/new")[:2], (401, "PermissionDenied")),
    (
        "a global workflow cannot be created",
        lambda s: error(s, "/globalworkflow/new")[:2],
        (401, "PermissionDenied"),
    ),
    # Projects
    (
        "an unknown region",
        lambda s: error(s, "/project/new", {"name": "n", "region": "aws:moon"})[:2],
        (422, "InvalidInput"),
    ),
    (
        "an invitation",
        lambda s: sorted(s.post(f"/{s.project}/invite", {"invitee": "PUBLIC", "level": "VIEW"})),
        ["id", "state"],
    ),
    (
        "executables can be restricted, and results of databases",
        lambda s: changed(s, {"allowedExecutables": ["applet-x"], "databaseResultsRestricted": 10}),
        {"allowedExecutables": ["applet-x"], "databaseResultsRestricted": 10},
    ),
    (
        "these restrictions are lifted by null",
        lambda s: changed(s, {"allowedExecutables": None, "databaseResultsRestricted": None}),
        {"allowedExecutables": None, "databaseResultsRestricted": None},
    ),
    (
        "restricted downloads restrict previews",
        lambda s: changed(s, {"downloadRestricted": True}, "previewViewerRestricted"),
        {"previewViewerRestricted": True},
    ),
    (
        "unrestricted downloads need unrestricted previews",
        lambda s: error(s, f"/{restricted(s)}/update", {"downloadRestricted": False})[:2],
        (422, "InvalidInput"),
    ),
    (
        "both are unrestricted together",
        lambda s: s.post(
            f"/{restricted(s)}/update", {"downloadRestricted": False, "previewViewerRestricted": False}
        ).keys(),
        {"id"},
    ),
    (
        "health information needs a licence",
        lambda s: error(s, "/project/new", {"name": "n", "containsPHI": True})[1:],
        ("PermissionDenied", "PHI features must be enabled for user-local"),
    ),
    (
        "the default fields of a project",
        lambda s: fields_of(s.post(f"/{s.project}/describe"), PROJECT_FIELDS),
        [],
    ),
    ("nothing costs anything", lambda s: s.post(f"/{s.project}/describe")["storageCost"], 0),
    ("no spending limit is reached", lambda s: s.post(f"/{s.project}/describe")["atSpendingLimit"], False),
    (
        "the creation time of a project is in whole seconds",
        lambda s: s.post(f"/{s.project}/describe")["created"] % 1000,
        0,
    ),
    (
        "the form of a found project",
        lambda s: sorted(s.post("/system/findProjects")["results"][0]),
        ["id", "level", "permissionSources", "public"],
    ),
    # Folders and objects
    ("a folder gets another name", renamed, ["/a/c"]),
    (
        "a folder's name has no slash",
        lambda s: error(s, f"/{s.project}/renameFolder", {"folder": "/a", "name": "b/c"})[:2],
        (422, "InvalidInput"),
    ),
    ("a missing object is in no project", lambda s: s.post(f"/file-{NOBODY}/listProjects"), {}),
    ("only folders", lambda s: sorted(s.post(f"/{s.project}/listFolder", {"only": "folders"})), ["folders"]),
    ("only objects", lambda s: sorted(s.post(f"/{s.project}/listFolder", {"only": "objects"})), ["objects"]),
    ("a clone names its source", cloned, True),
    ("links of an applet are its bundles, which come along", links_of_bundle, True),
    (
        "an object is made in a whole second",
        lambda s: s.post(f"/{new_file(s)}/describe")["created"] % 1000,
        0,
    ),
    ("a page names the next object, the last page none", found_page, (True, None)),
    # Files
    (
        "the default fields of a file",
        lambda s: fields_of(s.post(f"/{stored(s, b'x')}/describe"), FILE_FIELDS),
        [],
    ),
    ("an open file has parts", lambda s: s.post(f"/{new_file(s)}/describe")["parts"], {}),
    ("a closed file has none", lambda s: "parts" in s.post(f"/{stored(s, b'x')}/describe"), False),
    ("an open file has no size", lambda s: "size" in s.post(f"/{new_file(s, name='x.txt')}/describe"), False),
    (
        "an open file has no media type",
        lambda s: s.post(f"/{new_file(s, name='x.gz')}/describe")["media"],
        "",
    ),
    ("text", lambda s: media(s, b"a\tb\n", name="x.csv"), "text/plain"),
    ("text without extension", lambda s: media(s, "é".encode(), name="x"), "text/plain"),
    ("gzip", lambda s: media(s, b"\x1f\x8b\x08\0\0", name="x.txt"), "application/gzip"),
    ("bytes", lambda s: media(s, b"\0\1\2", name="x.txt"), "application/octet-stream"),
    ("an explicit media type", lambda s: media(s, b"text", media="image/x"), "image/x"),
    (
        "headers of an upload",
        lambda s: sorted(s.post(f"/{new_file(s)}/upload", {"size": 1, "md5": "0" * 32})["headers"]),
        ["content-length", "content-md5", "content-type", "host", "x-amz-server-side-encryption"],
    ),
    (
        "an upload URL is good for two minutes",
        lambda s: (
            119_000
            < s.post(f"/{new_file(s)}/upload", {"size": 1})["expires"]
            - s.post("/system/comeBackLater")["currentTime"]
            <= 120_000
        ),
        True,
    ),
    (
        "an uploaded part has a tag",
        lambda s: (put(s, new_file(s), b"x").headers["etag"], put(s, new_file(s), b"x").body),
        ('"9dd4e461268c8034f5c8564e155c67a6"', b""),
    ),
    (
        "a download needs the token",
        lambda s: sorted(s.post(f"/{stored(s, b'x')}/download")["headers"]),
        ["X-Authorization"],
    ),
    ("and does not expire", lambda s: "expires" in s.post(f"/{stored(s, b'x')}/download"), False),
    (
        "a preauthenticated one needs none",
        lambda s: s.post(f"/{stored(s, b'x')}/download", {"preauthenticated": True})["headers"],
        {},
    ),
    ("a range", lambda s: (got(s).status, got(s).headers["content-range"]), (206, "bytes 1-3/5")),
    (
        "headers of a download",
        lambda s: (
            {"accept-ranges", "content-type", "content-disposition", "last-modified"} - got(s).headers.keys()
        ),
        set(),
    ),
    (
        "an archived file",
        lambda s: s.post(f"/{s.project}/archive", {"files": [stored(s, b"x")]}),
        {"id": "PROJECT", "count": 1},
    ),
    ("a file on its way back", unarchived_state, "unarchiving"),
    (
        "a file of another project is not archived",
        lambda s: error(s, f"/{new_project(s)}/archive", {"files": [stored(s, b"x")]})[:2],
        (422, "InvalidInput"),
    ),
    (
        "a missing folder is not archived",
        lambda s: error(s, f"/{s.project}/archive", {"folder": "/no"})[:2],
        (404, "ResourceNotFound"),
    ),
    # Executables and executions
    (
        "a new workflow has an edit version",
        lambda s: s.post("/workflow/new", {"project": s.project})["editVersion"],
        0,
    ),
    (
        "a workflow has the dxapi that it was given",
        lambda s: "dxapi" in s.post(f"/{s.post('/workflow/new', {'project': s.project})['id']}/describe"),
        False,
    ),
    ("the default fields of a job", lambda s: fields_of(job_of(s), JOB_FIELDS), []),
    ("a plain run has normal priority", lambda s: job_of(s)["priority"], "normal"),
    ("thirty days", lambda s: job_of(s)["timeout"], 2_592_000_000),
    (
        "workers are not reused",
        lambda s: job_of(s)["workerReuseDeadlineRunTime"],
        {"state": "reuse-off", "waitTime": -1, "at": -1},
    ),
    ("an analysis is found by the job that started it", found_analysis, True),
    ("a job begins runnable", lambda s: job_of(s)["stateTransitions"][0]["newState"], "runnable"),
    (
        "executions are described together",
        lambda s: [
            sorted(each)
            for each in s.post("/system/describeExecutions", {"executions": [s.job(), f"job-{NOBODY}"]})[
                "results"
            ]
        ],
        [["describe"], ["error", "statusCode"]],
    ),
]


@pytest.fixture
def served(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


@pytest.mark.parametrize(("ask", "answer"), [pytest.param(*row[1:], id=row[0]) for row in FACTS])
def test_a_fact_of_the_platform(
    served: ServedPlatform, ask: Callable[[ServedPlatform], Any], answer: Any
) -> None:
    found = ask(served)
    if isinstance(found, dict) and found.get("id") == served.project:
        found = {**found, "id": "PROJECT"}
    assert found == answer


@pytest.mark.parametrize(("path", "status"), [("/system/whoami", 200), (f"/file-{NOBODY}/describe", 404)])
def test_every_answer_has_these_headers(served: ServedPlatform, path: str, status: int) -> None:
    reply = raw(served, path)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert re.fullmatch(r"\d{13}-\d{1,6}", reply.headers["x-request-id"])
