"""Resolve names to data objects, and describe many objects in one call.

Source: https://documentation.dnanexus.com/developer/api/system-methods
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.core import access
from dx_local.platform.core.errors import ApiError, InvalidInput
from dx_local.platform.data import objects
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import normalize_folder

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

_MAX_IDS = 1000


def resolve_data_objects(context: Context, _class: str, request: JSON) -> JSON:
    """Return all data objects of each name in a folder of a project, newest first."""
    names = _hashes(request, "objects")
    return {"results": [_resolved(context, {**request, **item}) for item in names]}


def describe_data_objects(context: Context, _class: str, request: JSON) -> JSON:
    """Describe several data objects; the result for one that cannot be described is its error."""
    by_class = read.mapping(request, "classDescribeOptions", {})
    items = request.get("objects")
    if not isinstance(items, list) or len(items) > _MAX_IDS:
        raise InvalidInput(f'"objects" must be an array of at most {_MAX_IDS} IDs or hashes with an "id"')
    return {"results": [_described(context, item, by_class) for item in items]}


def _resolved(context: Context, item: JSON) -> list[JSON]:
    project = read.container(item)
    access.require(context, project, "VIEW")
    found = context.store.column(
        "SELECT object FROM placement WHERE project = ? AND folder = ? AND name = ? ORDER BY sequence DESC",
        project,
        normalize_folder(read.text(item, "folder", "/")),
        read.text(item, "name"),
    )
    return [{"project": project, "id": object_id} for object_id in found]


def _described(context: Context, item: Any, by_class: JSON) -> JSON:
    item = {"id": item} if isinstance(item, str) else item
    try:
        if not isinstance(item, dict):
            raise InvalidInput('each of "objects" must be an ID or a hash with an "id"')
        object_id = read.text(item, "id")
        project = read.optional_container(item)
        row, _ = objects.get_visible(context, object_id, project)
        own_options = item.get("describe")
        options = own_options if isinstance(own_options, dict) else by_class.get(row["class"])
        options = options if isinstance(options, dict) else {}
        return {"describe": objects.describe(context, object_id, {**options, "project": project})}
    except ApiError as error:
        return error.as_result()


def _hashes(request: JSON, field: str) -> list[JSON]:
    items = request.get(field)
    if (
        not isinstance(items, list)
        or len(items) > _MAX_IDS
        or not all(isinstance(item, dict) for item in items)
    ):
        raise InvalidInput(f'"{field}" must be an array of at most {_MAX_IDS} hashes')
    return items
