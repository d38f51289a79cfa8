from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.platform.core import access
from dx_local.platform.core.context import Caller, Context
from dx_local.platform.core.errors import PermissionDenied, ResourceNotFound
from dx_local.platform.core.schema import TokenRow
from dx_local.platform.data import projects

if TYPE_CHECKING:
    from collections.abc import Callable


def workspace_of(context: Context) -> str:
    job = context.calling_job()
    assert job
    workspace: str = job["workspace"]
    return workspace


@pytest.fixture
def other(context: Context) -> str:
    """A project in which no job runs."""
    project: str = projects.new(context, "project", {"name": "other"})["id"]
    return project


def test_a_token_stands_for_whom_it_was_issued_to(context: Context) -> None:
    token = access.issue_token(context.store, "user-local", "job-1")
    assert access.caller_of(context.store, token) == Caller("user-local", "job-1")


def test_tokens_cannot_be_read_from_the_database(context: Context) -> None:
    token = access.issue_token(context.store, "user-local")
    assert token not in str(context.store.all(TokenRow, "SELECT * FROM token"))


def test_revoking_takes_the_tokens_of_one_job(context: Context) -> None:
    tokens = {job: access.issue_token(context.store, "user-local", job) for job in ("job-1", "job-2")}
    access.revoke_tokens(context.store, "job-1")
    assert access.caller_of(context.store, tokens["job-1"]) is None
    assert access.caller_of(context.store, tokens["job-2"])


def test_a_user_administers_every_project(context: Context, project: str, other: str) -> None:
    assert [access.level_on(context, each) for each in (project, other)] == ["ADMINISTER"] * 2


@pytest.mark.parametrize("unknown", ["project-000000000000000000000000", "nonsense", ""])
def test_nobody_sees_what_does_not_exist(context: Context, unknown: str) -> None:
    assert access.level_on(context, unknown) is None


def test_a_user_may_only_look_into_workspaces(context: Context, job_context: Context) -> None:
    assert access.level_on(context, workspace_of(job_context)) == "VIEW"


def test_a_job_contributes_to_its_workspace(job_context: Context) -> None:
    assert access.level_on(job_context, workspace_of(job_context)) == "CONTRIBUTE"


def test_a_job_does_not_see_the_workspace_of_another_one(
    new_job: Callable[..., Context], job_context: Context
) -> None:
    assert access.level_on(new_job(allProjects="ADMINISTER"), workspace_of(job_context)) is None


@pytest.mark.parametrize(
    ("granted", "on_own", "on_other"),
    [
        ({}, "VIEW", None),
        ({"project": "CONTRIBUTE"}, "CONTRIBUTE", None),
        ({"allProjects": "VIEW"}, "VIEW", "VIEW"),
        ({"project": "VIEW", "allProjects": "UPLOAD"}, "UPLOAD", "UPLOAD"),
        ({"project": "ADMINISTER", "allProjects": "VIEW"}, "ADMINISTER", "VIEW"),
        ({"project": None}, None, None),
    ],
)
def test_a_job_reaches_what_its_app_was_granted(
    new_job: Callable[..., Context],
    project: str,
    other: str,
    granted: dict[str, str],
    on_own: str | None,
    on_other: str | None,
) -> None:
    job = new_job(**granted)
    assert (access.level_on(job, project), access.level_on(job, other)) == (on_own, on_other)


def test_a_project_that_does_not_exist_is_not_found(job_context: Context) -> None:
    with pytest.raises(ResourceNotFound, match=r"^The entity ID project-\S+ could not be found"):
        access.require(job_context, "project-000000000000000000000000", "VIEW")


def test_a_closed_project_is_denied_and_says_what_to_change(job_context: Context, other: str) -> None:
    with pytest.raises(PermissionDenied, match='"allProjects": "VIEW"'):
        access.require(job_context, other, "VIEW")


def test_too_low_a_level_is_denied_and_says_what_to_change(job_context: Context, project: str) -> None:
    with pytest.raises(PermissionDenied, match='"project": "CONTRIBUTE"'):
        access.require(job_context, project, "CONTRIBUTE")


def test_a_search_of_a_job_begins_in_its_workspace(
    new_job: Callable[..., Context], project: str, other: str
) -> None:
    job = new_job(allProjects="VIEW")
    first, *others = access.visible_projects(job)
    assert first == workspace_of(job)
    assert set(others) == {project, other}


def test_a_token_of_a_job_that_is_gone_reaches_nothing(context: Context, project: str) -> None:
    stray = Context(context.platform, Caller("user-local", "job-gone"))
    with pytest.raises(PermissionDenied):
        access.level_on(stray, project)
