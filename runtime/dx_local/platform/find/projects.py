"""Find projects, and describe many in one call.

Source: https://documentation.dnanexus.com/developer/api/search
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import ApiError, InvalidInput
from dx_local.platform.data import projects
from dx_local.platform.data.contents import describe_options
from dx_local.platform.data.project_members import PUBLIC
from dx_local.platform.find.conditions import (
    Condition,
    all_of,
    between,
    has_properties,
    includes,
    name_is,
    one_of,
)
from dx_local.platform.find.options import minimum_level, page_size
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

_MAX_IDS = 1000
_FLAGS = ("containsPHI", "externalUploadRestricted")
_PUBLIC_LEVEL = "json_extract(permissions, '$.PUBLIC')"


def find_projects(context: Context, _class: str, request: JSON) -> JSON:
    """Find the projects on which the caller has the requested level, newest first."""
    limit = page_size(request)
    options = describe_options(request)
    minimum = access.LEVELS.index(minimum_level(request))
    where = all_of(_project_conditions(context, request))
    ids = context.store.column(
        f"SELECT id FROM project WHERE {where.sql} ORDER BY created DESC, id DESC", *where.values
    )
    levels = ((project_id, access.level_on(context, project_id)) for project_id in ids)
    found = [(project, level) for project, level in levels if level and access.LEVELS.index(level) >= minimum]
    start = read.integer(request, "starting", 0) if request.get("starting") is not None else 0
    page = found[start : start + limit]
    results = [_listed_project(context, project, level, options) for project, level in page]
    return {"results": results, "next": start + limit if len(found) > start + limit else None}


def _project_conditions(context: Context, request: JSON) -> list[Condition]:
    found = [Condition("class = 'project'"), *between("created / 1000 * 1000", "created", request)]
    if request.get("name") is not None:
        found.append(name_is("name", request["name"]))
    if request.get("tags") is not None:
        found.append(includes("json_extract(fields, '$.tags')", "tags", request["tags"]))
    if request.get("properties") is not None:
        found.append(has_properties("json_extract(fields, '$.properties')", request["properties"]))
    if request.get("region") is not None:
        found.append(_text_or_one_of("region", request, "region"))
    if request.get("billTo") is not None:
        found.append(_text_or_one_of("json_extract(created_by, '$.user')", request, "billTo"))
    for name in _FLAGS:
        if request.get(name) is not None:
            flag = f"COALESCE(json_extract(fields, '$.{name}'), 0)"
            found.append(Condition(f"{flag} = ?", (int(read.flag(request, name)),)))
    for name, member in (("public", PUBLIC), ("explicitPermission", context.caller.user)):
        if request.get(name) is not None:
            has_level = f"{'NOT ' if read.flag(request, name) else ''}NULL"
            found.append(Condition(f"json_extract(permissions, ?) IS {has_level}", (f'$."{member}"',)))
    return found


def _text_or_one_of(column: str, request: JSON, field: str) -> Condition:
    if isinstance(request[field], list):
        return one_of(column, read.strings(request, field))
    return Condition(f"{column} = ?", (read.text(request, field),))


def _listed_project(context: Context, project: str, level: str, options: JSON | None) -> JSON:
    found: JSON = {
        "id": project,
        "level": level,
        "public": context.store.value(f"SELECT {_PUBLIC_LEVEL} FROM project WHERE id = ?", project)
        is not None,
        "permissionSources": [context.caller.user],
    }
    if options is not None:
        found["describe"] = projects.describe(context, project, options)
    return found


def describe_projects(context: Context, _class: str, request: JSON) -> JSON:
    """Describe several projects; the result for one that cannot be described is its error."""
    ids = read.strings(request, "projects")
    if len(ids) > _MAX_IDS:
        raise InvalidInput(f'"projects" can name at most {_MAX_IDS} projects')
    options = describe_options(request) or {}
    return {"results": [_described(context, project, options) for project in ids]}


def _described(context: Context, project: str, options: JSON) -> JSON:
    try:
        return {"describe": projects.describe(context, project, options)}
    except ApiError as error:
        return error.as_result()
