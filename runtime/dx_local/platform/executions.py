"""Finding executions, which here are jobs: there are no analyses, and none is ever found.

Source: https://documentation.dnanexus.com/developer/api/search#api-method-system-findexecutions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform import access, jobs
from dx_local.platform import fields as read
from dx_local.platform.conditions import (
    Condition,
    between,
    both,
    either,
    has_properties,
    includes,
    name_is,
    one_of,
)
from dx_local.platform.errors import InvalidInput
from dx_local.platform.search import page_size

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context

# Fields of the request that are compared with a column as they are.
_COLUMNS = {
    "executable": "job.executable",
    "originJob": "job.origin",
    "parentJob": "job.parent",
    "rootExecution": "job.root",
    "state": "job.state",
}
_MASTER_JOB = Condition(
    "NOT EXISTS (SELECT 1 FROM job AS parent"
    " WHERE parent.id = job.parent AND parent.workspace = job.workspace)"
)


def find_executions(context: Context, _class: str, request: JSON) -> JSON:
    """Find the jobs that the caller may see by what the request says of them, newest first.

    `next` is the ID of the page's last job when there are more.
    """
    limit = page_size(request)
    where = both([*_visible(context, request), *_conditions(context, request)])
    rows = context.store.all(
        f"SELECT job.id FROM job WHERE {where.sql} ORDER BY job.sequence DESC LIMIT ?",
        *where.values,
        limit + 1,
    )
    found = [row["id"] for row in rows]
    results = [_listed(context, job_id, request) for job_id in found[:limit]]
    return {"results": results, "next": found[limit - 1] if len(found) > limit else None}


def _visible(context: Context, request: JSON) -> list[Condition]:
    """Return the condition that a job is of the project asked for, or else of one that the caller sees."""
    if request.get("project") is not None:
        project = read.text(request, "project")
        access.require(context, project, "VIEW")
        return [Condition("job.project = ?", (project,))]
    conditions = [one_of("job.project", access.visible_projects(context))]
    if caller := context.calling_job():
        conditions.append(Condition("job.root = ?", (caller["root"],)))
    return [either(conditions)]


def _conditions(context: Context, request: JSON) -> list[Condition]:
    found = [_is_one_of(column, request, name) for name, column in _COLUMNS.items() if name in request]
    found += between("job.created", "created", request)
    if request.get("class") not in (None, "job") or request.get("parentAnalysis") is not None:
        found.append(either([]))
    if request.get("launchedBy") is not None:
        user = read.text(request, "launchedBy")
        found.append(Condition("job.user = ?", (context.caller.user if user == "self" else user,)))
    if request.get("name") is not None:
        found.append(name_is("job.name", request["name"]))
    if request.get("tags") is not None:
        found.append(includes("job.tags", "tags", request["tags"]))
    if request.get("properties") is not None:
        found.append(has_properties("job.properties", request["properties"]))
    if not read.flag(request, "includeSubjobs", default=True):
        found.append(_MASTER_JOB)
    if request.get("starting") is not None:
        found.append(
            Condition(
                "job.sequence < (SELECT sequence FROM job WHERE id = ?)", (read.text(request, "starting"),)
            )
        )
    return found


def _is_one_of(column: str, request: JSON, name: str) -> Condition:
    """Match a column with an ID or several; null matches jobs that have no parent, and else any job."""
    wanted = request[name]
    if wanted is None:
        return Condition(f"{column} IS NULL") if name == "parentJob" else both([])
    if isinstance(wanted, list):
        return one_of(column, read.strings(request, name))
    if not isinstance(wanted, str):
        raise InvalidInput(f'"{name}" must be a string or an array of strings')
    return Condition(f"{column} = ?", (wanted,))


def _listed(context: Context, job_id: str, request: JSON) -> JSON:
    options = request.get("describe")
    if not options:
        return {"id": job_id}
    how = options if isinstance(options, dict) else {}
    return {"id": job_id, "describe": jobs.describe_job(context, job_id, how)}
