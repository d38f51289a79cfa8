"""Archive and unarchive files: the archival state of each copy.

A copy is `live`; `archival` after a request to archive it, as long as the file has a live copy elsewhere;
`archived` once there is none; and `unarchiving` until it is live again. The bytes never move. Only live
copies can be downloaded.

Source: https://documentation.dnanexus.com/developer/api/data-containers/projects (archive, unarchive)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState, PermissionDenied
from dx_local.platform.core.schema import FileCopy, PlacementRow
from dx_local.platform.data import folders
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import below, normalize_folder

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import PlacementMetadata

STATES = ("live", "archival", "archived", "unarchiving")

_COPIES = "SELECT * FROM placement WHERE object = ? AND project GLOB 'project-*'"
_RATES = ("Expedited", "Standard", "Bulk")
_MAX_FILES = 1000
_UNARCHIVING_TIME = 60 * 1000  # ms; the platform takes hours


def state_of(copy: PlacementMetadata, now: int) -> str:
    """Return the archival state of a copy at a time (ms)."""
    is_back = copy["archival"] == "unarchiving" and (copy["live_at"] or 0) <= now
    return "live" if is_back else copy["archival"]


def state_as_sql() -> str:
    """Return an SQL expression for the archival state of a `placement`; its parameter is the time (ms)."""
    return (
        "CASE WHEN placement.archival = 'unarchiving' AND placement.live_at <= ? THEN 'live'"
        " ELSE placement.archival END"
    )


def archive(context: Context, project_id: str, request: JSON) -> JSON:
    """Archive files by ID or folder; with `allCopies`, also their copies in other projects.

    Copies in the workspaces of jobs are ignored. Raises InvalidInput for a file that is not in the project,
    ResourceNotFound for a missing folder, and PermissionDenied if a job requests all copies.
    """
    access.require(context, project_id, "CONTRIBUTE")
    all_copies = read.flag(request, "allCopies")
    if all_copies and context.caller.job is not None:
        raise PermissionDenied(f"Must be an admin of {context.caller.user} to archive all copies")
    now = context.now()
    live = [copy for copy in _requested_copies(context, project_id, request) if state_of(copy, now) == "live"]
    for copy in live:
        file_id = copy["object"]
        _set_state(context, project_id, file_id, "archival")
        copies = context.store.all(PlacementRow, _COPIES, file_id)
        if all_copies or all(state_of(each, now) in ("archival", "archived") for each in copies):
            for each in copies:
                _set_state(context, each["project"], file_id, "archived")
    return {"id": project_id, "count": len(live)}


def unarchive(context: Context, project_id: str, request: JSON) -> JSON:
    """Unarchive files by ID or folder; with `dryRun`, only count them.

    A copy in state `archival` is live at once, an archived one after a minute, at any `rate`.
    """
    access.require(context, project_id, "CONTRIBUTE")
    rate = read.text(request, "rate", "Standard")
    if rate not in _RATES:
        raise InvalidInput(f'"rate" must be one of {", ".join(_RATES)}')
    now = context.now()
    copies = [
        copy
        for copy in _requested_copies(context, project_id, request)
        if state_of(copy, now) in ("archival", "archived")
    ]
    size = sum(copy["size"] or 0 for copy in copies)
    if not read.flag(request, "dryRun"):
        for copy in copies:
            if copy["archival"] == "archival":
                _set_state(context, project_id, copy["object"], "live")
            else:
                _set_state(context, project_id, copy["object"], "unarchiving", now + _UNARCHIVING_TIME)
    return {"id": project_id, "files": len(copies), "size": size / 1e9, "cost": 0}


def archived_bytes(context: Context, project_id: str) -> int:
    """Return the total size of a project's archived files."""
    size: int = context.store.value(
        "SELECT ifnull(sum(json_extract(object.fields, '$.size')), 0)"
        " FROM placement CROSS JOIN object ON object.id = placement.object"
        " WHERE placement.project = ? AND placement.archival = 'archived'",
        project_id,
    )
    return size


def _requested_copies(context: Context, project_id: str, request: JSON) -> list[FileCopy]:
    """Return the copies of the closed files that a request selects, each with its size."""
    if ("files" in request) == ("folder" in request):
        raise InvalidInput('exactly one of "files" and "folder" must be given')
    columns = "placement.*, object.state, json_extract(object.fields, '$.size') AS size"
    query = (
        f"SELECT {columns} FROM placement CROSS JOIN object ON object.id = placement.object"
        " WHERE placement.project = ? AND placement.class = 'file'"
    )
    if "files" in request:
        return _copies_by_id(context, project_id, read.strings(request, "files"), query)
    folder = normalize_folder(read.text(request, "folder"))
    folders.require_folder(context, project_id, folder)
    query += " AND object.state = 'closed'"
    if not read.flag(request, "recurse", default=True):
        return context.store.all(FileCopy, f"{query} AND placement.folder = ?", project_id, folder)
    inside = " AND (placement.folder = ? OR (placement.folder > ? AND placement.folder < ?))"
    return context.store.all(FileCopy, query + inside, project_id, folder, *below(folder))


def _copies_by_id(context: Context, project_id: str, files: list[str], query: str) -> list[FileCopy]:
    if len(files) > _MAX_FILES:
        raise InvalidInput(f'"files" can name at most {_MAX_FILES} files')
    found = []
    for file_id in files:
        copy = context.store.one(FileCopy, f"{query} AND placement.object = ?", project_id, file_id)
        if copy is None:
            raise InvalidInput(f"{file_id} is not a file in {project_id}")
        if copy["state"] != "closed":
            raise InvalidState(f"{file_id} is not in the closed state; it is {copy['state']}")
        found.append(copy)
    return found


def _set_state(
    context: Context, project_id: str, file_id: str, state: str, live_at: int | None = None
) -> None:
    context.store.change_placement(project_id, file_id, archival=state, live_at=live_at)
