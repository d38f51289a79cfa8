"""Who may reach what: tokens, and the level that a caller has on a project or container.

Source: https://documentation.dnanexus.com/developer/api/data-containers/project-permissions-and-sharing and
https://documentation.dnanexus.com/developer/apps/app-permissions
"""

from __future__ import annotations

import hashlib
import secrets
from enum import Enum
from typing import TYPE_CHECKING

from dx_local.platform.core.context import Caller
from dx_local.platform.core.errors import InvalidAuthentication, PermissionDenied, ResourceNotFound
from dx_local.platform.core.ids import class_of

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context
    from dx_local.platform.core.store import Row, Store

LEVELS = ("VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")


class Kind(str, Enum):
    """What a project or container is there for."""

    PROJECT = "project"
    WORKSPACE = "job"
    CACHE = "projectCache"
    RESOURCES = "resources"


# What a user has, who is a member of every project and a developer of every app here.
_LEVELS_OF_USER = {
    Kind.PROJECT: "ADMINISTER",
    Kind.WORKSPACE: "VIEW",
    Kind.CACHE: "CONTRIBUTE",
    Kind.RESOURCES: "VIEW",
}


def kind_of(project: Row) -> Kind:
    """Return what a project or container, of which this is the row, is there for."""
    if project["class"] == "project":
        return Kind.PROJECT
    if class_of(project["owner"]) != "app":
        return Kind.WORKSPACE
    return Kind.CACHE if project["parent"] else Kind.RESOURCES


def level_on(context: Context, project_id: str) -> str | None:
    """Return the caller's level on a project or container, or None when the caller cannot see it.

    A user administers every project and may look into containers. A job contributes to its workspace; on its
    project it has what `access.project` grants (VIEW for an applet, nothing for an app, where that says
    nothing), and on every project what `access.allProjects` grants. The job of an app also contributes to
    the app's cache in the project, and sees its resources.
    """
    row = context.store.one("SELECT id, class, owner, parent FROM project WHERE id = ?", project_id)
    if row is None:
        return None
    if context.caller.job is None:
        return _LEVELS_OF_USER[kind_of(row)]
    return _level_of_job(_job(context), row)


def require(context: Context, project_id: str, level: str) -> str:
    """Return the caller's level on a project or container, which is this one or a higher one.

    Raises ResourceNotFound when there is no such project, else PermissionDenied.
    """
    found = level_on(context, project_id)
    if found is not None and LEVELS.index(found) >= LEVELS.index(level):
        return found
    row = context.store.one("SELECT class FROM project WHERE id = ?", project_id)
    if row is None:
        raise not_found(project_id)
    has = "this caller has none" if found is None else f"this is {found}"
    message = f"{level} permission required in {project_id} to perform this action, and {has}"
    raise PermissionDenied(message + _how_to_reach(context, project_id, level))


def may_develop(context: Context) -> bool:
    """Tell whether the caller may act as a developer of apps: a user, or a job with `access.developer`."""
    return context.caller.job is None or _job(context)["requested"]["access"].get("developer") is True


def require_developer_access(context: Context) -> None:
    """Return when the caller may act as a developer of apps. Raises PermissionDenied for other jobs."""
    if not may_develop(context):
        raise PermissionDenied('making or changing apps needs "access": {"developer": true} in dxapp.json')


def denied(object_id: str) -> PermissionDenied:
    """Return the error for a data object in none of the projects and containers that a job may see."""
    return PermissionDenied(
        f"{object_id} lies in no project or container that this job may see; give it to the job as an input,"
        ' or set "access": {"project": "VIEW"} or {"allProjects": "VIEW"} in dxapp.json'
    )


def not_found(entity_id: str, project: str | None = None) -> ResourceNotFound:
    """Return the error for an entity that does not exist, or not in a project."""
    where = f" in {project}" if project else ""
    return ResourceNotFound(f"The entity ID {entity_id} could not be found{where}")


