"""Data objects: create, describe and change the metadata that all classes share.

Each class stores its own data in the `fields` of the row, and registers in `DESCRIBERS`, `DEFAULT_FIELDS` and
`CONTENT_REMOVERS` the handling of that data. Types, details, state and visibility belong to the object; name,
folder, tags and properties belong to each of its copies, one per project.

Source: https://documentation.dnanexus.com/developer/api/introduction-to-data-object-classes
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.classes import EMULATED_CLASSES
from dx_app_wizard.dxapp.links import LINK_KEY, links_in
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState, InvalidType
from dx_local.platform.core.schema import ObjectRow, PlacementRow
from dx_local.platform.data import folders
from dx_local.platform.data.describe import select_fields, whole_seconds
from dx_local.platform.lifecycle import lifecycle, workspaces
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dx_local.platform.core.context import JSON, Context, Platform
    from dx_local.platform.core.schema import ObjectCopy, PlacementMetadata

CLASSES = frozenset(EMULATED_CLASSES)
"""The emulated classes of data objects."""

CLASSES_THAT_OPEN = CLASSES - {"applet"}
"""The classes whose objects are open, and can be changed, until they are closed; applets never are."""

# Source: https://documentation.dnanexus.com/developer/api/data-object-lifecycle/types, where an example
# contains a dash.
_TYPE = re.compile(r"[0-9A-Za-z_/-]+")

COMMON_FIELDS = frozenset(
    {
        "class",
        "created",
        "createdBy",
        "folder",
        "hidden",
        "id",
        "links",
        "modified",
        "name",
        "project",
        "sponsored",
        "state",
        "tags",
        "types",
    }
)

# The modules of the classes register themselves here, so that this module does not depend on them.
DESCRIBERS: dict[str, Callable[[Context, ObjectCopy, JSON], JSON]] = {}
"""By class: a function (context, copy, request) that returns the class's own fields of a description."""

DEFAULT_FIELDS: dict[str, frozenset[str]] = {}
"""By class: the names of its own fields that are part of a description by default."""

DEFAULT_FIELDS_OF_OPEN: dict[str, frozenset[str]] = {}
"""By class: the names of further default fields of open objects."""

CONTENT_REMOVERS: dict[str, Callable[[Platform, str], None]] = {}
"""By class: a function (platform, ID) that deletes the bytes or rows of an object after the commit."""

SAMPLES: dict[str, Callable[[Context, JSON], str]] = {}
"""By class: a function (context, request with project and name) that creates a small closed object.

It returns the ID. The input value `{"$dx_local": CLASS}` of a run is such an object.
"""


def create(
    context: Context,
    class_name: str,
    request: JSON,
    *,
    fields: JSON,
    state: str,
    links: Iterable[str] = (),
) -> str:
    """Create a data object from the fields of a `new` request that all classes share, and return its ID.

    `links` are IDs of objects to which it links outside its details; hidden ones are cloned with it.

    Raises ResourceNotFound if the project, or without `parents` the folder, does not exist; PermissionDenied
    below UPLOAD; InvalidInput.
    """
    project = read.container(request)
    access.require(context, project, "UPLOAD")
    folder = folders.destination_folder(context, project, request)
    details = check_details(request.get("details", {}))
    object_id = context.new_id(class_name)
    now = context.now()
    sequence = context.store.insert(
        "object",
        id=object_id,
        **{"class": class_name},
        state=state,
        hidden=int(read.flag(request, "hidden")),
        types=_types(request) if "types" in request else [],
        details=details,
        links=list(dict.fromkeys([*links_in(details), *links])),
        created=now,
        modified=now,
        created_by=_creator(context),
        fields=fields,
    )
    context.store.insert(
        "placement",
        project=project,
        object=object_id,
        sequence=sequence,
        **{"class": class_name},
        modified=now,
        name=object_name(request, object_id),
        folder=folder,
        tags=read.strings(request, "tags", []),
        properties=read.properties(request),
    )
    return object_id


def initialized_from(context: Context, class_name: str, request: JSON) -> tuple[JSON, JSON]:
    """Return the metadata and the class's own fields of the object in `initializeFrom`.

    Both are empty if the request has none. Raises ResourceNotFound, PermissionDenied, InvalidType.
    """
    if request.get("initializeFrom") is None:
        return {}, {}
    source = read.mapping(request, "initializeFrom")
    project = read.container(source)
    access.require(context, project, "VIEW")
    row, placement = get_visible(context, read.text(source, "id"), project)
    if row["class"] != class_name:
        raise InvalidType(
            f"{row['id']} is a {row['class']}; a {class_name} can only be initialized from a {class_name}"
        )
    metadata: JSON = {name: placement[name] for name in ("name", "tags", "properties")}
    metadata |= {"types": row["types"], "details": row["details"], "hidden": bool(row["hidden"])}
    return metadata, row["fields"]


