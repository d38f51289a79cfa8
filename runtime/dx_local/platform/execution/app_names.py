"""Find the version of an app by its address, and check the caller's access to it.

Addresses are `app-xxxx`, `app-NAME/ALIAS` and `app-NAME`, which means the alias `default`. The aliases of a
version are its number and its tags. All versions of a name share their developers and authorized users.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/apps
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import PermissionDenied

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context
    from dx_local.platform.core.schema import AppNameRow, AppRow
    from dx_local.platform.core.store import Store

ALIAS = re.compile(r"[a-zA-Z0-9._+-]+")
DEFAULT = "default"
EVERYBODY = "PUBLIC"


def find(store: Store, address: str) -> AppRow:
    """Return the row of an app by its address, without checking access. Raises ResourceNotFound."""
    row = store.get("app", address)
    if row is None:
        name, alias = split(address)
        app_id = store.value("SELECT app FROM app_alias WHERE name = ? AND alias = ?", name, alias)
        row = store.get("app", app_id) if app_id else None
    if row is None:
        raise access.not_found(address)
    return row


def split(address: str) -> tuple[str, str]:
    """Return the name and the alias in `app-NAME` or `app-NAME/ALIAS`."""
    name, _, alias = address.removeprefix("app-").partition("/")
    return name, alias or DEFAULT


def visible(context: Context, address: str) -> AppRow:
    """Return the row of an app that the caller may see and run.

    These are the published apps that the caller is authorized to use, all apps of which the caller is a
    developer, and the app of the calling job. Raises ResourceNotFound or PermissionDenied.
    """
    row = find(context.store, address)
    if is_developer(context, row["name"]) or _is_authorized(context, row) or _runs(context, row):
        return row
    if row["published"] is None and context.caller.job:
        how = (
            f'publish it (dx publish {row["name"]}/{row["version"]}), or set "access": {{"developer": true}}'
        )
        raise PermissionDenied(f"{_label(row)} is not published, so only developers may use it; {how}")
    how = f"dx add users {row['name']} {context.caller.user}"
    raise PermissionDenied(f"{context.caller.user} is not an authorized user of {_label(row)}; {how}")


def developer_only(context: Context, address: str) -> AppRow:
    """Return the row of an app that the caller may change. Raises ResourceNotFound or PermissionDenied."""
    row = find(context.store, address)
    require_developer(context, row["name"])
    return row


def require_developer(context: Context, name: str) -> None:
    """Raise PermissionDenied unless the caller is a developer of this name."""
    access.require_developer_access(context)
    if not is_developer(context, name):
        raise PermissionDenied(f"{context.caller.user} is not a developer of app-{name}")


def is_developer(context: Context, name: str) -> bool:
    """Return whether the caller is a developer of this name; jobs also need `access.developer`."""
    return access.may_develop(context) and context.caller.user in members(context.store, name)["developers"]


def members(store: Store, name: str) -> AppNameRow:
    """Return the members that all versions of a name share. Raises ResourceNotFound for an unknown name."""
    row = store.get("app_name", name)
    if row is None:
        raise access.not_found(f"app-{name}")
    return row


def aliases(store: Store, row: AppRow) -> list[str]:
    """Return the aliases of a version: its number, then its tags."""
    found = store.column(
        "SELECT alias FROM app_alias WHERE name = ? AND app = ? ORDER BY alias", row["name"], row["id"]
    )
    return sorted(found, key=lambda alias: alias != row["version"])


def _is_authorized(context: Context, row: AppRow) -> bool:
    users = members(context.store, row["name"])["authorized_users"]
    return row["published"] is not None and not {context.caller.user, EVERYBODY}.isdisjoint(users)


def _runs(context: Context, row: AppRow) -> bool:
    job = context.calling_job()
    return job is not None and job["executable"] == row["id"]


def _label(row: AppRow) -> str:
    return f"app-{row['name']}/{row['version']}"
