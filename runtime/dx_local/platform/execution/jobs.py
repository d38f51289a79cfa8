"""Look up, terminate and change existing jobs.

Source: https://documentation.dnanexus.com/developer/api/running-analyses
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.core import access
from dx_local.platform.core.states import State
from dx_local.platform.lifecycle import lifecycle, restarts
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import JobRow


def requested_try(request: JSON) -> int | None:
    """Return the `try` of a request; None means the last one. Raises InvalidInput."""
    return None if request.get("try") is None else read.integer(request, "try")


def get(context: Context, job_id: str, level: str = "VIEW") -> JobRow:
    """Return the row of a job or analysis.

    A job of another tree needs this level on its project. Raises ResourceNotFound or PermissionDenied.
    """
    job = context.store.get("job", job_id)
    if job is None:
        raise access.not_found(job_id)
    caller = context.calling_job()
    if caller is not None and caller["root"] != job["root"]:
        access.require(context, job["project"], level)
    return job


def terminate(context: Context, job_id: str, _request: JSON) -> JSON:
    """`/job-xxxx/terminate` and `/analysis-xxxx/terminate`: end an execution and all its descendants."""
    get(context, job_id, "CONTRIBUTE")
    context.platform.publish(lifecycle.terminated(context.store, job_id, context.now()))
    return {"id": job_id}


def add_tags(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/addTags`: add tags to the last try, or to the try in the request."""
    job = _to_change(context, job_id, request)
    return _change(context, job, tags=read.changed_tags(job["tags"], add=read.strings(request, "tags")))


def remove_tags(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/removeTags`: remove tags from the last try, or from the try in the request."""
    job = _to_change(context, job_id, request)
    return _change(context, job, tags=read.changed_tags(job["tags"], remove=read.strings(request, "tags")))


def set_properties(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/setProperties`: set (or, by null, delete) properties of the last try, or of one try."""
    job = _to_change(context, job_id, request)
    return _change(context, job, properties=read.changed_properties(job["properties"], request))


def update(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/update`: change `allowSSH`, which has no effect; nothing else can be changed."""
    job = get(context, job_id, "CONTRIBUTE")
    if request.get("allowSSH") is not None:
        echo = {**job["requested"]["echo"], "allowSSH": read.strings(request, "allowSSH")}
        context.store.update("job", job_id, requested={**job["requested"], "echo": echo})
    return {"id": job_id}


def _to_change(context: Context, job_id: str, request: JSON) -> JobRow:
    return restarts.row_of_try(context.store, get(context, job_id, "CONTRIBUTE"), requested_try(request))


def _change(context: Context, job: JobRow, **columns: Any) -> JSON:
    """Change columns of a job in the try that the row describes."""
    if job["state"] == State.RESTARTED:
        restarts.change_try(context.store, job, columns)
    else:
        context.store.update("job", job["id"], **columns)
    return {"id": job["id"]}
