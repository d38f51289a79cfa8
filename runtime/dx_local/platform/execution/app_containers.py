"""The containers that belong to an app: its resources, one for each region, and its cache in each project.

The resources hold the applet that the app is made of, the files that it bundles, and what its author added,
so that nothing of it is lost with the project that it was built in.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/containers-for-execution
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import link_id
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidType
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.schema import PlacementRow
from dx_local.platform.data import contents, objects, projects

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import ObjectRow
    from dx_local.platform.core.store import Store


def fill_resources(context: Context, app_id: str, applet_id: str, region: str, extra: Any) -> str:
    """Make a container with an applet, its bundled files and `extra` objects in it; return its ID.

    `extra` is the ID of a project, or an array of IDs of data objects, or None. Raises InvalidInput,
    InvalidType or InvalidState for what cannot be part of an app.
    """
    row, placement = _applet(context, applet_id)
    home = projects.region_of(context.store, placement["project"])
    if home != region:
        raise InvalidInput(f"{applet_id} lies in the region {home}; it cannot be what an app is in {region}")
    container = projects.new_container(
        context.store, owner=app_id, parent=None, region=region, now=context.now()
    )
    _take_in(context, container, applet_id)
    for bundled in row["fields"]["runSpec"].get("bundledDepends") or []:
        _take_in(context, container, link_id(bundled["id"]) or "")
    if isinstance(extra, str):
        _take_in_project(context, container, extra)
    for object_id in _array(extra):
        _take_in(context, container, object_id)
    return container


def remove_resources(context: Context, container: str) -> None:
    """Remove a container of resources that its app does not use any more."""
    contents.remove_everything(context, container)
    context.store.execute("DELETE FROM project WHERE id = ?", container)


def ensure_project_cache(context: Context, app_id: str, project: str) -> None:
    """Make the container in which an app keeps things between its jobs in a project, unless it is there."""
    if project_cache(context.store, app_id, project) is None:
        region = projects.region_of(context.store, project)
        projects.new_container(context.store, owner=app_id, parent=project, region=region, now=context.now())


def project_cache(store: Store, app_id: str, project: str) -> str | None:
    """Return the container in which an app keeps things between its jobs in a project."""
    container: str | None = store.value(
        "SELECT id FROM project WHERE owner = ? AND parent = ?", app_id, project
    )
    return container


def resources(store: Store, app_id: str, region: str) -> str | None:
    """Return the container that holds what an app consists of in a region."""
    app = store.get("app", app_id)
    options: JSON = app["fields"]["regionalOptions"].get(region, {}) if app else {}
    return options.get("resources")


def _applet(context: Context, applet_id: str) -> tuple[ObjectRow, PlacementRow]:
    row, placement = objects.get_visible(context, applet_id)
    if row["class"] != "applet":
        raise InvalidType(f"{applet_id} is not an applet")
    if missing := [key for key in ("inputSpec", "outputSpec") if key not in row["fields"]]:
        raise InvalidInput(f"{applet_id} has no {' and no '.join(missing)}, which an app must have")
    return row, placement


def _take_in(context: Context, container: str, object_id: str) -> None:
    if class_of(object_id) not in objects.CLASSES:
        raise InvalidInput(f'"{object_id}" is not the ID of a data object')
    _, placement = objects.get_visible(context, object_id)
    objects.clone_into(context, [object_id], placement["project"], container, "/")


def _take_in_project(context: Context, container: str, project: str) -> None:
    access.require(context, project, "VIEW")
    rows = context.store.all(PlacementRow, "SELECT * FROM placement WHERE project = ?", project)
    for row in rows:
        objects.clone_into(context, [row["object"]], project, container, row["folder"])


def _array(extra: Any) -> list[str]:
    if extra is None or isinstance(extra, str):
        return []
    if not isinstance(extra, list) or not all(isinstance(item, str) for item in extra):
        raise InvalidInput('"resources" must be a project ID or an array of IDs of data objects')
    return extra
