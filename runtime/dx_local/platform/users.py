"""The local user, and the methods by which clients inspect their own session.

Source: https://documentation.dnanexus.com/developer/api/users and .../system-methods. The methods to log in
and out belong to DNAnexus's auth server, whose part the API server plays here; source: dxpy.scripts.dx.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dx_local.platform.apps import app_members
from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, PermissionDenied, ServiceUnavailable
from dx_local.platform.core.ids import class_of
from dx_local.platform.data.describe import select_fields
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

_DEFAULT_FIELDS = frozenset({"class", "first", "handle", "id", "last", "middle"})
_OWN_FIELDS = frozenset({"appsInstalled", "billTo", "email", "permittedRegions", "sshPublicKey"})


def whoami(context: Context, _class: str, request: JSON) -> JSON:
    """Return the ID of the user to whom the caller's token belongs."""
    full = {"id": context.caller.user, "clientIp": "127.0.0.1"}
    return select_fields(full, request, frozenset({"id"}))


def greet(_context: Context, _class: str, _request: JSON) -> JSON:
    """Return the messages and updates that clients report to their users; there are none."""
    return {"messages": [], "update": {"available": False}}


def headers(context: Context, _class: str, _request: JSON) -> JSON:
    """Return the headers of the request by lower-case name."""
    return dict(context.headers)


def come_back_later(context: Context, _class: str, request: JSON) -> JSON:
    """Return the time (ms). Raises ServiceUnavailable before `waitUntil` (ms).

    Clients use the method to test their retries. The error has a Retry-After header unless `setRetryAfter` is
    false.
    """
    now = context.now()
    wait_until = read.integer(request, "waitUntil", now)
    sets_header = read.flag(request, "setRetryAfter", default=True)
    if now < wait_until:
        seconds = -(-(wait_until - now) // 1000)
        raise ServiceUnavailable("Come back later", retry_after=seconds if sets_header else None)
    return {"currentTime": now}


def get_user_info(context: Context, _class: str, _request: JSON) -> JSON:
    """Return the name of the caller's user, which `dx login --token` saves."""
    return {"username": _handle(context.caller.user)}


def new_auth_token(_context: Context, _class: str, _request: JSON) -> NoReturn:
    """Reject a login by password."""
    raise PermissionDenied(
        "dx-local has no passwords, and you are already logged in to it. To log in to DNAnexus, use a shell"
        " without the environment variables of dx-local."
    )


def destroy_auth_token(context: Context, _class: str, request: JSON) -> JSON:
    """Revoke the token with the SHA-256 `tokenSignature` (hex). Raises ResourceNotFound."""
    access.destroy_token(context, read.text(request, "tokenSignature"))
    return {}


def new(_context: Context, _class: str, _request: JSON) -> NoReturn:
    """Reject the creation of another user."""
    raise PermissionDenied("dx-local has a single user; no other can be created")


def describe(context: Context, user_id: str, request: JSON) -> JSON:
    """Describe a user; some fields are reported only to the user."""
    if user_id == "user-self":
        user_id = context.caller.user
    row = context.store.get("user", user_id)
    if row is None:
        raise access.not_found(user_id)
    full = {
        "id": user_id,
        "class": "user",
        "handle": _handle(user_id),
        "first": row["first"],
        "middle": "",
        "last": row["last"],
        "email": row["email"],
        "billTo": user_id,
        "permittedRegions": _regions(context),
        "appsInstalled": app_members.installed(context, user_id),
    }
    if row["ssh_key"] is not None:
        full["sshPublicKey"] = row["ssh_key"]
    default = _DEFAULT_FIELDS | (_OWN_FIELDS if user_id == context.caller.user else frozenset())
    return select_fields(full, request, default)


def update(context: Context, user_id: str, request: JSON) -> JSON:
    """Set or remove (null) the public SSH key of the calling user, to whom everything is billed.

    Raises InvalidInput for a private key and for any other field, ResourceNotFound for another `billTo`.
    """
    if context.store.get("user", user_id) is None:
        raise access.not_found(user_id)
    if context.caller.job is not None:
        raise PermissionDenied("A job may not change its user")
    if unknown := sorted(request.keys() - {"sshPublicKey", "billTo"}):
        raise InvalidInput(f"dx-local cannot change these fields of a user: {', '.join(unknown)}")
    if "billTo" in request and read.text(request, "billTo") != user_id:
        raise access.not_found(request["billTo"])
    if "sshPublicKey" in request:
        key = read.optional_text(request, "sshPublicKey")
        if key is not None and "PRIVATE KEY" in key:
            raise InvalidInput("Tried to put a private key in the sshPublicKey field; use the .pub file")
        context.store.update("user", user_id, ssh_key=key)
    return {"id": user_id}


def _handle(user_id: str) -> str:
    return user_id[len(class_of(user_id)) + 1 :]


def _regions(context: Context) -> list[str]:
    regions = context.store.column("SELECT DISTINCT region FROM project ORDER BY region")
    return list(dict.fromkeys([context.platform.region, *regions]))
