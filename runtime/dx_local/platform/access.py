"""Who may reach what: tokens, and the level that a caller has on a project or container.

Source: https://documentation.dnanexus.com/developer/api/data-containers/project-permissions-and-sharing and
https://documentation.dnanexus.com/developer/apps/app-permissions
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from dx_local.platform.context import Caller
from dx_local.platform.errors import PermissionDenied, ResourceNotFound
from dx_local.platform.ids import class_of

if TYPE_CHECKING:
    from dx_local.platform.context import Context
    from dx_local.platform.store import Row, Store

LEVELS = ("VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")


def level_on(context: Context, project_id: str) -> str | None:
    """Return the caller's level on a project or container, or None when the caller cannot see it.

    A user administers everything. A job contributes to its workspace; on its project it has what
    `access.project` grants (VIEW for an applet, nothing for an app, where that says nothing), and on every
    project what `access.allProjects` grants.
    """
    if context.store.value("SELECT 1 FROM project WHERE id = ?", project_id) is None:
        return None
    if context.caller.job is None:
        return "ADMINISTER"
    return _level_of_job(_job(context), project_id)


def require(context: Context, project_id: str, level: str) -> None:
    """Return when the caller has this level or a higher one on a project or container.

    Raises ResourceNotFound when the caller cannot see it at all, else PermissionDenied.
    """
    found = level_on(context, project_id)
    if found is None:
        raise not_found(project_id)
    if LEVELS.index(found) < LEVELS.index(level):
        hint = f'; set "access": {{"project": "{level}"}} in dxapp.json' if context.caller.job else ""
        raise PermissionDenied(f"{level} permission is required on {project_id}, and this is {found}{hint}")


def not_found(entity_id: str) -> ResourceNotFound:
    """Return the error for an entity that does not exist or that the caller may not know of."""
    return ResourceNotFound(f'The entity ID could not be found: "{entity_id}"')


def visible_projects(context: Context) -> list[str]:
    """Return the projects that a search without a scope looks at; the workspace of the caller first."""
    projects = [
        row["id"]
        for row in context.store.all("SELECT id FROM project WHERE class = 'project' ORDER BY created")
    ]
    if context.caller.job is None:
        return projects
    job = _job(context)
    return [job["workspace"], *(project for project in projects if _level_of_job(job, project))]


def issue_token(store: Store, user: str, job: str | None = None) -> str:
    """Return a new token that stands for a user, or for a job that speaks for that user."""
    token = secrets.token_urlsafe(32)
    store.insert("token", token=_digest(token), user=user, job=job)
    return token


def caller_of(store: Store, token: str) -> Caller | None:
    """Return whom a token stands for, or None for one that this platform did not issue or has revoked."""
    row = store.one("SELECT user, job FROM token WHERE token = ?", _digest(token))
    return Caller(row["user"], row["job"]) if row else None


def revoke_tokens(store: Store, job: str) -> None:
    """Make every token of a job worthless."""
    store.execute("DELETE FROM token WHERE job = ?", job)


def _digest(token: str) -> str:
    # Whoever reads the database cannot act with the tokens in it.
    return hashlib.sha256(token.encode()).hexdigest()


def _job(context: Context) -> Row:
    row = context.store.one(
        "SELECT workspace, project, executable, requested FROM job WHERE id = ?", context.caller.job
    )
    if row is None:
        raise PermissionDenied(f"{context.caller.job}, which this token stands for, does not exist")
    return row


def _level_of_job(job: Row, project_id: str) -> str | None:
    if project_id == job["workspace"]:
        return "CONTRIBUTE"
    if class_of(project_id) != "project":
        return None
    access = job["requested"].get("access") or {}
    granted = [access.get("allProjects")]
    if project_id == job["project"]:
        by_default = "VIEW" if class_of(job["executable"]) == "applet" else None
        granted.append(access.get("project", by_default))
    return max((level for level in granted if level in LEVELS), key=LEVELS.index, default=None)
