"""Describe jobs, and the fields that jobs and analyses share.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/applets-and-entry-points
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core.ids import class_of
from dx_local.platform.core.states import FINAL, State
from dx_local.platform.data import describe
from dx_local.platform.execution import app_containers, jobs
from dx_local.platform.lifecycle import outputs, restarts
from dx_local.platform.lifecycle.references import Resolver, UnresolvableReference
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import JobRow


def describe_job(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/describe`: describe the last try, or the try in the request."""
    job = restarts.row_of_try(context.store, jobs.get(context, job_id), jobs.requested_try(request))
    return describe_execution(_description(context, job), request)


def describe_in_home(context: Context, job: JobRow) -> JSON:
    """Return the description in the home of a job that starts: that of describe, without inputs and outputs.

    Source: the file dnanexus-job.json of a real job, printed in its published log (2022).
    """
    starts_first_try = job["try_number"] == 0  # so that it has not started anything yet
    return describe_execution(_description(context, job, has_children=not starts_first_try), {"io": False})


def describe_execution(full: JSON, request: JSON) -> JSON:
    """Return the requested fields of the full description of an execution."""
    if not read.flag(request, "io", default=True):
        full = {name: value for name, value in full.items() if name not in _IO}
    return describe.select_fields(full, request, frozenset(full) - _ON_REQUEST)


_IO = frozenset({"runInput", "originalInput", "input", "output"})


_ON_REQUEST = frozenset(
    {
        "runSystemRequirements",
        "runSystemRequirementsByExecutable",
        "mergedSystemRequirementsByExecutable",
        "runStageSystemRequirements",
        "instanceTypeTransitions",
        "headJobOnDemand",
        "internetUsageIPs",
    }
)


# Fields that are described by default, but have no meaning here; a run request can set some of them.
_CONSTANT_FIELDS = {
    "costLimit": None,
    "debug": {},
    "delayWorkspaceDestruction": False,
    "detachedFrom": None,
    "detachedFromTry": None,
    "detailedJobMetrics": False,
    "httpsApp": {"enabled": False},
    "ignoreReuse": False,
    "invoiceMetadata": None,
    "isFree": True,
    "rank": 0,
    "singleContext": False,
    "workerReuseDeadlineRunTime": {"state": "reuse-off", "waitTime": -1, "at": -1},
}


def _description(context: Context, job: JobRow, *, has_children: bool = True) -> JSON:
    requested = job["requested"]
    full = {
        **_CONSTANT_FIELDS,
        "finalPriority": job["priority"],
        "timeout": job["timeout"],
        **common_description(job),
        **_of_executable(context, job),
        "function": job["function"],
        "originJob": job["origin"],
        "input": job["input"] if job["input"] is not None else _input_so_far(context, job),
        "output": job["output"],
        "instanceType": job["instance_type"],
        "systemRequirements": job["system_requirements"],
        "networkAccess": requested["access"].get("network", []),
        "dependsOn": [*job["depends_on"], *(_analyses_of(context, job) if has_children else ())],
        "waitingOnChildren": _waiting_on_children(context, job),
        "try": job["try_number"],
        "tryCreated": job["created"] if job["try_created"] is None else job["try_created"],
        "failureCounts": job["failure_counts"],
        "executionPolicy": restarts.policy_of(job),
        "instanceTypeTransitions": [],
        "headJobOnDemand": requested.get("headJobOnDemand", False),
        "internetUsageIPs": [],
        "masterJob": restarts.master_above(context.store, job),
    }
    if job["reused_from"] is not None:
        full["outputReusedFrom"] = job["reused_from"]
    times = {"startedRunning": job["started"], "stoppedRunning": job["stopped"]}
    return full | {name: value for name, value in times.items() if value is not None}