def get_visible(
    context: Context, object_id: str, project: str | None = None
) -> tuple[ObjectRow, PlacementRow]:
    """Return the row of an object and a placement that is visible to the caller.

    The placement in project is preferred, then one in a job's workspace, then any other. Raises
    ResourceNotFound if there is no copy, and PermissionDenied if no copy is visible to the caller.
    """
    store = context.store
    placements = store.all(PlacementRow, "SELECT * FROM placement WHERE object = ?", object_id)
    placements.sort(key=lambda row: (row["project"] != project, row["project"].startswith("project-")))
    for placement in placements:
        if access.level_on(context, placement["project"]):
            row = store.get("object", object_id)
            if row is not None:
                return row, placement
    raise access.permission_denied(object_id) if placements else access.not_found(object_id)


def describe(context: Context, object_id: str, request: JSON) -> JSON:
    """Describe a data object; `project` only indicates which copy is preferred."""
    row, placement = get_visible(context, object_id, read.optional_container(request))
    return describe_copy(context, row, placement, request)


def describe_copy(context: Context, row: ObjectRow, placement: PlacementMetadata, request: JSON) -> JSON:
    """Describe one copy of a data object; `row` and `placement` may be the same ObjectCopy."""
    class_name = row["class"]
    full: JSON = {
        "id": row["id"],
        "project": placement["project"],
        "class": class_name,
        "sponsored": False,
        "name": placement["name"],
        "types": row["types"],
        "state": row["state"],
        "hidden": bool(row["hidden"]),
        "links": row["links"],
        "folder": placement["folder"],
        "tags": placement["tags"],
        "created": whole_seconds(row["created"]),
        "modified": row["modified"],
        "createdBy": row["created_by"],
        "properties": placement["properties"],
        "details": row["details"],
    }
    describer = DESCRIBERS.get(class_name)
    if describer is not None:
        full.update(describer(context, {**row, **placement}, request))
    return select_fields(full, request, default_fields(row))


def default_fields(row: ObjectRow) -> frozenset[str]:
    """Return the names of the fields that describe an object by default."""
    fields = COMMON_FIELDS | DEFAULT_FIELDS.get(row["class"], frozenset())
    if row["state"] == "open":
        fields |= DEFAULT_FIELDS_OF_OPEN.get(row["class"], frozenset())
    return fields


def rename(context: Context, object_id: str, request: JSON) -> JSON:
    """Rename the object's copy in a project."""
    placement = _writable_copy(context, object_id, request)
    read.text(request, "name")
    return _change_copy(context, placement, name=object_name(request, object_id))


def add_tags(context: Context, object_id: str, request: JSON) -> JSON:
    """Add tags to the object's copy in a project."""
    placement = _writable_copy(context, object_id, request)
    tags = read.changed_tags(placement["tags"], add=read.strings(request, "tags"))
    return _change_copy(context, placement, tags=tags)


def remove_tags(context: Context, object_id: str, request: JSON) -> JSON:
    """Remove tags from the object's copy in a project."""
    placement = _writable_copy(context, object_id, request)
    tags = read.changed_tags(placement["tags"], remove=read.strings(request, "tags"))
    return _change_copy(context, placement, tags=tags)


def set_properties(context: Context, object_id: str, request: JSON) -> JSON:
    """Set properties of the object's copy in a project; null removes one."""
    placement = _writable_copy(context, object_id, request)
    changed = read.changed_properties(placement["properties"], request)
    return _change_copy(context, placement, properties=changed)


def add_types(context: Context, object_id: str, request: JSON) -> JSON:
    """Add types to an open object."""
    row = open_object(context, object_id)
    return _change(context, row, types=read.changed_tags(row["types"], add=_types(request)))


def remove_types(context: Context, object_id: str, request: JSON) -> JSON:
    """Remove types from an open object."""
    row = open_object(context, object_id)
    return _change(context, row, types=read.changed_tags(row["types"], remove=read.strings(request, "types")))


def get_details(context: Context, object_id: str, _request: JSON) -> Any:
    """Return the details themselves, a hash or an array."""
    return get_visible(context, object_id)[0]["details"]


def set_details(context: Context, object_id: str, request: Any) -> JSON:
    """Replace the details of an open object; the request is the new value itself."""
    row = open_object(context, object_id)
    details = check_details(request)
    return _change(context, row, details=details, links=list(links_in(details)))


def set_visibility(context: Context, object_id: str, request: JSON) -> JSON:
    """Hide an open object or make it visible."""
    row = open_object(context, object_id)
    if "hidden" not in request:
        raise InvalidInput('"hidden" is missing; it must be a boolean')
    return _change(context, row, hidden=int(read.flag(request, "hidden")))


def list_projects(context: Context, object_id: str, _request: JSON) -> JSON:
    """Return the caller's level on each project that contains the object and is visible to the caller."""
    projects = context.store.column("SELECT project FROM placement WHERE object = ?", object_id)
    levels = {project: access.level_on(context, project) for project in projects}
    return {project: level for project, level in levels.items() if level}


