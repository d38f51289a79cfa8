"""Addressing apps, and who may see or change one: `app-xxxx`, `app-NAME` or `app-NAME/ALIAS` → a version.

A version answers to its own number and to the tags put on it; `app-NAME` alone means the tag `default`. All
versions of a name share its developers and its authorized users.

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
    """Return the row of the app that an address names, whoever asks. Raises ResourceNotFound."""
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

    That is a published app whose authorized users include the caller, any app of the caller as its developer,
    and the app that the calling job runs. Raises ResourceNotFound or PermissionDenied.
    """
    row = find(context.store, address)
    if is_developer(context, row["name"]) or _is_authorized(context, row) or _runs(context, row):
        return row
    if row["published"] is None and context.caller.job:
        how = (
            f'publish it (dx publish {row["name"]}/{row["version"]}), or set "access": {{"developer": true}}'
        )
        raise PermissionDenied(f"{_label(row)} is not published, and so only for its developers; {how}")
    how = f"dx add users {row['name']} {context.caller.user}"
    raise PermissionDenied(f"{context.caller.user} is no authorized user of {_label(row)}; {how}")


def developer_only(context: Context, address: str) -> AppRow:
    """Return the row of an app that the caller may change. Raises ResourceNotFound or PermissionDenied."""
    row = find(context.store, address)
    require_developer(context, row["name"])
    return row


def require_developer(context: Context, name: str) -> None:
    """Return when the caller may act as a developer of this name. Raises PermissionDenied."""
    access.require_developer_access(context)
    if not is_developer(context, name):
        raise PermissionDenied(f"{context.caller.user} is not a developer of app-{name}")


def is_developer(context: Context, name: str) -> bool:
    """Return whether the caller is a developer of this name, as a job only with `access.developer`."""
    return access.may_develop(context) and context.caller.user in members(context.store, name)["developers"]


def members(store: Store, name: str) -> AppNameRow:
    """Return the row of what all versions of a name share. Raises ResourceNotFound for an unknown name."""
    row = store.get("app_name", name)
    if row is None:
        raise access.not_found(f"app-{name}")
    return row


def aliases(store: Store, row: AppRow) -> list[str]:
    """Return what a version answers to: its number first, then its tags."""
    found = store.column(
        "SELECT alias FROM app_alias WHERE name = ? AND app = ? ORDER BY alias", row["name"], row["id"]
    )
    return sorted(found, key=lambda alias: bool(alias != row["version"]))


def _is_authorized(context: Context, row: AppRow) -> bool:
    users = members(context.store, row["name"])["authorized_users"]
    return row["published"] is not None and not {context.caller.user, EVERYBODY}.isdisjoint(users)


def _runs(context: Context, row: AppRow) -> bool:
    job = context.calling_job()
    return job is not None and job["executable"] == row["id"]


def _label(row: AppRow) -> str:
    return f"app-{row['name']}/{row['version']}"
