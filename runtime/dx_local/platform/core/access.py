"""Tokens, and the access levels of callers on projects and containers.

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
from dx_local.platform.core.schema import ProjectIdentity, TokenRow

if TYPE_CHECKING:
    from dx_local.platform.core.context import Context
    from dx_local.platform.core.schema import CallingJob
    from dx_local.platform.core.store import Store

LEVELS = ("VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")


class Kind(str, Enum):
    """The purpose of a project or container."""

    PROJECT = "project"
    WORKSPACE = "job"
    CACHE = "projectCache"
    RESOURCES = "resources"


# The levels of a user, who is a member of every project and a developer of every app here.
_LEVELS_OF_USER = {
    Kind.PROJECT: "ADMINISTER",
    Kind.WORKSPACE: "VIEW",
    Kind.CACHE: "CONTRIBUTE",
    Kind.RESOURCES: "VIEW",
}


def kind_of(project: ProjectIdentity) -> Kind:
    """Return the kind of a project or container."""
    if project["class"] == "project":
        return Kind.PROJECT
    if class_of(project["owner"] or "") not in ("app", "applet"):
        return Kind.WORKSPACE
    return Kind.CACHE if project["parent"] else Kind.RESOURCES


def level_on(context: Context, project_id: str) -> str | None:
    """Return the caller's level on a project or container, or None if the caller cannot see it.

    A user administers every project and may view containers. A job contributes to its workspace. Its level
    on its own project is that of `access.project` (by default VIEW for an applet, none for an app), and on
    every project that of `access.allProjects`. The job of an app also contributes to the app's cache in the
    project, and may view the app's resources.
    """
    row = context.store.one(
        ProjectIdentity, "SELECT id, class, owner, parent FROM project WHERE id = ?", project_id
    )
    if row is None:
        return None
    if context.caller.job is None:
        return _LEVELS_OF_USER[kind_of(row)]
    return _job_level(_job(context), row)


def require(context: Context, project_id: str, level: str) -> str:
    """Return the caller's level on a project or container, which is at least `level`.

    Raises ResourceNotFound if the project does not exist, and PermissionDenied if the level is lower.
    """
    found = level_on(context, project_id)
    if found is not None and LEVELS.index(found) >= LEVELS.index(level):
        return found
    if not context.store.exists("SELECT 1 FROM project WHERE id = ?", project_id):
        raise not_found(project_id)
    has = "none" if found is None else found
    message = f"{level} permission required in {project_id} to perform this action; the caller has {has}"
    raise PermissionDenied(message + _access_hint(context, project_id, level))


def may_develop(context: Context) -> bool:
    """Return whether the caller may develop apps: any user, and jobs with `access.developer`."""
    return context.caller.job is None or _job(context)["requested"]["access"].get("developer") is True


def require_developer_access(context: Context) -> None:
    """Raise PermissionDenied unless the caller may develop apps."""
    if not may_develop(context):
        raise PermissionDenied('Making or changing apps requires "access": {"developer": true} in dxapp.json')


def permission_denied(object_id: str) -> PermissionDenied:
    """Return the error for a data object that is in no project or container visible to the job."""
    return PermissionDenied(
        f"{object_id} is in no project or container that this job may see; pass it to the job as an input,"
        ' or set "access": {"project": "VIEW"} or {"allProjects": "VIEW"} in dxapp.json'
    )


def not_found(entity_id: str, project: str | None = None) -> ResourceNotFound:
    """Return the error for an entity that does not exist, or is not in a project."""
    where = f" in {project}" if project else ""
    return ResourceNotFound(f"The entity ID {entity_id} could not be found{where}")


def visible_projects(context: Context) -> list[str]:
    """Return the projects that a search without a scope covers; for a job, its workspace is the first."""
    projects = context.store.column("SELECT id FROM project WHERE class = 'project' ORDER BY created")
    if context.caller.job is None:
        return projects
    job = _job(context)
    return [job["workspace"], *(project for project in projects if _granted_level(job, project))]


def issue_token(store: Store, user: str, job: str | None = None) -> str:
    """Return a new token of a user, or of a job that acts on behalf of the user."""
    # Hexadecimal, because `dx login --token` rejects tokens that begin with a dash.
    token = secrets.token_hex(32)
    store.insert("token", token=_digest(token), user=user, job=job)
    return token


def caller_of(store: Store, token: str) -> Caller | None:
    """Return the caller with this token, or None if the token is unknown or was revoked."""
    row = store.one(TokenRow, "SELECT * FROM token WHERE token = ?", _digest(token))
    return Caller(row["user"], row["job"]) if row else None


def authenticate(store: Store, token: str) -> Caller:
    """Return the caller with this token. Raises InvalidAuthentication if it is unknown or was revoked."""
    caller = caller_of(store, token)
    if caller is None:
        raise InvalidAuthentication("the token could not be found; this platform did not issue it")
    return caller


def revoke_tokens(store: Store, job: str) -> None:
    """Revoke all tokens of a job."""
    store.execute("DELETE FROM token WHERE job = ?", job)


def destroy_token(context: Context, signature: str) -> None:
    """Revoke the token with this SHA-256 signature (hex); a job can revoke only its own tokens.

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
        raise ResourceNotFound("The token could not be found; it was destroyed, or belongs to another user")
    for subscriber in context.platform.token_subscribers:
        context.store.after_commit(subscriber)


def _digest(token: str) -> str:
    # Only digests are stored, so that nobody can use the tokens of a database that they can read.
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def _job(context: Context) -> CallingJob:
    job = context.calling_job()
    if job is None:
        raise PermissionDenied(f"The job of this token, {context.caller.job}, does not exist")
    return job


def _job_level(job: CallingJob, row: ProjectIdentity) -> str | None:
    """Return the level of a job on a project or container."""
    kind = kind_of(row)
    if kind is Kind.PROJECT:
        return _granted_level(job, row["id"])
    if kind is Kind.WORKSPACE:
        return "CONTRIBUTE" if row["id"] == job["workspace"] else None
    is_own = row["owner"] == job["executable"]
    if kind is Kind.CACHE:
        return "CONTRIBUTE" if is_own and row["parent"] == job["project"] else None
    return "VIEW" if is_own or job["requested"]["access"].get("developer") is True else None


def _granted_level(job: CallingJob, project_id: str) -> str | None:
    """Return the level on a project that `access` of the job's executable grants."""
    access = job["requested"]["access"]
    granted = [access.get("allProjects")]
    if project_id == job["project"]:
        by_default = "VIEW" if class_of(job["executable"]) == "applet" else None
        granted.append(access.get("project", by_default))
    return max((level for level in granted if level in LEVELS), key=LEVELS.index, default=None)


def _access_hint(context: Context, project_id: str, level: str) -> str:
    """Return the end of a message: the setting that would grant a job this level on a project."""
    if context.caller.job is None or class_of(project_id) != "project":
        return ""
    field = "project" if project_id == _job(context)["project"] else "allProjects"
    return f'; set "access": {{"{field}": "{level}"}} in dxapp.json'
