"""The local user, and what a client asks about itself.

Source: https://documentation.dnanexus.com/developer/api/users and .../system-methods. Logging in and out are
methods of DNAnexus's auth server, which the API's server is as well here; source: dxpy.scripts.dx.
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
    """Return the ID of the user that the caller's token stands for."""
    full = {"id": context.caller.user, "clientIp": "127.0.0.1"}
    return select_fields(full, request, frozenset({"id"}))


def greet(_context: Context, _class: str, _request: JSON) -> JSON:
    """Return the news that a client shows its user: there are none."""
    return {"messages": [], "update": {"available": False}}


def headers(context: Context, _class: str, _request: JSON) -> JSON:
    """Return the headers of the request, their names in lower case."""
    return dict(context.headers)


def come_back_later(context: Context, _class: str, request: JSON) -> JSON:
    """Return the time, but not before `waitUntil` (ms): then raise ServiceUnavailable, by default with when.

    Clients are tested with it.
    """
    now = context.now()
    wait_until = read.integer(request, "waitUntil", now)
    sets_header = read.flag(request, "setRetryAfter", default=True)
    if now < wait_until:
        seconds = -(-(wait_until - now) // 1000)
        raise ServiceUnavailable("Come back later", retry_after=seconds if sets_header else None)
    return {"currentTime": now}


def get_user_info(context: Context, _class: str, _request: JSON) -> JSON:
    """Return the name of the user that the caller's token belongs to, as `dx login --token` saves it."""
    return {"username": _handle(context.caller.user)}


def new_auth_token(_context: Context, _class: str, _request: JSON) -> NoReturn:
    """Refuse to make a token from a password, as there are none here."""
    raise PermissionDenied(
        "There are no passwords on this platform of dx-local, where you are logged in already. To log in to"
        " DNAnexus, use a shell without the variables of dx-local."
    )


def destroy_auth_token(context: Context, _class: str, request: JSON) -> JSON:
    """Make the token with the SHA-256 `tokenSignature` (hex) worthless. Raises ResourceNotFound."""
    access.destroy_token(context, read.text(request, "tokenSignature"))
    return {}


def new(_context: Context, _class: str, _request: JSON) -> NoReturn:
    """Refuse to make another user."""
    raise PermissionDenied("There is one user on this platform of dx-local, and no other can be made")


def describe(context: Context, user_id: str, request: JSON) -> JSON:
    """Describe a user; some fields only the user sees."""
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
    """Set or remove (null) the public key for SSH of the calling user, who is also billed for everything.

    Raises InvalidInput for a private key and for any other field, ResourceNotFound for an unknown org.
    """
    if context.store.get("user", user_id) is None:
        raise access.not_found(user_id)
    if context.caller.job is not None:
        raise PermissionDenied("A job must not change its user")
    if unknown := sorted(request.keys() - {"sshPublicKey", "billTo"}):
        raise InvalidInput(f"fields of a user that cannot be changed on dx-local: {', '.join(unknown)}")
    if "billTo" in request and read.text(request, "billTo") != user_id:
        raise access.not_found(request["billTo"])
    if "sshPublicKey" in request:
        key = read.optional_text(request, "sshPublicKey")
        if key is not None and "PRIVATE KEY" in key:
            raise InvalidInput("Tried to put a private key in the sshPublicKey field; give the .pub file")
        context.store.update("user", user_id, ssh_key=key)
    return {"id": user_id}


def _handle(user_id: str) -> str:
    return user_id[len(class_of(user_id)) + 1 :]


def _regions(context: Context) -> list[str]:
    regions = context.store.column("SELECT DISTINCT region FROM project ORDER BY region")
    return list(dict.fromkeys([context.platform.region, *regions]))
