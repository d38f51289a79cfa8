"""Records: data objects that are nothing but their metadata.

Source: https://documentation.dnanexus.com/developer/api/introduction-to-data-object-classes/records
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform import access, objects
from dx_local.platform import fields as read
from dx_local.platform.errors import InvalidType

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context


def new(context: Context, _class: str, request: JSON) -> JSON:
    """Create a record; `initializeFrom` takes over another one's metadata, `close` closes it at once."""
    request = {**_initial_metadata(context, request), **request}
    record_id = objects.create(context, "record", request, fields={}, state="open")
    if read.flag(request, "close"):
        objects.close(context, record_id, {})
    return {"id": record_id}


def _initial_metadata(context: Context, request: JSON) -> JSON:
    """Return what a new record takes over from the one that it is initialized from."""
    if request.get("initializeFrom") is None:
        return {}
    source = read.mapping(request, "initializeFrom")
    project = read.text(source, "project")
    access.require(context, project, "VIEW")
    row, placement = objects.get_visible(context, read.text(source, "id"), project)
    if row["class"] != "record":
        raise InvalidType(f"{row['id']} is a {row['class']}; a record can be initialized from a record only")
    return {
        "name": placement["name"],
        "tags": placement["tags"],
        "properties": placement["properties"],
        "types": row["types"],
        "details": row["details"],
        "hidden": bool(row["hidden"]),
    }