def close(context: Context, object_id: str, _request: JSON) -> JSON:
    """Close an object; its state is `closing` as long as its details link to objects that are not closed.

    Closing an object again has no effect, so that a client may repeat a call whose answer was lost.
    """
    row, placement = get_visible(context, object_id)
    access.require(context, placement["project"], "UPLOAD")
    if row["state"] != "open":
        return {"id": object_id}
    if _links_to_unclosed(context, row):
        return _change(context, row, state="closing")
    mark_closed(context, object_id)
    return {"id": object_id}


def mark_closed(context: Context, object_id: str) -> None:
    """Mark an object closed, and any objects that were closing because it was not; notify subscribers."""
    store, now = context.store, context.now()
    store.update("object", object_id, state="closed", modified=now)
    context.platform.publish(lifecycle.object_closed(store, object_id, now))
    context.platform.publish_closed(object_id)
    for row in store.all(ObjectRow, "SELECT * FROM object WHERE state = 'closing'"):
        if object_id in row["links"] and not _links_to_unclosed(context, row):
            mark_closed(context, row["id"])


def open_object(context: Context, object_id: str) -> ObjectRow:
    """Return the row of an object that the caller may change. Raises InvalidState if it is not open."""
    row, placement = get_visible(context, object_id)
    access.require(context, placement["project"], "UPLOAD")
    if row["state"] != "open":
        raise InvalidState(f"{object_id} is not in the open state; it is {row['state']}")
    return row


def clone_into(
    context: Context, object_ids: Iterable[str], source: str, destination: str, folder: str
) -> list[str]:
    """Copy objects, and the hidden objects to which they link, from one project into a folder of another.

    Return the IDs of those that the other project already contained; they are unchanged. Raises
    ResourceNotFound for an object that is not in source, and InvalidState for one that is not closed.
    """
    store = context.store
    existing = []
    for object_id in workspaces.with_hidden_objects(store, object_ids, source):
        placement = store.one(
            PlacementRow, "SELECT * FROM placement WHERE project = ? AND object = ?", source, object_id
        )
        if placement is None:
            raise access.not_found(object_id)
        state = store.value("SELECT state FROM object WHERE id = ?", object_id)
        if state != "closed":
            raise InvalidState(f"{object_id} is {state}; only closed objects can be cloned")
        if store.exists("SELECT 1 FROM placement WHERE project = ? AND object = ?", destination, object_id):
            existing.append(object_id)
        else:
            workspaces.copy_placement(store, placement, destination, folder)
    return existing


def object_name(request: JSON, default: str) -> str:
    """Return the name in a request, or the default. Raises InvalidInput for an empty name."""
    name = read.optional_text(request, "name")
    if name == "":
        raise InvalidInput('"name" must not be empty')
    return default if name is None else name


def check_details(details: Any) -> Any:
    """Return details. Raises InvalidInput unless they are a hash or array whose links are well-formed."""
    if not isinstance(details, dict | list):
        raise InvalidInput('"details" must be a hash or an array')
    pending: list[Any] = [details]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if LINK_KEY in value and len(value) > 1:
                others = ", ".join(f'"{key}"' for key in value if key != LINK_KEY)
                raise InvalidInput(f'"{LINK_KEY}" must be the only key of its hash; remove {others}')
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return details


def _types(request: JSON) -> list[str]:
    """Return the types in a request. Raises InvalidInput for one with invalid characters."""
    types = read.strings(request, "types")
    for name in types:
        if not _TYPE.fullmatch(name):
            raise InvalidInput(f'the type "{name}" must consist of letters, digits, "_" and "/"')
    return types


def _creator(context: Context) -> JSON:
    job = context.calling_job()
    if job is None:
        return {"user": context.caller.user}
    return {"user": context.caller.user, "job": job["id"], "executable": job["executable"]}


def _writable_copy(context: Context, object_id: str, request: JSON) -> PlacementRow:
    """Return the copy in the requested project, or any copy, after checking that the caller may change it."""
    project = read.optional_container(request)
    _, placement = get_visible(context, object_id, project)
    if project is not None and placement["project"] != project:
        raise access.not_found(object_id, project)
    access.require(context, placement["project"], "CONTRIBUTE")
    return placement


def _change_copy(context: Context, placement: PlacementRow, **columns: Any) -> JSON:
    context.store.change_placement(placement["project"], placement["object"], **columns)
    context.store.update("object", placement["object"], modified=context.now())
    return {"id": placement["object"]}


def _change(context: Context, row: ObjectRow, **columns: Any) -> JSON:
    context.store.update("object", row["id"], modified=context.now(), **columns)
    return {"id": row["id"]}


def _links_to_unclosed(context: Context, row: ObjectRow) -> bool:
    return any(
        context.store.value("SELECT 1 FROM object WHERE id = ? AND state != 'closed'", object_id)
        for object_id in row["links"]
        if object_id != row["id"]
    )
