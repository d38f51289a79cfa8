"""The keys of requests: groups that several routes share, and keys without effect.

`routes.Route.keys` lists the keys of a route that are documented or that clients send. A test requires that
each of them takes effect, is rejected if its value is wrong, or is listed in `WITHOUT_EFFECT`. All other keys
are ignored, as on the platform: `dx build` sends a whole dxapp.json to /applet/new.

Sources: https://documentation.dnanexus.com/developer/api and the client dxpy 0.417.1 (dxpy/bindings and
dxpy/scripts/dx.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.api.methods import Method

OBJECT = "name project folder parents tags types hidden properties details"
WORKFLOW_RUN = (
    "name project folder tags properties details input systemRequirements systemRequirementsByExecutable "
    "timeoutPolicyByExecutable dependsOn delayWorkspaceDestruction allowSSH priority ignoreReuse detach "
    "costLimit rank maxTreeSpotWaitTime maxJobSpotWaitTime detailedJobMetrics preserveJobOutputs "
    "singleContext"
)
RUN = f"{WORKFLOW_RUN} debug headJobOnDemand"
PROJECT = (
    "name summary description billTo protected restricted downloadRestricted externalUploadRestricted "
    "containsPHI databaseUIViewOnly databaseResultsRestricted previewViewerRestricted allowedExecutables"
)
APP = (
    "applet details ignoreReuse summary description billTo regionalOptions resources title developerNotes "
    "access openSource httpsApp treeTurnaroundTimeThreshold categories regionalOptions.*.pricingPolicy"
)
APPLET = (
    "ignoreReuse summary description title developerNotes access httpsApp treeTurnaroundTimeThreshold "
    "dxapi runSpec inputSpec outputSpec runSpec.systemRequirements"
)
WORKFLOW = (
    "ignoreReuse summary description title treeTurnaroundTimeThreshold outputFolder stages inputs outputs"
)
JOB = (
    "name tags properties details input systemRequirements systemRequirementsByExecutable dependsOn "
    "ignoreReuse headJobOnDemand function timeoutPolicy"
)
DESCRIBE = "fields defaultFields"
FIND_APPS = (
    "name developer billTo describe starting limit category allVersions published createdBy created modified"
)
FIND_DATA_OBJECTS = (
    "name tags properties describe starting limit level region created modified class state visibility "
    "type tag link scope archivalState id"
)
FIND_EXECUTIONS = (
    "name project tags properties describe starting limit created state executable launchedBy originJob "
    "parentJob parentAnalysis rootExecution includeSubjobs includeRestarted"
)
FIND_PROJECTS = (
    "name tags properties billTo externalUploadRestricted containsPHI describe starting limit level "
    "region created explicitPermission public"
)

_RUNS_HERE = "described; every job runs on this machine"
_OF_EVERY_RUN = {
    "allowSSH": "described; a job has no machine of its own to log in to",
    "costLimit": "described; runs cost nothing",
    "debug": "described; failed jobs are not held",
    "delayWorkspaceDestruction": "described; workspaces are always kept",
    "executionPolicy.maxSpotTries": "described; there are no spot instances",
    "detailedJobMetrics": "described; the only metrics are those of the run",
    "headJobOnDemand": "described on request; there are no spot instances",
    "maxJobSpotWaitTime": "there are no spot instances",
    "maxTreeSpotWaitTime": "there are no spot instances",
    "priority": "described; all jobs have the same priority",
    "rank": "described; jobs start in the order in which they become runnable",
    "singleContext": "described; jobs may still use other tokens",
    "systemRequirements": _RUNS_HERE,
    "systemRequirementsByExecutable": _RUNS_HERE,
}
_NOT_OF_WORKFLOWS = ("debug", "executionPolicy.maxSpotTries", "headJobOnDemand")
_OF_EVERY_EXECUTABLE = {
    "httpsApp": "described; a job's web server cannot be reached through the platform",
    "treeTurnaroundTimeThreshold": "described, including by executions; there are no notifications",
}
_OF_EVERY_APP = {
    **_OF_EVERY_EXECUTABLE,
    "billTo": "described; runs cost nothing",
    "regionalOptions.*.pricingPolicy": "runs cost nothing",
}
_OF_EVERY_PROJECT = {
    "databaseResultsRestricted": "described; there are no databases",
    "databaseUIViewOnly": "described; there are no databases",
    "downloadRestricted": "described; the only user may always download",
    "externalUploadRestricted": "described; the only user may always upload",
    "previewViewerRestricted": "described; there are no viewers",
    "restricted": "described; the only user may always copy",
}
_NO_MAIL = {"suppressEmailNotification": "no e-mail is ever sent"}

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
"""By method: the documented keys that are accepted without effect, each with the actual behaviour."""