def visible_projects(context: Context) -> list[str]:
    """Return the projects that a search without a scope looks at; the workspace of the caller first."""
    projects = [
        row["id"]
        for row in context.store.all("SELECT id FROM project WHERE class = 'project' ORDER BY created")
    ]
    if context.caller.job is None:
        return projects
    job = _job(context)
    return [job["workspace"], *(project for project in projects if _granted(job, project))]


def issue_token(store: Store, user: str, job: str | None = None) -> str:
    """Return a new token that stands for a user, or for a job that speaks for that user."""
    token = secrets.token_hex(32)  # `dx login --token` takes none that begins with a dash
    store.insert("token", token=_digest(token), user=user, job=job)
    return token


def caller_of(store: Store, token: str) -> Caller | None:
    """Return whom a token stands for, or None for one that this platform did not issue or has revoked."""
    row = store.one("SELECT user, job FROM token WHERE token = ?", _digest(token))
    return Caller(row["user"], row["job"]) if row else None


def authenticate(store: Store, token: str) -> Caller:
    """Return whom a token stands for. Raises InvalidAuthentication for one that is unknown or was revoked."""
    caller = caller_of(store, token)
    if caller is None:
        raise InvalidAuthentication("the token could not be found; this platform did not issue it")
    return caller


def revoke_tokens(store: Store, job: str) -> None:
    """Make every token of a job worthless."""
    store.execute("DELETE FROM token WHERE job = ?", job)


def destroy_token(context: Context, signature: str) -> None:
    """Make the token with this SHA-256 signature (hex) worthless; a job may do so to its own tokens only.

    Raises ResourceNotFound if the caller has no such token.
    """
    caller = context.caller
    destroyed = context.store.execute(
        "DELETE FROM token WHERE token = ? AND user = ? AND (? IS NULL OR job = ?)",
        signature,
        caller.user,
        caller.job,
        caller.job,
    )
    if not destroyed:
        raise ResourceNotFound("The token could not be found; it was destroyed before, or is another user's")
    for subscriber in context.platform.token_subscribers:
        context.store.after_commit(subscriber)


def _digest(token: str) -> str:
    # Whoever reads the database cannot act with the tokens in it.
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _job(context: Context) -> Row:
    row = context.store.one(
        "SELECT workspace, project, executable, requested FROM job WHERE id = ?", context.caller.job
    )
    if row is None:
        raise PermissionDenied(f"{context.caller.job}, which this token stands for, does not exist")
    return row


def _level_of_job(job: Row, row: Row) -> str | None:
    """Return the level that a job has on a project or container, of which `row` is the row."""
    kind = kind_of(row)
    if kind is Kind.PROJECT:
        return _granted(job, row["id"])
    if kind is Kind.WORKSPACE:
        return "CONTRIBUTE" if row["id"] == job["workspace"] else None
    is_own = row["owner"] == job["executable"]
    if kind is Kind.CACHE:
        return "CONTRIBUTE" if is_own and row["parent"] == job["project"] else None
    return "VIEW" if is_own or job["requested"]["access"].get("developer") is True else None


def _granted(job: Row, project_id: str) -> str | None:
    """Return the level on a project that the `access` of a job's executable grants."""
    access = job["requested"]["access"]
    granted = [access.get("allProjects")]
    if project_id == job["project"]:
        by_default = "VIEW" if class_of(job["executable"]) == "applet" else None
        granted.append(access.get("project", by_default))
    return max((level for level in granted if level in LEVELS), key=LEVELS.index, default=None)


def _how_to_reach(context: Context, project_id: str, level: str) -> str:
    """Return how an app comes to have a level on a project, for the end of a message."""
    if context.caller.job is None or class_of(project_id) != "project":
        return ""
    field = "project" if project_id == _job(context)["project"] else "allProjects"
    return f'; set "access": {{"{field}": "{level}"}} in dxapp.json'
