"""Finding data objects and projects, and resolving names to data objects.

A search is one SQL query; it answers in pages, newest first, with where to go on in `next`.

Source: https://documentation.dnanexus.com/developer/api/search
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform import access, contents, objects, projects
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
from dx_local.platform.errors import ApiError, InvalidInput
from dx_local.platform.folders import below, normalize_folder

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context

_LARGEST_PAGE = 1000
_RESOLVED_AT_ONCE = 1000
_VISIBILITIES = {"hidden": ["object.hidden"], "visible": ["NOT object.hidden"], "either": []}
_STATES = ("open", "closing", "closed", "any")


def find_data_objects(context: Context, _class: str, request: JSON) -> JSON:
    """Find data objects by what the request says of them; one result for each project that one is in."""
    limit = page_size(request)
    where = both(_object_conditions(context, request) + _after_cursor(request))
    rows = context.store.all(
        "SELECT placement.project, placement.object, placement.sequence FROM placement"
        f" JOIN object ON object.id = placement.object WHERE {where.sql}"
        " ORDER BY placement.sequence DESC, placement.project DESC LIMIT ?",
        *where.values,
        limit + 1,
    )
    options = request.get("describe", False)
    results = [
        {"project": row["project"], **contents.listed(context, row["object"], row["project"], options)}
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    cursor = {"sequence": last["sequence"], "project": last["project"]} if last else None
    return {"results": results, "next": cursor}


def resolve_data_objects(context: Context, _class: str, request: JSON) -> JSON:
    """Return, for each name in a folder of a project, all data objects of that name; newest first."""
    names = _hashes(request, "objects")
    return {"results": [_resolved(context, {**request, **item}) for item in names]}


def describe_data_objects(context: Context, _class: str, request: JSON) -> JSON:
    """Describe several data objects; one that cannot be described has its error in its place."""
    by_class = read.mapping(request, "classDescribeOptions", {})
    items = request.get("objects")
    if not isinstance(items, list) or len(items) > _RESOLVED_AT_ONCE:
        raise InvalidInput(
            f'"objects" must be an array of at most {_RESOLVED_AT_ONCE} IDs or hashes with an "id"'
        )
    return {"results": [_described(context, item, by_class) for item in items]}


def find_projects(context: Context, _class: str, request: JSON) -> JSON:
    """Find the projects that the caller sees at the level asked for, newest first."""
    limit = page_size(request)
    minimum = access.LEVELS.index(_level(request))
    where = both(_project_conditions(request))
    rows = context.store.all(
        f"SELECT id FROM project WHERE {where.sql} ORDER BY created DESC, id DESC", *where.values
    )
    levels = ((row["id"], access.level_on(context, row["id"])) for row in rows)
    found = [(project, level) for project, level in levels if level and access.LEVELS.index(level) >= minimum]
    start = read.integer(request, "starting", 0) if request.get("starting") is not None else 0
    page = found[start : start + limit]
    results = [_listed_project(context, project, level, request) for project, level in page]
    return {"results": results, "next": start + limit if len(found) > start + limit else None}


def find_nothing(_context: Context, _class: str, _request: JSON) -> JSON:
    """Answer a search for a kind of thing of which there are none here."""
    return {"results": [], "next": None}


def _object_conditions(context: Context, request: JSON) -> list[Condition]:
    return [
        *_of_class_and_state(request),
        *_of_metadata(request),
        *_in_scope(context, request),
        *between("object.modified", "modified", request),
        *between("object.created", "created", request),
    ]


def _of_class_and_state(request: JSON) -> list[Condition]:
    state = read.text(request, "state", "any")
    visibility = read.text(request, "visibility", "either")
    if state not in _STATES:
        raise InvalidInput(f'"state" must be one of {", ".join(_STATES)}')
    if visibility not in _VISIBILITIES:
        raise InvalidInput(f'"visibility" must be one of {", ".join(_VISIBILITIES)}')
    found = [Condition(sql) for sql in _VISIBILITIES[visibility]]
    if state != "any":
        found.append(Condition("object.state = ?", (state,)))
    if request.get("class") is not None:
        found.append(Condition("placement.class = ?", (read.text(request, "class"),)))
    if request.get("id") is not None:
        found.append(one_of("placement.object", read.strings(request, "id")))
    if request.get("archivalState") not in (None, "live", "any"):
        found.append(either([]))
    return found


def _of_metadata(request: JSON) -> list[Condition]:
    found = []
    if request.get("name") is not None:
        found.append(name_is("placement.name", request["name"]))
    if request.get("tag") is not None:
        found.append(includes("placement.tags", "tag", request["tag"]))
    if request.get("tags") is not None:
        found.append(includes("placement.tags", "tags", request["tags"]))
    if request.get("type") is not None:
        found.append(includes("object.types", "type", request["type"]))
    if request.get("link") is not None:
        found.append(includes("object.links", "link", request["link"]))
    if request.get("properties") is not None:
        found.append(has_properties("placement.properties", request["properties"]))
    return found


def _in_scope(context: Context, request: JSON) -> list[Condition]:
    scope = read.mapping(request, "scope", {}) if request.get("scope") is not None else {}
    if scope.get("project") is None:
        return [one_of("placement.project", _searched_projects(context, request))]
    project = read.text(scope, "project")
    access.require(context, project, _level(request))
    folder = normalize_folder(read.text(scope, "folder", "/"))
    found = [Condition("placement.project = ?", (project,))]
    if not read.flag(scope, "recurse", default=True):
        found.append(Condition("placement.folder = ?", (folder,)))
    elif folder != "/":
        inside = Condition("placement.folder > ? AND placement.folder < ?", below(folder))
        found.append(either([Condition("placement.folder = ?", (folder,)), inside]))
    return found


def _searched_projects(context: Context, request: JSON) -> list[str]:
    """Return the projects that a search without a scope is in: those of its `level` and `region`."""
    minimum = access.LEVELS.index(_level(request))
    region = read.optional_text(request, "region")
    return [
        project
        for project in access.visible_projects(context)
        if access.LEVELS.index(access.level_on(context, project) or "VIEW") >= minimum
        and region in (None, context.store.value("SELECT region FROM project WHERE id = ?", project))
    ]


def _level(request: JSON) -> str:
    level = read.text(request, "level", "VIEW")
    if level not in access.LEVELS:
        raise InvalidInput(f'"level" must be one of {", ".join(access.LEVELS)}')
    return level


def _after_cursor(request: JSON) -> list[Condition]:
    """Return the condition that a row comes after the place that `next` of the page before named."""
    if request.get("starting") is None:
        return []
    cursor = read.mapping(request, "starting")
    place = (read.integer(cursor, "sequence"), read.text(cursor, "project"))
    return [Condition("(placement.sequence, placement.project) < (?, ?)", place)]


def _project_conditions(request: JSON) -> list[Condition]:
    found = [Condition("class = 'project'"), *between("created", "created", request)]
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
    if request.get("public") is True:
        found.append(either([]))
    return found


def _text_or_one_of(column: str, request: JSON, field: str) -> Condition:
    if isinstance(request[field], list):
        return one_of(column, read.strings(request, field))
    return Condition(f"{column} = ?", (read.text(request, field),))


def _listed_project(context: Context, project: str, level: str, request: JSON) -> JSON:
    found: JSON = {
        "id": project,
        "level": level,
        "public": False,
        "permissionSources": [context.caller.user],
    }
    options = request.get("describe", False)
    if options is not False and options is not None:
        how = options if isinstance(options, dict) else {}
        found["describe"] = projects.describe(context, project, how)
    return found


def _resolved(context: Context, item: JSON) -> list[JSON]:
    project = read.text(item, "project")
    access.require(context, project, "VIEW")
    rows = context.store.all(
        "SELECT object FROM placement WHERE project = ? AND folder = ? AND name = ? ORDER BY sequence DESC",
        project,
        normalize_folder(read.text(item, "folder", "/")),
        read.text(item, "name"),
    )
    return [{"project": project, "id": row["object"]} for row in rows]


def _described(context: Context, item: Any, by_class: JSON) -> JSON:
    item = {"id": item} if isinstance(item, str) else item
    try:
        if not isinstance(item, dict):
            raise InvalidInput('each of "objects" must be an ID or a hash with an "id"')
        object_id = read.text(item, "id")
        project = read.optional_text(item, "project")
        row, _ = objects.get_visible(context, object_id, project)
        options = item.get("describe")
        how = options if isinstance(options, dict) else by_class.get(row["class"])
        how = how if isinstance(how, dict) else {}
        return {"describe": objects.describe(context, object_id, {**how, "project": project})}
    except ApiError as error:
        return error.body()


def _hashes(request: JSON, field: str) -> list[JSON]:
    items = request.get(field)
    if (
        not isinstance(items, list)
        or len(items) > _RESOLVED_AT_ONCE
        or not all(isinstance(item, dict) for item in items)
    ):
        raise InvalidInput(f'"{field}" must be an array of at most {_RESOLVED_AT_ONCE} hashes')
    return items


def page_size(request: JSON) -> int:
    """Return how many results a search may answer with at once. Raises InvalidInput."""
    limit = (
        read.integer(request, "limit", _LARGEST_PAGE) if request.get("limit") is not None else _LARGEST_PAGE
    )
    if not 1 <= limit <= _LARGEST_PAGE:
        raise InvalidInput(f'"limit" must be from 1 to {_LARGEST_PAGE}, not {limit}')
    return limit
