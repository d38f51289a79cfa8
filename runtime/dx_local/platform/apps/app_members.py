"""Add and remove tags, categories, developers, authorized users and installations of apps.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/apps
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.execution import app_names
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import AppRow

_MemberColumn = Literal["developers", "authorized_users", "installed_by"]
_MEMBER = re.compile(r"(user|org)-[a-zA-Z0-9._-]+")


def add_tags(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/addTags`: add tags to a version, which removes them from other versions.

    Raises InvalidInput if a tag is the number of another version.
    """
    row = app_names.developer_only(context, address)
    for tag in read.strings(request, "tags"):
        if not app_names.ALIAS.fullmatch(tag):
            raise InvalidInput(f'"{tag}" is not a valid tag; it must match {app_names.ALIAS.pattern}')
        if tag in _versions(context, row) and tag != row["version"]:
            raise InvalidInput(f'"{tag}" is the number of another version of app-{row["name"]}')
        context.store.execute(
            "INSERT OR REPLACE INTO app_alias VALUES (?, ?, ?)", row["name"], tag, row["id"]
        )
    return {"id": row["id"]}


def remove_tags(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/removeTags`: remove tags from a version."""
    row = app_names.developer_only(context, address)
    for tag in read.strings(request, "tags"):
        if tag == row["version"]:
            raise InvalidInput(f'"{tag}" is the number of this version, which cannot be removed')
        context.store.execute(
            "DELETE FROM app_alias WHERE name = ? AND alias = ? AND app = ?", row["name"], tag, row["id"]
        )
    return {"id": row["id"]}


def list_categories(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/listCategories`: return the categories of a version."""
    return {"categories": app_names.visible(context, address)["fields"]["categories"]}


def add_categories(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/addCategories`: add categories to a version."""
    return _change_categories(context, address, add=read.strings(request, "categories"))


def remove_categories(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/removeCategories`: remove categories from a version."""
    return _change_categories(context, address, remove=read.strings(request, "categories"))


def list_developers(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/listDevelopers`: return the developers of all versions."""
    row = app_names.visible(context, address)
    return {"developers": app_names.members(context.store, row["name"])["developers"]}


def add_developers(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/addDevelopers`: add developers to all versions."""
    users = _members(request, "developers")
    return _change_shared(context, address, "developers", lambda old: read.changed_tags(old, add=users))


def remove_developers(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/removeDevelopers`: remove developers. Raises InvalidInput if none would be left."""
    users = read.strings(request, "developers")

    def changed(old: list[str]) -> list[str]:
        left = read.changed_tags(old, remove=users)
        if not left:
            raise InvalidInput("an app must have a developer; add another one first")
        return left

    return _change_shared(context, address, "developers", changed)


def list_authorized_users(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/listAuthorizedUsers`: return the authorized users of all versions."""
    row = app_names.visible(context, address)
    return {"authorizedUsers": app_names.members(context.store, row["name"])["authorized_users"]}


def add_authorized_users(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/addAuthorizedUsers`: let users, orgs or PUBLIC see and run all published versions."""
    users = _members(request, "authorizedUsers", app_names.EVERYBODY)
    return _change_shared(context, address, "authorized_users", lambda old: read.changed_tags(old, add=users))


def remove_authorized_users(context: Context, address: str, request: JSON) -> JSON:
    """`/app-xxxx/removeAuthorizedUsers`: remove authorized users."""
    users = read.strings(request, "authorizedUsers")
    return _change_shared(
        context, address, "authorized_users", lambda old: read.changed_tags(old, remove=users)
    )


def install(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/install`: record that the user has installed an app; it has no other effect."""
    row = app_names.visible(context, address)
    return _install(context, row["name"], lambda old: read.changed_tags(old, add=[context.caller.user]))


def uninstall(context: Context, address: str, _request: JSON) -> JSON:
    """`/app-xxxx/uninstall`: undo `install`, even by the name of an app whose versions are all deleted."""
    row = context.store.get("app", address)
    name = row["name"] if row else app_names.split(address)[0]
    return _install(context, name, lambda old: read.changed_tags(old, remove=[context.caller.user]))


def installed(context: Context, user: str) -> list[str]:
    """Return the names of the apps that a user has installed."""
    return context.store.column(
        "SELECT app_name.id FROM app_name, json_each(installed_by) WHERE json_each.value = ? ORDER BY 1",
        user,
    )


def _versions(context: Context, row: AppRow) -> list[str]:
    return context.store.column("SELECT version FROM app WHERE name = ? AND NOT deleted", row["name"])


def _change_categories(context: Context, address: str, **changes: list[str]) -> JSON:
    row = app_names.developer_only(context, address)
    fields = row["fields"]
    changed = {**fields, "categories": read.changed_tags(fields["categories"], **changes)}
    context.store.update("app", row["id"], fields=changed, modified=context.now())
    return {"id": row["id"]}


def _change_shared(
    context: Context, address: str, column: _MemberColumn, change: Callable[[Any], list[str]]
) -> JSON:
    row = app_names.developer_only(context, address)
    _write(context, row["name"], column, change(app_names.members(context.store, row["name"])[column]))
    return {"id": row["id"]}


def _install(context: Context, name: str, change: Callable[[Any], list[str]]) -> JSON:
    _write(context, name, "installed_by", change(app_names.members(context.store, name)["installed_by"]))
    return {"id": f"app-{name}"}


def _write(context: Context, name: str, column: str, value: list[str]) -> None:
    context.store.update("app_name", name, **{column: value})


def _members(request: JSON, field: str, *others: str) -> list[str]:
    found = read.strings(request, field)
    for member in found:
        if member not in others and not _MEMBER.fullmatch(member):
            allowed = ", ".join(["user-NAME", "org-NAME", *others])
            raise InvalidInput(f'"{member}" in "{field}" must be one of {allowed}')
    return found
