"""Find data objects: one result for each project that contains a matching object.

Results are grouped by project, and last modified first within a project. They come in pages; `next` is the
position at which the next page begins.

Source: https://documentation.dnanexus.com/developer/api/search
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.classes import DATA_CLASSES
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.schema import ObjectCopy, PlacementRow
from dx_local.platform.data import archival, contents
from dx_local.platform.find.candidates import best_range
from dx_local.platform.find.conditions import (
    Condition,
    all_of,
    any_of,
    between,
    has_properties,
    includes,
    linking_to,
    name_is,
    one_of,
)
from dx_local.platform.find.options import minimum_level, page_size
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import below, normalize_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.context import JSON, Context

_VISIBILITIES = {"hidden": ["object.hidden"], "visible": ["NOT object.hidden"], "either": []}
_STATES = ("open", "closing", "closed", "any")
_CLASSES = {*DATA_CLASSES, "drive"}


@dataclass(frozen=True)
class _PageStart:
    """The beginning of a page: a project, and the time and sequence number of a copy in it."""

    project: str
    modified: int
    sequence: int


def find_data_objects(context: Context, _class: str, request: JSON) -> JSON:
    """Find the data objects that match all conditions of a request."""
    limit = page_size(request)
    options = contents.describe_options(request)
    where = all_of(_conditions(request, context.now()))
    projects = _searched_projects(context, request)
    start = _beginning(context, request, projects)
    if start is not None:
        projects = projects[projects.index(start.project) :]
    rows: list[ObjectCopy] = []
    for project in projects:
        first = start if start is not None and start.project == project else None
        rows += _copies(context, project, request, where, first, limit + 1 - len(rows))
        if len(rows) > limit:
            break
    results = [
        {"project": row["project"], **contents.list_entry(context, row, options)} for row in rows[:limit]
    ]
    return {"results": results, "next": _cursor(rows[limit]) if len(rows) > limit else None}


def find_none(_context: Context, _class: str, _request: JSON) -> JSON:
    """Answer a search for entities that do not exist here."""
    return {"results": [], "next": None}


def _copies(
    context: Context, project: str, request: JSON, where: Condition, start: _PageStart | None, limit: int
) -> list[ObjectCopy]:
    """Return the matching copies in one project, at most `limit`, in the order of results."""
    scope = _scope(request)
    range_ = best_range(context.store, project, request, scope.folder, recurse=scope.recurse)
    conditions = [Condition("placement.project = ?", (project,)), range_.within, where]
    if start is not None:
        conditions.append(
            Condition("(placement.modified, placement.sequence) <= (?, ?)", (start.modified, start.sequence))
        )
    full = all_of(conditions)
    return context.store.all(
        ObjectCopy,
        f"SELECT {contents.COLUMNS_OF_COPY} FROM {range_.source()}"
        f" CROSS JOIN object ON object.id = placement.object WHERE {full.sql}"
        f" ORDER BY {range_.in_order()} LIMIT ?",
        *full.values,
        limit,
    )


def _conditions(request: JSON, now: int) -> list[Condition]:
    return [
        *_of_folder(_scope(request)),
        *_of_class_and_state(request, now),
        *_of_metadata(request),
        *between("placement.modified", "modified", request),
        *between("object.created / 1000 * 1000", "created", request),
    ]


@dataclass(frozen=True)
class _Scope:
    """The scope of a search: a project or container, or all; and a folder, with or without its subfolders."""

    project: str | None = None
    folder: str = "/"
    recurse: bool = True


def _scope(request: JSON) -> _Scope:
    if request.get("scope") is None:
        return _Scope()
    scope = read.mapping(request, "scope")
    folder = normalize_folder(read.text(scope, "folder", "/"))
    return _Scope(read.container(scope), folder, read.flag(scope, "recurse", default=True))


def _of_folder(scope: _Scope) -> list[Condition]:
    if not scope.recurse:
        return [Condition("placement.folder = ?", (scope.folder,))]
    if scope.folder == "/":
        return []
    inside = Condition("placement.folder > ? AND placement.folder < ?", below(scope.folder))
    return [any_of([Condition("placement.folder = ?", (scope.folder,)), inside])]


def _of_class_and_state(request: JSON, now: int) -> list[Condition]:
    state = _choice(request, "state", "any", _STATES)
    visibility = _choice(request, "visibility", "either", _VISIBILITIES)
    found = [Condition(sql) for sql in _VISIBILITIES[visibility]]
    if state != "any":
        found.append(Condition("object.state = ?", (state,)))
    if request.get("class") is not None:
        found.append(Condition("placement.class = ?", (_choice(request, "class", "", _CLASSES),)))
    if request.get("id") is not None:
        found.append(one_of("placement.object", read.strings(request, "id")))
    archival_state = _choice(request, "archivalState", "any", (*archival.STATES, "any"))
    if archival_state != "any":
        found.append(Condition(f"{archival.state_as_sql()} = ?", (now, archival_state)))
    return found


def _choice(request: JSON, field: str, default: str, choices: Iterable[str]) -> str:
    value = default if request.get(field) is None else read.text(request, field)
    if value not in choices:
        raise InvalidInput(f'"{field}" must be one of {", ".join(sorted(choices))}')
    return value


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
        found.append(linking_to(read.text(request, "link")))
    if request.get("properties") is not None:
        found.append(has_properties("placement.properties", request["properties"]))
    return found


def _searched_projects(context: Context, request: JSON) -> list[str]:
    """Return the projects to search, in the order of results: that of the scope, or all visible ones."""
    level = minimum_level(request)
    region = read.optional_text(request, "region")
    scope = _scope(request)
    if scope.project is not None:
        access.require(context, scope.project, level)
    minimum = access.LEVELS.index(level)
    return [
        project
        for project in ([scope.project] if scope.project else access.visible_projects(context))
        if access.LEVELS.index(access.level_on(context, project) or "VIEW") >= minimum
        and region in (None, context.store.value("SELECT region FROM project WHERE id = ?", project))
    ]


def _cursor(row: ObjectCopy) -> JSON:
    """Return a position at this result that remains valid when the object is removed."""
    return {
        "project": row["project"],
        "id": row["id"],
        "modified": row["modified"],
        "sequence": row["sequence"],
    }


def _beginning(context: Context, request: JSON, projects: list[str]) -> _PageStart | None:
    """Return the beginning of the requested page, or None for the first page.

    Without a time, `starting` names a project and an object in it. Raises InvalidInput.
    """
    if request.get("starting") is None:
        return None
    cursor = read.mapping(request, "starting")
    project = read.container(cursor)
    if project not in projects:
        raise InvalidInput(f'"starting" names {project}, which is not among the projects of this search')
    if "modified" in cursor:
        return _PageStart(project, read.integer(cursor, "modified"), read.integer(cursor, "sequence"))
    row = context.store.one(
        PlacementRow,
        "SELECT * FROM placement WHERE project = ? AND object = ?",
        project,
        read.text(cursor, "id"),
    )
    if row is None:
        raise InvalidInput(f'"starting" names {cursor["id"]}, which is not in {project}')
    return _PageStart(project, row["modified"], row["sequence"])
