"""Executables: applets, and apps with their applet of each region.

Source: https://documentation.dnanexus.com/developer/api/running-analyses
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dx_local.platform.core.errors import InvalidInput, ResourceNotFound
from dx_local.platform.core.ids import class_of

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.schema import AppRow
    from dx_local.platform.core.store import Store


@dataclass(frozen=True)
class Executable:
    """An applet or app that can be run, with its specifications.

    Jobs are named after `title` (only apps have one) or else after `name`.
    """

    id: str
    name: str
    run_spec: JSON
    input_spec: list[JSON] | None = None
    output_spec: list[JSON] | None = None
    access: JSON = field(default_factory=dict)
    title: str | None = None
    ignore_reuse: bool = False
    turnaround_threshold: int | None = None


def executable_of(store: Store, executable_id: str, region: str) -> Executable:
    """Return an applet or app as it runs in a region.

    Raises ResourceNotFound if it does not exist, and InvalidInput if an app is not enabled in the region.
    """
    app = store.get("app", executable_id) if class_of(executable_id) == "app" else None
    specs = applet_fields(store, executable_id, region)
    if app is None:
        name = store.value("SELECT name FROM placement WHERE object = ? LIMIT 1", executable_id)
    else:
        name = app["name"]
    return Executable(
        id=executable_id,
        name=name or executable_id,
        run_spec=specs["runSpec"],
        input_spec=specs.get("inputSpec"),
        output_spec=specs.get("outputSpec"),
        access=(app["fields"] if app else specs).get("access") or {},
        title=app["fields"]["title"] if app else None,
        ignore_reuse=bool((app["fields"] if app else specs).get("ignoreReuse")),
        turnaround_threshold=(app["fields"] if app else specs).get("treeTurnaroundTimeThreshold"),
    )


def applet_fields(store: Store, executable_id: str, region: str) -> JSON:
    """Return the fields of an applet, or of the applet of an app in a region: specifications, code and texts.

    The caller must not change them, because an applet never changes. Raises ResourceNotFound if it does not
    exist, and InvalidInput if an app is not enabled in the region.
    """
    applet_id = executable_id
    if class_of(executable_id) == "app":
        app = store.get("app", executable_id)
        applet_id = applet_of(app, region) if app else executable_id

    def read() -> JSON | None:
        row = store.get("object", applet_id)
        return row["fields"] if row and row["class"] == "applet" else None

    fields = store.constant("applet", applet_id, read)
    if fields is None:
        raise ResourceNotFound(f"The entity ID {executable_id} could not be found")
    return fields


def applet_of(app: AppRow, region: str) -> str:
    """Return the ID of the applet that an app runs in a region. Raises InvalidInput if there is none."""
    regions: dict[str, JSON] = app["fields"]["regionalOptions"]
    if region not in regions:
        raise InvalidInput(
            f"app-{app['name']}/{app['version']} is not enabled in the region {region}, only in"
            f" {', '.join(regions)}; build it with that region in regionalOptions"
        )
    applet: str = regions[region]["applet"]
    return applet