def common_description(job: JobRow) -> JSON:
    """Return the fields that the descriptions of jobs and analyses share."""
    requested = job["requested"]
    parent_class = class_of(job["parent"] or "")
    full = {
        "id": job["id"],
        "class": class_of(job["id"]),
        "name": job["name"],
        "executableName": job["executable_name"],
        "executable": job["executable"],
        "state": job["state"],
        "project": job["project"],
        "region": job["region"],
        "billTo": job["user"],
        "launchedBy": job["user"],
        "folder": job["folder"],
        "workspace": job["workspace"],
        "rootExecution": job["root"],
        "parentJob": job["parent"] if parent_class == "job" else None,
        "parentJobTry": job["parent_try"] if parent_class == "job" else None,
        "parentAnalysis": job["parent"] if parent_class == "analysis" else None,
        "analysis": job["analysis"],
        "stage": job["stage"],
        "created": job["created"],
        "modified": job["modified"],
        "stateTransitions": job["transitions"],
        "runInput": job["run_input"],
        "originalInput": job["original_input"],
        "tags": job["tags"],
        "properties": job["properties"],
        "details": job["details"],
        "dependsOn": job["depends_on"],
        "priority": job["priority"],
        "runSystemRequirements": requested["systemRequirements"],
        "runSystemRequirementsByExecutable": requested["systemRequirementsByExecutable"],
        "mergedSystemRequirementsByExecutable": requested["mergedSystemRequirementsByExecutable"],
        "preserveJobOutputs": requested.get("preserveJobOutputs"),
        **_turnaround(job),
        **requested["echo"],
    }
    failure = {
        "failureReason": job["failure_reason"],
        "failureMessage": job["failure_message"],
        "failureFrom": job["failure_from"],
    }
    return full | {name: value for name, value in failure.items() if value is not None}


def _turnaround(job: JobRow) -> JSON:
    """Return the turnaround time (s) of a root execution's tree and its threshold; nothing for others.

    Fields that do not apply are absent: `dx describe` cannot print null in fields that it does not expect.
    """
    if job["root"] != job["id"]:
        return {}
    threshold = job["requested"].get("treeTurnaroundTimeThreshold")
    found: JSON = {}
    if threshold is not None:
        found["selectedTreeTurnaroundTimeThreshold"] = threshold
        found["selectedTreeTurnaroundTimeThresholdFrom"] = "executable"
    if job["state"] in FINAL:
        found["treeTurnaroundTime"] = (job["transitions"][-1]["setAt"] - job["created"]) // 1000
    return found


def _of_executable(context: Context, job: JobRow) -> JSON:
    """Return the field with the applet, or the fields with the app and its containers."""
    executable = job["executable"]
    if class_of(executable) != "app":
        return {"applet": executable}
    return {
        "app": executable,
        "resources": app_containers.resources(context.store, executable, job["region"]),
        "projectCache": app_containers.project_cache(context.store, executable, job["project"]),
    }


def _analyses_of(context: Context, job: JobRow) -> list[str]:
    """Return the analyses that a job has started; it depends on them as on those in `dependsOn`."""
    return context.store.column(
        "SELECT id FROM job WHERE parent = ? AND id GLOB 'analysis-*' ORDER BY sequence", job["id"]
    )


def _waiting_on_children(context: Context, job: JobRow) -> list[str]:
    if job["state"] != State.WAITING_ON_OUTPUT:
        return []
    return context.store.column(
        "SELECT id FROM job WHERE parent = ? AND state NOT IN ('done', 'failed', 'terminated')", job["id"]
    )


def _input_so_far(context: Context, job: JobRow) -> JSON:
    """Return the input of a waiting job, with all references replaced that already have a value."""
    store = context.store
    resolver = Resolver(
        lambda job_id: outputs.output_if_done(store, job_id),
        lambda entity, path: outputs.object_metadata(store, entity, path),
    )
    try:
        return resolver.resolve(job["original_input"])
    except UnresolvableReference:
        # This is the reason why the job has failed, or is about to fail.
        unfinished = Resolver(lambda _job_id: None, lambda _entity, _path: None)
        return unfinished.resolve(job["original_input"])
