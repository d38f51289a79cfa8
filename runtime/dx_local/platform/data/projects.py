"""Projects, and the containers in which jobs run.

Source: https://documentation.dnanexus.com/developer/api/data-containers/projects and
https://documentation.dnanexus.com/developer/api/running-analyses/containers-for-execution
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.instances import default_instance_type, instance_types, known_regions
from dx_local.platform.core import access
from dx_local.platform.core.context import DEFAULT_USER
from dx_local.platform.core.errors import InvalidInput, InvalidState, PermissionDenied
from dx_local.platform.core.ids import new_id
from dx_local.platform.data import archival, contents, files
from dx_local.platform.data.describe import select_fields, wanted_fields, whole_seconds
from dx_local.platform.data.folders import ensure_folder
from dx_local.platform.data.project_settings import FLAGS, changed_settings
from dx_local.platform.lifecycle import lifecycle
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.folder_paths import normalize_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import ProjectRow
    from dx_local.platform.core.store import Store

__all__ = [
    "add_tags",
    "describe",
    "destroy",
    "ensure_folder",
    "new",
    "new_container",
    "normalize_folder",
    "region_of",
    "remove_tags",
    "set_properties",
    "update",
]

_TEXTS = ("summary", "description")
_PROJECT_DEFAULTS = frozenset(
    {
        *_TEXTS,
        *FLAGS,
        "allowedExecutables",
        "archivedDataUsage",
        "atSpendingLimit",
        "billTo",
        "class",
        "consumedSponsoredEgressBytes",
        "created",
        "createdBy",
        "dataUsage",
        "databaseResultsRestricted",
        "defaultInstanceType",
        "displayDataProtectionNotice",
        "httpsAppIsolatedBrowsing",
        "id",
        "level",
        "modified",
        "name",
        "pendingTransfer",
        "region",
        "remoteDataUsage",
        "sponsoredDataUsage",
        "storageCost",
        "tags",
        "totalSponsoredEgressBytes",
        "version",
    }
)
_RELEASES = ("20.04", "24.04")
_CONTAINER_DEFAULTS = frozenset(
    {
        "app",
        "appName",
        "billTo",
        "class",
        "created",
        "dataUsage",
        "id",
        "level",
        "modified",
        "project",
        "region",
        "type",
    }
)


def new(context: Context, _class: str, request: JSON) -> JSON:
    """Create a project and return its ID; a job requires `access.projectCreation`."""
    job = context.calling_job()
    if job and not (job["requested"].get("access") or {}).get("projectCreation"):
        raise PermissionDenied('creating projects requires "access": {"projectCreation": true} in dxapp.json')
    project_id = context.new_id("project")
    now = context.now()
    context.store.insert(
        "project",
        id=project_id,
        **{"class": "project"},
        name=_name(request),
        region=_region(context, request),
        created=now,
        modified=now,
        created_by={"user": context.caller.user},
        fields={
            **{name: read.text(request, name, "") for name in _TEXTS},
            **changed_settings(context, {}, request),
            "tags": read.strings(request, "tags", []),
            "properties": read.properties(request),
            "version": 1,
        },
        permissions={context.caller.user: "ADMINISTER"},
    )
    ensure_folder(context.store, project_id, "/")
    return {"id": project_id}


def new_container(store: Store, *, owner: str, parent: str | None, region: str, now: int) -> str:
    """Create a container and return its ID.

    It is the workspace of an execution (`owner`) in the project `parent`, the cache of an app in a project,
    or, without a project, the resources of an app.
    """
    container_id = new_id("container")
    store.insert(
        "project",
        id=container_id,
        **{"class": "container"},
        region=region,
        created=now,
        modified=now,
        created_by={"user": DEFAULT_USER},
        owner=owner,
        parent=parent,
        fields={},
        permissions={},
    )
    ensure_folder(store, container_id, "/")
    return container_id


def region_of(store: Store, project_id: str) -> str:
    """Return the region of a project or container. Raises ResourceNotFound."""
    region: str | None = store.value("SELECT region FROM project WHERE id = ?", project_id)
    if region is None:
        raise access.not_found(project_id)
    return region


def describe(context: Context, project_id: str, request: JSON) -> JSON:
    """Describe a project or a container."""
    level = access.require(context, project_id, "VIEW")
    row = context.store.get("project", project_id)
    assert row is not None
    is_project = row["class"] == "project"
    default = _PROJECT_DEFAULTS if is_project else _CONTAINER_DEFAULTS
    full = _shared_fields(row, level)
    full.update(_project_fields(context, row) if is_project else _container_fields(context.store, row))
    wanted = wanted_fields(request, default)
    if "folders" in wanted:
        full["folders"] = _folders(context, project_id)
    if "availableInstanceTypes" in wanted and is_project:
        full["availableInstanceTypes"] = _available_instance_types(row["region"])
    return select_fields(full, request, default)


def update(context: Context, project_id: str, request: JSON) -> JSON:
    """Change the name, texts and flags of a project. Raises InvalidState if `version` is out of date."""
    row = _administered(context, project_id)
    fields = dict(row["fields"])
    version = fields["version"]
    if request.get("version") is not None and read.integer(request, "version") != version:
        raise InvalidState(f"the version of {project_id} is {version}, not {request['version']}; describe it")
    fields.update({name: read.text(request, name) for name in _TEXTS if name in request})
    fields.update(changed_settings(context, fields, request))
    fields["version"] = version + 1
    name = _name(request) if "name" in request else row["name"]
    context.store.update("project", project_id, name=name, fields=fields, modified=context.now())
    return {"id": project_id}


def destroy(context: Context, project_id: str, request: JSON) -> JSON:
    """Remove a project and its contents, and with `terminateJobs` terminate the jobs that still run in it.

    Raises InvalidState if jobs are running and `terminateJobs` is not set.
    """
    _administered(context, project_id)
    terminates = read.flag(request, "terminateJobs")
    running = context.store.column(
        "SELECT id FROM job WHERE project = ? AND state NOT IN ('done', 'failed', 'terminated')", project_id
    )
    if running and not terminates:
        raise InvalidState(f'{len(running)} jobs of {project_id} are not finished; set "terminateJobs"')
    for job_id in running:
        context.platform.publish(lifecycle.terminated(context.store, job_id, context.now()))
    contents.remove_everything(context, project_id)
    context.store.execute("DELETE FROM project WHERE id = ?", project_id)
    return {"id": project_id}


def add_tags(context: Context, project_id: str, request: JSON) -> JSON:
    """Add tags to a project."""
    tags = read.strings(request, "tags")
    return _change(context, project_id, "tags", lambda old: read.changed_tags(old, add=tags))


def remove_tags(context: Context, project_id: str, request: JSON) -> JSON:
    """Remove tags from a project."""
    tags = read.strings(request, "tags")
    return _change(context, project_id, "tags", lambda old: read.changed_tags(old, remove=tags))


def set_properties(context: Context, project_id: str, request: JSON) -> JSON:
    """Set properties of a project; null removes one."""
    return _change(context, project_id, "properties", lambda old: read.changed_properties(old, request))


def _shared_fields(row: ProjectRow, level: str) -> JSON:
    return {
        "id": row["id"],
        "class": row["class"],
        "region": row["region"],
        "billTo": row["created_by"]["user"],
        "level": level,
        "created": whole_seconds(row["created"]),
        "modified": row["modified"],
        "dataUsage": row["bytes"] / 1e9,
        "fileUploadParameters": files.UPLOAD_PARAMETERS,
    }


def _project_fields(context: Context, row: ProjectRow) -> JSON:
    return {
        **row["fields"],
        "name": row["name"],
        "allowedExecutables": row["fields"].get("allowedExecutables"),
        "createdBy": row["created_by"],
        "archivedDataUsage": archival.archived_bytes(context, row["id"]) / 1e9,
        "remoteDataUsage": 0,
        "sponsoredDataUsage": 0,
        "storageCost": 0,
        "atSpendingLimit": False,
        "displayDataProtectionNotice": False,
        "httpsAppIsolatedBrowsing": False,
        "defaultInstanceType": default_instance_type(row["region"]),
        "pendingTransfer": None,
        "totalSponsoredEgressBytes": 0,
        "consumedSponsoredEgressBytes": 0,
        "permissions": row["permissions"],
        "appCaches": {},
    }


def _container_fields(store: Store, row: ProjectRow) -> JSON:
    """Return the fields that only containers have; `destroyAt` is absent, because nothing destroys them."""
    found: JSON = {"type": access.kind_of(row).value}
    if row["parent"]:
        found["project"] = row["parent"]
    if row["owner"] and (app := store.get("app", row["owner"])):
        found |= {"app": app["id"], "appName": app["name"]}
    return found


def _available_instance_types(region: str) -> JSON:
    """Return the instance types of a region in the format that dxCompiler reads."""
    return {
        instance.name: {
            "numCores": instance.cores,
            "totalMemoryMB": instance.usable[0],
            "ephemeralStorageGB": instance.usable[1],
            "os": [{"distribution": "Ubuntu", "release": release, "version": "0"} for release in _RELEASES],
        }
        for instance in instance_types(region)
    }


def _folders(context: Context, project_id: str) -> list[str]:
    return context.store.column("SELECT path FROM folder WHERE project = ? ORDER BY path", project_id)


def _region(context: Context, request: JSON) -> str:
    region = read.text(request, "region", context.platform.region)
    if region not in {context.platform.region, *known_regions()}:
        near = get_close_matches(region, known_regions(), n=1, cutoff=0.5)
        suggestion = f"; did you mean {near[0]}?" if near else ""
        raise InvalidInput(f'"region": there is no region "{region}"{suggestion}')
    return region


def _name(request: JSON) -> str:
    name = read.text(request, "name")
    if not name:
        raise InvalidInput('"name" must not be empty')
    return name


def _administered(context: Context, project_id: str) -> ProjectRow:
    access.require(context, project_id, "ADMINISTER")
    return _project_row(context, project_id)


def _project_row(context: Context, project_id: str) -> ProjectRow:
    row = context.store.get("project", project_id)
    if row is None or row["class"] != "project":
        raise access.not_found(project_id)
    return row


def _change(context: Context, project_id: str, field: str, change: Callable[[Any], Any]) -> JSON:
    access.require(context, project_id, "CONTRIBUTE")
    fields = dict(_project_row(context, project_id)["fields"])
    fields[field] = change(fields[field])
    context.store.update("project", project_id, fields=fields, modified=context.now())
    return {"id": project_id}
