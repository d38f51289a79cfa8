"""Create versions of apps from applets, publish, delete and run them.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/apps
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.apps import app_specs
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState
from dx_local.platform.core.ids import new_id
from dx_local.platform.execution import app_containers, app_names, applets
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import AppRow


def new(context: Context, _class: str, request: JSON) -> JSON:
    """`/app/new`: create a version of an app from an applet; until it is published, only developers see it.

    The creator of the first version of a name becomes its developer, and that version the default. Raises
    InvalidInput, including if the version exists, and PermissionDenied if others own the name.
    """
    access.require_developer_access(context)
    origin = read.optional_text(request, "initializeFrom")
    model = app_names.visible(context, origin) if origin else None
    name = app_specs.read_name(request, model["name"] if model else None)
    version = app_specs.read_version(request)
    _claim_name(context, name)
    if context.store.exists("SELECT 1 FROM app_alias WHERE name = ? AND alias = ?", name, version):
        raise InvalidInput("Specified name and version conflict with an existing alias")
    app_id = new_id("app")
    regional = app_specs.regional_options(context, app_id, request, model)
    if regional is None:
        raise InvalidInput('one of "applet", "regionalOptions" and "initializeFrom" is required')
    now = context.now()
    context.store.insert(
        "app",
        id=app_id,
        name=name,
        version=version,
        user=context.caller.user,
        created=now,
        modified=now,
        deleted=0,
        fields=app_specs.fields(context, request, regional, model["fields"] if model else {}),
    )
    for alias in (version, app_names.DEFAULT):
        context.store.execute("INSERT OR IGNORE INTO app_alias VALUES (?, ?, ?)", name, alias, app_id)
    return {"id": app_id}


def update(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/update`: change an unpublished version. Raises InvalidState if it is published."""
    row = _unpublished(context, address)
    old = row["fields"]["regionalOptions"]
    regional = app_specs.regional_options(context, row["id"], request)
    fields = app_specs.fields(context, request, regional or old, row["fields"])
    context.store.update("app", row["id"], fields=fields, modified=context.now())
    if regional is not None:
        for options in old.values():
            app_containers.remove_resources(context, options["resources"])
    return {"id": row["id"]}


def publish(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/publish`: make a version available to authorized users, by `makeDefault` as the default.

    Raises InvalidState if it is published.
    """
    row = _unpublished(context, address)
    now = context.now()
    context.store.update("app", row["id"], published=now, modified=now)
    if read.flag(request, "makeDefault"):
        context.store.execute(
            "INSERT OR REPLACE INTO app_alias VALUES (?, ?, ?)", row["name"], app_names.DEFAULT, row["id"]
        )
    return {"id": row["id"]}


def delete(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/delete`: delete a version; its developers keep the name."""
    row = app_names.developer_only(context, address)
    context.store.execute("DELETE FROM app_alias WHERE name = ? AND app = ?", row["name"], row["id"])
    context.store.update("app", row["id"], deleted=1, modified=context.now())
    return {"id": row["id"]}


def run(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/run`: start a job, as `/applet-xxxx/run` does. Raises InvalidState if the app is deleted."""
    return applets.run(context, _not_deleted(app_names.visible(context, address))["id"], request)


def _claim_name(context: Context, name: str) -> None:
    """Make the caller the developer of a new name, or require it to be a developer of an existing one."""
    if context.store.get("app_name", name):
        app_names.require_developer(context, name)
    else:
        context.store.insert(
            "app_name", id=name, developers=[context.caller.user], authorized_users=[], installed_by=[]
        )


def _not_deleted(row: AppRow) -> AppRow:
    if row["deleted"]:
        raise InvalidState(f"app-{row['name']}/{row['version']} has been deleted")
    return row


def _unpublished(context: Context, address: str) -> AppRow:
    row = _not_deleted(app_names.developer_only(context, address))
    if row["published"] is not None:
        raise InvalidState(
            f"app-{row['name']}/{row['version']} is published and cannot be changed; create another version"
        )
    return row
