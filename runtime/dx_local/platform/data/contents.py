"""The contents of a project or container: create, list, move, remove and clone folders and objects.

The same functions serve `/project-xxxx/` and `/container-xxxx/`. Source:
https://documentation.dnanexus.com/developer/api/data-containers/folders-and-deletion and .../cloning
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState, ResourceNotFound
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.schema import ObjectCopy
from dx_local.platform.data import folders, objects
from dx_local.platform.lifecycle import lifecycle
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import (
    base_name,
    below,
    folder_name,
    join,
    normalize_folder,
    parent_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.context import JSON, Context

COLUMNS_OF_COPY = (
    "object.*, placement.project, placement.name, placement.folder, placement.tags, placement.properties,"
    " placement.archival, placement.live_at"
)
"""The columns of an ObjectCopy, from the tables `object` and `placement`."""

OBJECTS_PER_CALL = 2000
"""The most objects that one call with `partial` removes, in about a third of a second."""


def new_folder(context: Context, project: str, request: JSON) -> JSON:
    """Create a folder; with `parents`, also create its parents and accept an existing folder."""
    access.require(context, project, "UPLOAD")
    folder = normalize_folder(read.text(request, "folder"))
    if not read.flag(request, "parents"):
        folders.require_no_folder(context, project, folder)
        folders.require_folder(context, project, parent_of(folder))
    folders.ensure_folder(context.store, project, folder)
    return _mark_modified(context, project)


def list_folder(context: Context, project: str, request: JSON) -> JSON:
    """List the objects and folders directly in a folder; `describe` adds descriptions of the objects."""
    access.require(context, project, "VIEW")
    folder = normalize_folder(read.text(request, "folder", "/"))
    folders.require_folder(context, project, folder)
    only = read.text(request, "only", "all")
    if only not in {"all", "objects", "folders"}:
        raise InvalidInput('"only" must be "all", "objects" or "folders"')
    answer: JSON = {}
    if only != "folders":
        answer["objects"] = _listed_objects(context, project, folder, request)
    if only != "objects":
        answer["folders"] = folders.folders_in(context, project, folder)
    return answer


def rename_folder(context: Context, project: str, request: JSON) -> JSON:
    """Change the `name` of a folder, or its whole path to `newpath`, whose parent folder must exist."""
    access.require(context, project, "CONTRIBUTE")
    old = normalize_folder(read.text(request, "folder"))
    if request.keys() >= {"name", "newpath"}:
        raise InvalidInput('only one of "name" and "newpath" can be given')
    if "newpath" in request:
        new = normalize_folder(read.text(request, "newpath"))
    else:
        new = join(parent_of(old), folder_name(read.text(request, "name")))
    _move_folder(context, project, old, new)
    return _mark_modified(context, project)


def move(context: Context, project: str, request: JSON) -> JSON:
    """Move objects and folders into another folder of the same project."""
    access.require(context, project, "CONTRIBUTE")
    destination = normalize_folder(read.text(request, "destination"))
    folders.require_folder(context, project, destination)
    for object_id in read.strings(request, "objects", []):
        _require_in(context, project, object_id)
        context.store.change_placement(project, object_id, folder=destination)
    for path in read.strings(request, "folders", []):
        folder = normalize_folder(path)
        _move_folder(context, project, folder, join(destination, base_name(folder)))
    return _mark_modified(context, project)


def remove_folder(context: Context, project: str, request: JSON) -> JSON:
    """Remove a folder; `recurse` includes its contents, and `force` accepts a missing folder.

    With `partial`, one call removes at most OBJECTS_PER_CALL objects so that other requests are not delayed.
    The caller repeats it until the answer's `completed` is true; only then is the folder removed.
    """
    _require_removal(context, project)
    folder = normalize_folder(read.text(request, "folder"))
    if not read.flag(request, "force"):
        folders.require_folder(context, project, folder)
    low, high = below(folder)
    most = OBJECTS_PER_CALL if read.flag(request, "partial") else -1
    object_ids = context.store.column(
        "SELECT object FROM placement"
        " WHERE project = ? AND (folder = ? OR (folder > ? AND folder < ?)) LIMIT ?",
        project,
        folder,
        low,
        high,
        most,
    )
    if not read.flag(request, "recurse") and (object_ids or folders.folders_in(context, project, folder)):
        raise InvalidState(f'Folder "{folder}" is not empty; set "recurse" to remove its contents too')
    _remove(context, project, object_ids)
    is_completed = len(object_ids) != most
    if is_completed:
        context.store.execute(
            "DELETE FROM folder WHERE project = ? AND path != '/' AND (path = ? OR (path > ? AND path < ?))",
            project,
            folder,
            low,
            high,
        )
    return {**_mark_modified(context, project), "completed": is_completed}


def remove_objects(context: Context, project: str, request: JSON) -> JSON:
    """Remove objects from a project, and hidden objects to which nothing in the project links any more."""
    _require_removal(context, project)
    object_ids = read.strings(request, "objects")
    if not read.flag(request, "force"):
        for object_id in object_ids:
            _require_in(context, project, object_id)
    _remove(context, project, object_ids)
    return _mark_modified(context, project)


def clone(context: Context, source: str, request: JSON) -> JSON:
    """Copy objects and folders into a folder of another project; the copies share their bytes.

    The answer's `exists` lists the objects that were already in the other project, in any folder.
    """
    destination_project = read.container(request)
    access.require(context, source, "VIEW")
    access.require(context, destination_project, "UPLOAD")
    destination = folders.destination_folder(
        context, destination_project, {**request, "folder": request.get("destination", "/")}
    )
    object_ids = read.strings(request, "objects", [])
    existing = objects.clone_into(context, object_ids, source, destination_project, destination)
    for path in read.strings(request, "folders", []):
        existing += _clone_folder(context, source, normalize_folder(path), destination_project, destination)
    _mark_modified(context, destination_project)
    return {"id": source, "project": destination_project, "exists": list(dict.fromkeys(existing))}


def remove_everything(context: Context, project: str) -> None:
    """Remove all objects and folders of a project."""
    object_ids = context.store.column("SELECT object FROM placement WHERE project = ?", project)
    _remove(context, project, object_ids)
    context.store.execute("DELETE FROM folder WHERE project = ?", project)


def _listed_objects(context: Context, project: str, folder: str, request: JSON) -> list[JSON]:
    options = describe_options(request)
    hidden_too = read.flag(request, "includeHidden")
    rows = context.store.all(
        ObjectCopy,
        f"SELECT {COLUMNS_OF_COPY} FROM placement CROSS JOIN object ON object.id = placement.object"
        " WHERE placement.project = ? AND placement.folder = ? AND (? OR NOT object.hidden)"
        " ORDER BY placement.name, placement.sequence",
        project,
        folder,
        hidden_too,
    )
    return [list_entry(context, row, options) for row in rows]


def describe_options(request: JSON) -> JSON | None:
    """Return the `describe` options of a request, or None for no descriptions. Raises InvalidInput."""
    options = request.get("describe")
    if options is None or isinstance(options, bool):
        return {} if options else None
    return read.mapping(request, "describe")


def list_entry(context: Context, copy: ObjectCopy, options: JSON | None) -> JSON:
    """Return the entry of a copy in a list of objects: its ID and, if there are options, its description."""
    if options is None:
        return {"id": copy["id"]}
    return {"id": copy["id"], "describe": objects.describe_copy(context, copy, copy, options)}


def _move_folder(context: Context, project: str, old: str, new: str) -> None:
    if old == "/":
        raise InvalidInput("the root folder cannot be moved or renamed")
    folders.require_folder(context, project, old)
    if old == new:
        return
    if new.startswith(old + "/"):
        raise InvalidState(f'Folder "{old}" cannot be moved into itself, to "{new}"')
    folders.require_folder(context, project, parent_of(new))
    folders.require_no_folder(context, project, new)
    folders.move_tree(context, project, old, new)


def _clone_folder(context: Context, source: str, folder: str, project: str, destination: str) -> list[str]:
    if not folders.folder_exists(context.store, source, folder):
        raise ResourceNotFound(f'Folder "{folder}" does not exist in project "{source}"')
    target = join(destination, base_name(folder))
    if folder != "/" and folders.folder_exists(context.store, project, target):
        raise InvalidState(f'If cloned, a folder would conflict with "{target}" in project "{project}"')
    folders.ensure_folder(context.store, project, target)
    object_ids = context.store.column(
        "SELECT object FROM placement WHERE project = ? AND folder = ?", source, folder
    )
    existing = objects.clone_into(context, object_ids, source, project, target)
    for child in folders.folders_in(context, source, folder):
        existing += _clone_folder(context, source, child, project, target)
    return existing


def _remove(context: Context, project: str, object_ids: Iterable[str]) -> None:
    """Remove objects from a project; delete an object, with its contents, when no project contains it."""
    store = context.store
    pending = list(object_ids)
    while pending:
        object_id = pending.pop()
        if not store.execute("DELETE FROM placement WHERE project = ? AND object = ?", project, object_id):
            continue
        row = store.get("object", object_id)
        pending.extend(_orphans(context, project, row["links"] if row else []))
        if not store.exists("SELECT 1 FROM placement WHERE object = ?", object_id):
            context.platform.publish(lifecycle.object_removed(store, object_id, context.now()))
            if remove_contents := objects.CONTENT_REMOVERS.get(class_of(object_id)):
                remove_contents(context.platform, object_id)


def _orphans(context: Context, project: str, linked: list[str]) -> list[str]:
    """Return the linked objects that are hidden and to which nothing in the project links any more."""
    hidden = [
        object_id
        for object_id in linked
        if context.store.value("SELECT hidden FROM object WHERE id = ?", object_id)
    ]
    return [object_id for object_id in hidden if not _is_linked(context, project, object_id)]


def _is_linked(context: Context, project: str, object_id: str) -> bool:
    return context.store.exists(
        "SELECT 1 FROM link CROSS JOIN placement ON placement.object = link.source"
        " WHERE link.target = ? AND placement.project = ?",
        object_id,
        project,
    )


def _require_removal(context: Context, project: str) -> None:
    """Raise PermissionDenied unless the caller may remove objects; protected projects require ADMINISTER."""
    row = context.store.get("project", project)
    is_protected = row is not None and row["fields"].get("protected")
    access.require(context, project, "ADMINISTER" if is_protected else "CONTRIBUTE")


def _require_in(context: Context, project: str, object_id: str) -> None:
    if not context.store.exists(
        "SELECT 1 FROM placement WHERE project = ? AND object = ?", project, object_id
    ):
        raise access.not_found(object_id, project)


def _mark_modified(context: Context, project: str) -> JSON:
    context.store.update("project", project, modified=context.now())
    return {"id": project}
