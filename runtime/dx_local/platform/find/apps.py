"""Finding apps.

Source: https://documentation.dnanexus.com/developer/api/search#api-method-system-findapps
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.apps import app_views
from dx_local.platform.core import access
from dx_local.platform.core.schema import AppRow
from dx_local.platform.data.contents import describe_options
from dx_local.platform.execution import app_names
from dx_local.platform.find.conditions import Condition, all_of, any_of, between, includes, name_is
from dx_local.platform.find.options import page_size
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

_OF_NAME = "(SELECT {column} FROM app_name WHERE app_name.id = app.name)"
_DEVELOPERS = _OF_NAME.format(column="developers")
_AUTHORIZED = _OF_NAME.format(column="authorized_users")
_IS_DEFAULT = Condition(
    "EXISTS (SELECT 1 FROM app_alias"
    " WHERE app_alias.name = app.name AND app_alias.alias = ? AND app_alias.app = app.id)",
    (app_names.DEFAULT,),
)


def find_apps(context: Context, _class: str, request: JSON) -> JSON:
    """Find the apps that the caller may run, newest first: default versions, or with `allVersions` all.

    `next` is the ID of the page's last app if there are more.
    """
    limit = page_size(request)
    options = describe_options(request)
    where = all_of([Condition("NOT app.deleted"), _visible(context), *_conditions(request)])
    rows = context.store.all(
        AppRow,
        f"SELECT app.* FROM app WHERE {where.sql} ORDER BY app.sequence DESC LIMIT ?",
        *where.values,
        limit + 1,
    )
    results = [_listed(context, row, options) for row in rows[:limit]]
    return {"results": results, "next": rows[limit - 1]["id"] if len(rows) > limit else None}


def _visible(context: Context) -> Condition:
    user = context.caller.user
    is_theirs = any_of(
        [includes(_AUTHORIZED, "authorizedUsers", each) for each in (user, app_names.EVERYBODY)]
    )
    found = [all_of([Condition("app.published IS NOT NULL"), is_theirs])]
    if access.may_develop(context):
        found.append(includes(_DEVELOPERS, "developer", user))
    return any_of(found)


def _conditions(request: JSON) -> list[Condition]:
    found = [*between("app.created", "created", request), *between("app.modified", "modified", request)]
    if not read.flag(request, "allVersions"):
        found.append(_IS_DEFAULT)
    if request.get("published") is not None:
        is_published = read.flag(request, "published")
        found.append(Condition(f"app.published IS {'NOT ' if is_published else ''}NULL"))
    if request.get("name") is not None:
        found.append(name_is("app.name", request["name"]))
    if request.get("category") is not None:
        categories = "json_extract(app.fields, '$.categories')"
        found.append(includes(categories, "category", read.text(request, "category")))
    if request.get("developer") is not None:
        found.append(includes(_DEVELOPERS, "developer", read.text(request, "developer")))
    if request.get("createdBy") is not None:
        found.append(Condition("app.user = ?", (read.text(request, "createdBy"),)))
    if request.get("billTo") is not None:
        bill_to = "json_extract(app.fields, '$.billTo')"
        found.append(Condition(f"{bill_to} = ?", (read.text(request, "billTo"),)))
    if request.get("starting") is not None:
        last = (read.text(request, "starting"),)
        found.append(Condition("app.sequence < (SELECT sequence FROM app WHERE id = ?)", last))
    return found


def _listed(context: Context, row: AppRow, options: JSON | None) -> JSON:
    if options is None:
        return {"id": row["id"]}
    return {"id": row["id"], "describe": app_views.describe_row(context, row, options)}
