"""Describe apps, and return their whole contents.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/apps
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.apps import app_specs
from dx_local.platform.core import executable
from dx_local.platform.core.errors import PermissionDenied
from dx_local.platform.data.describe import select_fields
from dx_local.platform.execution import app_names, run_specs

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import AppRow

_OF_APPLET = ("dxapi", "inputSpec", "outputSpec")


def describe(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/describe`: describe a version without its code; a deleted one without its contents.

    Unlike for data objects, `fields` without `defaultFields` means only these: the ID must be among them.
    """
    return describe_row(context, app_names.visible(context, address), request)


def describe_row(context: Context, row: AppRow, request: JSON) -> JSON:
    """Describe an app, without checking the caller's access."""
    full = {**_identity(context, row), **({} if row["deleted"] else _contents(context, row))}
    found = select_fields(full, request, frozenset(full))
    chosen = request.get("fields")
    if chosen and not chosen.get("id") and not request.get("defaultFields"):
        found.pop("id", None)
    return found


def get(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/get`: return a whole version, including its code.

    Raises PermissionDenied unless the caller is a developer or the app is open source.
    """
    row = app_names.visible(context, address)
    if not row["fields"]["openSource"] and not app_names.is_developer(context, row["name"]):
        raise PermissionDenied(f"app-{row['name']} is not open source; only its developers may get its code")
    run_spec = run_specs.with_code(_by_region(context, row), _region(context, row))
    described = {**_identity(context, row), **_contents(context, row)}
    developers = app_names.members(context.store, row["name"])["developers"]
    return {**described, "developers": developers, "runSpec": run_spec}


def _identity(context: Context, row: AppRow) -> JSON:
    shared = app_names.members(context.store, row["name"])
    installed_by = shared["installed_by"]
    found: JSON = {
        "id": row["id"],
        "class": "app",
        "name": row["name"],
        "version": row["version"],
        "aliases": app_names.aliases(context.store, row),
        "createdBy": row["user"],
        "created": row["created"],
        "modified": row["modified"],
        "billTo": row["fields"]["billTo"],
        "applet": row["fields"]["regionalOptions"][_region(context, row)]["applet"],
        "installed": context.caller.user in installed_by,
        "installs": len(installed_by),
        "openSource": row["fields"]["openSource"],
        "deleted": bool(row["deleted"]),
        "isDeveloperFor": app_names.is_developer(context, row["name"]),
        "authorizedUsers": shared["authorized_users"],
    }
    if row["published"] is not None:
        found["published"] = row["published"]
    return found


def _contents(context: Context, row: AppRow) -> JSON:
    fields = row["fields"]
    region = _region(context, row)
    applet = executable.applet_fields(context.store, row["id"], region)
    return {
        **{
            name: fields[name]
            for name in (*app_specs.TEXTS, "access", "categories", "details", "ignoreReuse")
        },
        **{name: fields[name] for name in app_specs.ECHOED if name in fields},
        **{name: applet[name] for name in _OF_APPLET},
        "runSpec": run_specs.described(_by_region(context, row), region),
        "region": region,
        "regionalOptions": fields["regionalOptions"],
        "resources": fields["regionalOptions"][region]["resources"],
    }


def _by_region(context: Context, row: AppRow) -> dict[str, JSON]:
    regions = row["fields"]["regionalOptions"]
    return {region: executable.applet_fields(context.store, row["id"], region) for region in regions}


def _region(context: Context, row: AppRow) -> str:
    """Return the region whose applet describes the app: the platform's region if the app is enabled there."""
    regions: list[str] = list(row["fields"]["regionalOptions"])
    return context.platform.region if context.platform.region in regions else regions[0]
