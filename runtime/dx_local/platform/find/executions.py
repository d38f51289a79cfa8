"""Find executions: jobs and analyses, both of which are rows of `job`.

Source: https://documentation.dnanexus.com/developer/api/search#api-method-system-findexecutions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import ApiError, InvalidInput
from dx_local.platform.core.ids import EXECUTIONS, class_of
from dx_local.platform.core.schema import FoundTry
from dx_local.platform.data.contents import describe_options
from dx_local.platform.execution import job_descriptions
from dx_local.platform.find.conditions import (
    Condition,
    all_of,
    any_of,
    between,
    has_properties,
    includes,
    name_is,
    one_of,
)
from dx_local.platform.find.options import page_size
from dx_local.platform.requests import request_fields as read
from dx_local.platform.workflows import analyses

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

# By field of the request: the column or expression that it is compared with.
_COLUMNS = {
    # The origin of an analysis is that of the job that started it.
    "originJob": (
        "CASE WHEN job.id GLOB 'analysis-*'"
        " THEN (SELECT parent.origin FROM job AS parent WHERE parent.id = job.parent) ELSE job.origin END"
    ),
    "rootExecution": "job.root",
}
_MAX_IDS = 1000
_LAST_TRIES = "job.try_number AS number FROM job"
_TRIES = (
    "tries.number FROM job JOIN ("
    "SELECT id AS job, try_number AS number, state FROM job"
    " UNION ALL SELECT job, number, 'restarted' FROM past_try"
    ") AS tries ON tries.job = job.id"
)
# The fields for which null selects executions without a parent of the class.
_PARENTS = {"parentAnalysis": "analysis", "parentJob": "job"}
_MASTER_JOB = Condition(
    "NOT EXISTS (SELECT 1 FROM job AS parent"
    " WHERE parent.id = job.parent AND parent.workspace = job.workspace)"
)


def find_executions(context: Context, _class: str, request: JSON) -> JSON:
    """Find the visible executions that match all conditions of a request, newest first.

    Earlier tries of a job, and the executions that they started, are included only with `includeRestarted`.
    If there are more results, `next` is the ID of the page's last one, with the number of a later try.
    """
    limit = page_size(request)
    options = describe_options(request)
    with_tries = read.flag(request, "includeRestarted")
    where = all_of(
        [
            *_visible(context, request),
            *_conditions(context, request),
            *_conditions_on_tries(request, with_tries=with_tries),
        ]
    )
    rows = context.store.all(
        FoundTry,
        f"SELECT job.id, {_TRIES if with_tries else _LAST_TRIES} WHERE {where.sql}"
        " ORDER BY job.sequence DESC, number DESC LIMIT ?",
        *where.values,
        limit + 1,
    )
    results = [_listed(context, row["id"], row["number"], options) for row in rows[:limit]]
    return {"results": results, "next": _page_end(rows[limit - 1]) if len(rows) > limit else None}


def find_jobs(context: Context, _class: str, request: JSON) -> JSON:
    """Find jobs as `find_executions` does."""
    return find_executions(context, _class, {**request, "class": "job"})


def find_analyses(context: Context, _class: str, request: JSON) -> JSON:
    """Find analyses as `find_executions` does."""
    return find_executions(context, _class, {**request, "class": "analysis"})


def describe_executions(context: Context, _class: str, request: JSON) -> JSON:
    """Describe several executions; the result for one that cannot be described is its error.

    The platform does not document the format of the answer; it is that of `describeProjects`.
    """
    ids = read.strings(request, "executions")
    if len(ids) > _MAX_IDS:
        raise InvalidInput(f'"executions" can name at most {_MAX_IDS} executions')
    options = describe_options(request) or {}
    return {"results": [_described(context, execution, options) for execution in ids]}


def _described(context: Context, execution: str, options: JSON) -> JSON:
    try:
        return {"describe": _describe(context, execution, options)}
    except ApiError as error:
        return error.as_result()


def _describe(context: Context, execution: str, options: JSON) -> JSON:
    describe = analyses.describe if class_of(execution) == "analysis" else job_descriptions.describe_job
    return describe(context, execution, options)


def _visible(context: Context, request: JSON) -> list[Condition]:
    """Return the condition that a job is in the requested project, or else in any visible one."""
    if request.get("project") is not None:
        project = read.container(request)
        access.require(context, project, "VIEW")
        return [Condition("job.project = ?", (project,))]
    conditions = [one_of("job.project", access.visible_projects(context))]
    if caller := context.calling_job():
        conditions.append(Condition("job.root = ?", (caller["root"],)))
    return [any_of(conditions)]


def _conditions(context: Context, request: JSON) -> list[Condition]:
    found = [_is_one_of(column, request, name) for name, column in _COLUMNS.items() if name in request]
    found += [_has_parent(request, name) for name in _PARENTS if name in request]
    found += between("job.created", "created", request)
    if request.get("class") is not None:
        found.append(Condition("job.id GLOB ?", (f"{_class(request)}-*",)))
    if request.get("executable") is not None:
        found.append(_runs_executable(read.text(request, "executable")))
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
    return found


def _conditions_on_tries(request: JSON, *, with_tries: bool) -> list[Condition]:
    found = [] if with_tries else [Condition("NOT job.superseded", ())]
    if "state" in request:
        found.append(_is_one_of("tries.state" if with_tries else "job.state", request, "state"))
    if request.get("starting") is not None:
        found.append(_after(read.text(request, "starting"), with_tries=with_tries))
    return found


def _page_end(row: FoundTry) -> str:
    """Return the end of a page in the format of `starting`."""
    return f"{row['id']}/{row['number']}" if row["number"] else str(row["id"])


def _after(page_end: str, *, with_tries: bool) -> Condition:
    """Match executions after the end of a page."""
    execution, _, number = page_end.partition("/")
    sequence = "(SELECT sequence FROM job WHERE id = ?)"
    if not with_tries or not number.isdecimal():
        return Condition(f"job.sequence < {sequence}", (execution,))
    return Condition(
        f"(job.sequence, tries.number) < ({sequence}, ?)",
        (execution, int(number)),
    )


def _is_one_of(column: str, request: JSON, name: str) -> Condition:
    """Match a column with a string or one of several; null matches any."""
    wanted = request[name]
    if wanted is None:
        return all_of([])
    if isinstance(wanted, list):
        return one_of(column, read.strings(request, name))
    if not isinstance(wanted, str):
        raise InvalidInput(f'"{name}" must be a string or an array of strings')
    return Condition(f"{column} = ?", (wanted,))


def _class(request: JSON) -> str:
    class_name = read.text(request, "class")
    if class_name not in EXECUTIONS:
        raise InvalidInput('"class" must be "job" or "analysis"')
    return class_name


def _has_parent(request: JSON, name: str) -> Condition:
    """Match the parent job or analysis; null matches executions without a parent of that class."""
    if request[name] is not None:
        return _is_one_of("job.parent", request, name)
    return Condition("(job.parent IS NULL OR job.parent NOT GLOB ?)", (f"{_PARENTS[name]}-*",))


def _runs_executable(executable: str) -> Condition:
    """Match executions of an executable, and analyses with a stage that runs it."""
    return any_of(
        [
            Condition("job.executable = ?", (executable,)),
            Condition(
                "job.id GLOB 'analysis-*' AND EXISTS (SELECT 1 FROM job AS stage"
                " WHERE stage.parent = job.id AND stage.executable = ?)",
                (executable,),
            ),
        ]
    )


def _listed(context: Context, job_id: str, number: int, options: JSON | None) -> JSON:
    if options is None:
        return {"id": job_id}
    return {"id": job_id, "describe": _describe(context, job_id, {**options, "try": number})}
