"""The keys of requests that the documentation and clients name, and those of them without effect here.

Keys that no method knows are ignored, as the platform ignores them: `dx build` sends a whole dxapp.json to
/applet/new. A key that is known is obeyed, or refused if its value is wrong, or listed in WITHOUT_EFFECT. A
test holds each method to that.

Sources: https://documentation.dnanexus.com/developer/api and the client dxpy 0.417.1 (dxpy/bindings and
dxpy/scripts/dx.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.data import objects

if TYPE_CHECKING:
    from dx_local.api.methods import Method


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OF_OBJECTS = _keys("project name folder parents tags types hidden properties details")
_OF_RUNS = _keys(
    "input project folder name tags properties details systemRequirements systemRequirementsByExecutable "
    "timeoutPolicyByExecutable dependsOn delayWorkspaceDestruction allowSSH debug priority ignoreReuse "
    "detach costLimit rank maxTreeSpotWaitTime maxJobSpotWaitTime detailedJobMetrics preserveJobOutputs "
    "headJobOnDemand singleContext"
)
_OF_PROJECTS = _keys(
    "name summary description billTo protected restricted downloadRestricted externalUploadRestricted "
    "containsPHI databaseUIViewOnly databaseResultsRestricted previewViewerRestricted allowedExecutables"
)
_OF_APPS = _keys(
    "applet regionalOptions resources title summary description developerNotes details access billTo "
    "openSource ignoreReuse httpsApp treeTurnaroundTimeThreshold categories "
    "regionalOptions.*.pricingPolicy"
)
_OF_WORKFLOWS = _keys(
    "title summary description outputFolder stages inputs outputs ignoreReuse treeTurnaroundTimeThreshold"
)
_DESCRIBE = _keys("fields defaultFields")

_BY_CLASS: dict[str, dict[str, frozenset[str]]] = {
    "analysis": {
        "addTags": _keys("tags"),
        "describe": _DESCRIBE | {"io"},
        "removeTags": _keys("tags"),
        "setProperties": _keys("properties"),
    },
    "app": {
        "addAuthorizedUsers": _keys("authorizedUsers"),
        "addCategories": _keys("categories"),
        "addDevelopers": _keys("developers"),
        "addTags": _keys("tags"),
        "describe": _DESCRIBE,
        "new": _OF_APPS | _keys("name version initializeFrom"),
        "publish": _keys("makeDefault"),
        "removeAuthorizedUsers": _keys("authorizedUsers"),
        "removeCategories": _keys("categories"),
        "removeDevelopers": _keys("developers"),
        "removeTags": _keys("tags"),
        "run": _OF_RUNS | _keys("executionPolicy executionPolicy.maxSpotTries"),
        "update": _OF_APPS,
        "validateBatch": _keys("batchInput commonInput"),
    },
    "applet": {
        "new": _OF_OBJECTS
        | _keys(
            "dxapi runSpec inputSpec outputSpec access title summary description developerNotes ignoreReuse "
            "treeTurnaroundTimeThreshold httpsApp runSpec.systemRequirements"
        ),
        "run": _OF_RUNS | _keys("executionPolicy executionPolicy.maxSpotTries"),
        "validateBatch": _keys("batchInput commonInput"),
    },
    "file": {
        "new": _OF_OBJECTS | {"media"},
        "upload": _keys("index size md5"),
        "download": _keys("project duration preauthenticated filename stickyIP"),
    },
    "gtable": {
        "new": _OF_OBJECTS | _keys("columns indices initializeFrom"),
        "addRows": _keys("part data"),
        "get": _keys("columns starting limit query"),
    },
    "job": {
        "addTags": _keys("tags try"),
        "describe": _DESCRIBE | _keys("io try"),
        "getIdentityToken": _keys("audience subject_claims"),
        "new": _keys(
            "input function name tags properties details dependsOn systemRequirements "
            "systemRequirementsByExecutable timeoutPolicy headJobOnDemand ignoreReuse"
        ),
        "removeTags": _keys("tags try"),
        "setProperties": _keys("properties try"),
        "update": _keys("allowSSH"),
    },
    "project": {
        "archive": _keys("files folder recurse allCopies"),
        "decreasePermissions": frozenset(),  # its keys are names of members
        "destroy": _keys("terminateJobs"),
        "invite": _keys("invitee level suppressEmailNotification"),
        "new": _OF_PROJECTS | _keys("tags properties region"),
        "unarchive": _keys("files folder recurse rate dryRun"),
        "update": _OF_PROJECTS | {"version"},
    },
    "record": {"new": _OF_OBJECTS | _keys("initializeFrom close")},
    "system": {
        "describeDataObjects": _keys("objects classDescribeOptions"),
        "comeBackLater": _keys("waitUntil setRetryAfter"),
        "describeExecutions": _keys("executions describe"),
        "describeProjects": _keys("projects describe"),
        "destroyAuthToken": _keys("tokenSignature"),
        "findApps": _keys(
            "name category allVersions published billTo createdBy developer created modified "
            "describe limit starting"
        ),
        "findDataObjects": _keys(
            "class state visibility name properties type tag tags link scope level region modified created "
            "archivalState id describe limit starting"
        ),
        "findProjects": _keys(
            "name properties tags level explicitPermission public created region billTo containsPHI "
            "externalUploadRestricted describe limit starting"
        ),
        "generateBatchInputs": _keys("project folder inputs"),
        "resolveDataObjects": _keys("objects project folder"),
        "whoami": _keys("fields"),
    },
    "user": {"describe": _DESCRIBE, "update": _keys("sshPublicKey billTo")},
    "workflow": {
        "addStage": _keys("editVersion id executable name folder input executionPolicy systemRequirements"),
        "dryRun": _keys("input project folder stageFolders stageSystemRequirements rerunStages"),
        "isStageCompatible": _keys("editVersion stage executable"),
        "moveStage": _keys("editVersion stage newIndex"),
        "new": _OF_OBJECTS | _OF_WORKFLOWS | _keys("initializeFrom temporary"),
        "overwrite": _keys("editVersion from"),
        "removeStage": _keys("editVersion stage"),
        "run": (_OF_RUNS - {"headJobOnDemand", "debug"})
        | _keys("stageFolders stageSystemRequirements rerunStages"),
        "update": _OF_WORKFLOWS | {"editVersion"},
        "updateStageExecutable": _keys("editVersion stage executable force"),
        "validateBatch": _keys("batchInput commonInput"),
    },
}

_FINDS_EXECUTIONS = _keys(
    "launchedBy executable project state originJob parentJob parentAnalysis rootExecution created "
    "name tags properties includeSubjobs includeRestarted describe limit starting"
)
_OF_EVERY_OBJECT = {
    "addTags": _keys("project tags"),
    "describe": _DESCRIBE | {"project"},
    "removeTags": _keys("project tags"),
    "rename": _keys("project name"),
    "setProperties": _keys("project properties"),
}
_OF_OPEN_OBJECTS = {
    "addTypes": _keys("types"),
    "removeTypes": _keys("types"),
    "setVisibility": _keys("hidden"),
}
_OF_CONTAINERS = {
    "clone": _keys("objects folders project destination parents"),
    "describe": _DESCRIBE,
    "listFolder": _keys("folder only describe includeHidden"),
    "move": _keys("objects folders destination"),
    "newFolder": _keys("folder parents"),
    "removeFolder": _keys("folder recurse force partial"),
    "removeObjects": _keys("objects force"),
    "renameFolder": _keys("folder newpath name"),
}

DOCUMENTED: dict[Method, frozenset[str]] = {
    **{
        (class_name, method): keys
        for class_name in objects.CLASSES
        for method, keys in _OF_EVERY_OBJECT.items()
    },
    **{
        (class_name, method): keys
        for class_name in objects.CLASSES_THAT_OPEN
        for method, keys in _OF_OPEN_OBJECTS.items()
    },
    **{
        (class_name, method): keys
        for class_name in ("container", "project")
        for method, keys in _OF_CONTAINERS.items()
    },
    ("project", "addTags"): _keys("tags"),
    ("project", "removeTags"): _keys("tags"),
    ("project", "setProperties"): _keys("properties"),
    ("system", "findExecutions"): _FINDS_EXECUTIONS | {"class"},
    ("system", "findJobs"): _FINDS_EXECUTIONS,
    ("system", "findAnalyses"): _FINDS_EXECUTIONS,
    **{(name, method): keys for name, methods in _BY_CLASS.items() for method, keys in methods.items()},
}
"""The keys that a method is documented to take, or that clients send it."""

_RUNS_HERE = "described; every job runs on this machine"
_OF_EVERY_RUN = {
    "allowSSH": "described; there is no machine of the job's own to log in to",
    "costLimit": "described; runs cost nothing",
    "debug": "described; a failed job is not held",
    "delayWorkspaceDestruction": "described; workspaces are kept anyway",
    "executionPolicy.maxSpotTries": "described; there are no spot instances",
    "detailedJobMetrics": "described; there are no metrics but those of the run",
    "headJobOnDemand": "described on request; there are no spot instances",
    "maxJobSpotWaitTime": "there are no spot instances",
    "maxTreeSpotWaitTime": "there are no spot instances",
    "priority": "described; all jobs wait alike",
    "rank": "described; jobs start in the order in which they become runnable",
    "singleContext": "described; jobs may use other tokens all the same",
    "systemRequirements": _RUNS_HERE,
    "systemRequirementsByExecutable": _RUNS_HERE,
}
_NOT_OF_WORKFLOWS = ("debug", "executionPolicy.maxSpotTries", "headJobOnDemand")
_OF_EVERY_EXECUTABLE = {
    "httpsApp": "described; nobody can reach a job's web server through the platform",
    "treeTurnaroundTimeThreshold": "described, also by executions; nobody is notified",
}
_OF_EVERY_APP = {
    **_OF_EVERY_EXECUTABLE,
    "billTo": "described; runs cost nothing",
    "regionalOptions.*.pricingPolicy": "runs cost nothing",
}
_OF_EVERY_PROJECT = {
    "databaseResultsRestricted": "described; there are no databases",
    "databaseUIViewOnly": "described; there are no databases",
    "downloadRestricted": "described; the only user may download",
    "externalUploadRestricted": "described; the only user may upload",
    "previewViewerRestricted": "described; there are no viewers",
    "restricted": "described; the only user may copy",
}
_NO_MAIL = {"suppressEmailNotification": "no mail is sent anyway"}

WITHOUT_EFFECT: dict[Method, dict[str, str]] = {
    ("app", "new"): _OF_EVERY_APP,
    ("app", "run"): _OF_EVERY_RUN,
    ("app", "update"): _OF_EVERY_APP,
    ("applet", "new"): {**_OF_EVERY_EXECUTABLE, "runSpec.systemRequirements": _RUNS_HERE},
    ("applet", "run"): _OF_EVERY_RUN,
    ("file", "download"): {"stickyIP": "all clients are on this machine"},
    ("job", "new"): {
        key: _OF_EVERY_RUN[key]
        for key in ("headJobOnDemand", "systemRequirements", "systemRequirementsByExecutable")
    },
    ("job", "update"): {"allowSSH": _OF_EVERY_RUN["allowSSH"]},
    ("project", "invite"): _NO_MAIL,
    ("project", "new"): _OF_EVERY_PROJECT,
    ("project", "update"): _OF_EVERY_PROJECT,
    ("workflow", "new"): {"treeTurnaroundTimeThreshold": _OF_EVERY_EXECUTABLE["treeTurnaroundTimeThreshold"]},
    ("workflow", "run"): {
        **{key: why for key, why in _OF_EVERY_RUN.items() if key not in _NOT_OF_WORKFLOWS},
        "stageSystemRequirements": _RUNS_HERE,
    },
    ("workflow", "update"): {
        "treeTurnaroundTimeThreshold": _OF_EVERY_EXECUTABLE["treeTurnaroundTimeThreshold"]
    },
}
"""The documented keys that are accepted without effect, each with what happens instead, by method."""
