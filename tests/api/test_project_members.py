"""Tests of the members of projects, with the real `dx` if it has a command for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform


@pytest.fixture
def served(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


def members(served: ServedPlatform) -> Any:
    return served.post(f"/{served.project}/describe", {"fields": {"permissions": True}})["permissions"]


def test_invite_and_uninvite_the_public(served: ServedPlatform) -> None:
    served.dx("invite", "PUBLIC", served.project, "VIEW")
    assert members(served) == {"user-local": "ADMINISTER", "PUBLIC": "VIEW"}
    served.dx("uninvite", "PUBLIC", served.project)
    assert members(served) == {"user-local": "ADMINISTER"}


def test_unknown_users_cannot_be_invited(served: ServedPlatform) -> None:
    failed = served.try_dx("invite", "alice", served.project, "CONTRIBUTE")
    assert failed.returncode == 3
    assert "user-alice could not be found; there is one user here, user-local" in failed.stderr


@pytest.mark.parametrize(
    ("method", "request_", "error"),
    [
        ("leave", {}, (422, "InvalidState")),
        ("transfer", {"invitee": "user-alice"}, (404, "ResourceNotFound")),
        ("decreasePermissions", {"user-local": None}, (422, "InvalidState")),
    ],
)
def test_a_project_keeps_its_only_user(
    served: ServedPlatform, method: str, request_: dict[str, Any], error: tuple[int, str]
) -> None:
    assert served.error(f"/{served.project}/{method}", request_) == error


def test_projects_are_described_together(served: ServedPlatform) -> None:
    request = {"projects": [served.project], "describe": {"fields": {"name": True}}}
    answer = served.post("/system/describeProjects", request)
    assert answer == {"results": [{"describe": {"id": served.project, "name": "P"}}]}
