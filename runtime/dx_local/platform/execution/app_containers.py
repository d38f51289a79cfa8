"""The containers of an app: its resources in each region, and its cache in each project.

The resources hold the app's applet, the files that it bundles, and other data objects that its developer
added, so that the app does not depend on the project in which it was built.

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


def create_resources(context: Context, app_id: str, applet_id: str, region: str, extra: Any) -> str:
    """Create a container with an applet, its bundled files and `extra` objects; return its ID.

    `extra` is the ID of a project, an array of IDs of data objects, or None. Raises InvalidInput,
    InvalidType or InvalidState if an object cannot be part of an app.
    """
    row, placement = _applet(context, applet_id)
    home = projects.region_of(context.store, placement["project"])
    if home != region:
        raise InvalidInput(f"{applet_id} is in the region {home}; the app needs an applet in {region}")
    container = projects.new_container(
        context.store, owner=app_id, parent=None, region=region, now=context.now()
    )
    _copy_object(context, container, applet_id)
    for bundled in row["fields"]["runSpec"].get("bundledDepends") or []:
        _copy_object(context, container, link_id(bundled["id"]) or "")
    if isinstance(extra, str):
        _copy_project(context, container, extra)
    for object_id in _array(extra):
        _copy_object(context, container, object_id)
    return container


def create_resources_of_applet(context: Context, applet_id: str, region: str, objects: list[str]) -> None:
    """Create the container that an app would have, for an applet that stands for it.

    `objects` are IDs of data objects, or of a project whose objects it gets.
    """
    container = projects.new_container(
        context.store, owner=applet_id, parent=None, region=region, now=context.now()
    )
    for entity in objects:
        copy = _copy_project if class_of(entity) == "project" else _copy_object
        copy(context, container, entity)
    context.platform.resources[applet_id] = container


def remove_resources(context: Context, container: str) -> None:
    """Remove a container of resources that its app no longer uses."""
    contents.remove_everything(context, container)
    context.store.execute("DELETE FROM project WHERE id = ?", container)


def ensure_project_cache(context: Context, app_id: str, project: str) -> None:
    """Create the cache of an app in a project, which its jobs share, unless it exists."""
    if project_cache(context.store, app_id, project) is None:
        region = projects.region_of(context.store, project)
        projects.new_container(context.store, owner=app_id, parent=project, region=region, now=context.now())


def project_cache(store: Store, app_id: str, project: str) -> str | None:
    """Return the cache of an app in a project, or None if no job of the app has run there."""
    container: str | None = store.value(
        "SELECT id FROM project WHERE owner = ? AND parent = ?", app_id, project
    )
    return container


def resources(store: Store, app_id: str, region: str) -> str | None:
    """Return the container of an app's resources in a region, or None if there is none."""
    app = store.get("app", app_id)
    options: JSON = app["fields"]["regionalOptions"].get(region, {}) if app else {}
    return options.get("resources")


def _applet(context: Context, applet_id: str) -> tuple[ObjectRow, PlacementRow]:
    row, placement = objects.get_visible(context, applet_id)
    if row["class"] != "applet":
        raise InvalidType(f"{applet_id} is not an applet")
    if missing := [key for key in ("inputSpec", "outputSpec") if key not in row["fields"]]:
        raise InvalidInput(f"{applet_id} has no {' and no '.join(missing)}, which the applet of an app needs")
    return row, placement


def _copy_object(context: Context, container: str, object_id: str) -> None:
    if class_of(object_id) not in objects.CLASSES:
        raise InvalidInput(f'"{object_id}" is not the ID of a data object')
    _, placement = objects.get_visible(context, object_id)
    objects.clone_into(context, [object_id], placement["project"], container, "/")


def _copy_project(context: Context, container: str, project: str) -> None:
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
