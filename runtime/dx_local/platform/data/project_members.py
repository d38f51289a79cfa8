"""Project permissions: invite members, decrease their levels, leave, and transfer a project.

The one local user has created every project. An invitation is therefore for that user or for the public;
any other invitee is not found, like a user that does not exist on the platform.

Source: https://documentation.dnanexus.com/developer/api/data-containers/project-permissions-and-sharing
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState, ResourceNotFound
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context
    from dx_local.platform.core.schema import ProjectRow

PUBLIC = "PUBLIC"


def invite(context: Context, project_id: str, request: JSON) -> JSON:
    """Raise the permission of a user, or of the public, to a level; the invitation is accepted at once."""
    row = _administered(context, project_id)
    invitee = _member(context, read.text(request, "invitee"))
    level = _level(read.text(request, "level"))
    if invitee == PUBLIC and level != "VIEW":
        raise InvalidInput(f'the "level" of "{PUBLIC}" can be "VIEW" only, not "{level}"')
    held = row["permissions"].get(invitee)
    if held is None or access.LEVELS.index(held) < access.LEVELS.index(level):
        _set(context, row, {**row["permissions"], invitee: level})
    return {"id": project_id, "state": "accepted"}


def decrease_permissions(context: Context, project_id: str, request: JSON) -> JSON:
    """Lower the levels of members, or remove them (null); an administrator must remain."""
    row = _administered(context, project_id)
    lowered = dict(row["permissions"])
    for name, level in request.items():
        member = _member(context, name)
        held = lowered.get(member)
        wanted = None if level is None else _level(level)
        if held is None or wanted == held:
            continue
        if wanted is None:
            del lowered[member]
        elif access.LEVELS.index(wanted) > access.LEVELS.index(held):
            raise InvalidInput(f"{member} has {held}, which is below {wanted}; invite {member} to raise it")
        else:
            lowered[member] = wanted
    if "ADMINISTER" not in lowered.values():
        raise InvalidState(f"{project_id} would be left without an administrator")
    _set(context, row, lowered)
    return {"id": project_id}


def leave(context: Context, project_id: str, _request: JSON) -> JSON:
    """Remove the caller's own permission. Raises InvalidState if no administrator would remain."""
    return decrease_permissions(context, project_id, {context.caller.user: None})


def transfer(context: Context, project_id: str, request: JSON) -> JSON:
    """Reject the transfer of a project, because there is no user to bill but its owner."""
    _administered(context, project_id)
    invitee = _member(context, read.text(request, "invitee"))
    raise InvalidInput(f'"invitee" is {invitee}; the project is billed to {context.caller.user} already')


def _administered(context: Context, project_id: str) -> ProjectRow:
    access.require(context, project_id, "ADMINISTER")
    row = context.store.get("project", project_id)
    assert row is not None
    return row


def _member(context: Context, name: str) -> str:
    """Return the ID of a member given by ID, bare name or e-mail address. Raises ResourceNotFound."""
    if name == PUBLIC:
        return name
    member: str | None = context.store.value(
        "SELECT id FROM user WHERE ? IN (id, email, substr(id, 6))", name
    )
    if member is None:
        raise ResourceNotFound(
            f"The entity ID {name} could not be found; there is one user here, {context.caller.user}"
        )
    return member


def _level(level: object) -> str:
    if level not in access.LEVELS:
        raise InvalidInput(f'a level must be one of {", ".join(access.LEVELS)}, not "{level}"')
    return str(level)


def _set(context: Context, row: ProjectRow, permissions: JSON) -> None:
    context.store.update("project", row["id"], permissions=permissions, modified=context.now())
