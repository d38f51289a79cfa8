"""Tests of archiving and unarchiving files, over HTTP and with the real `dx`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Clock, ServedPlatform


@pytest.fixture
def served(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


def new_file(served: ServedPlatform, folder: str = "/", content: bytes = b"bytes") -> str:
    """Create a closed file."""
    request = {"project": served.project, "folder": folder, "parents": True}
    file: str = served.post("/file/new", request)["id"]
    url = served.post(f"/{file}/upload", {"size": len(content)})["url"]
    assert served.request("PUT", url, content).status == 200
    served.post(f"/{file}/close")
    return file


def new_project(served: ServedPlatform, file: str) -> str:
    """Create a project with a copy of a file."""
    project: str = served.post("/project/new", {"name": "copies"})["id"]
    served.post(f"/{served.project}/clone", {"objects": [file], "project": project})
    return project


def state(served: ServedPlatform, file: str, project: str | None = None) -> str:
    request = {"project": project or served.project, "fields": {"archivalState": True}}
    found: str = served.post(f"/{file}/describe", request)["archivalState"]
    return found


def archive(served: ServedPlatform, file: str, project: str | None = None, **options: bool) -> int:
    project = project or served.project
    answer = served.post(f"/{project}/archive", {"files": [file], **options})
    assert answer["id"] == project
    count: int = answer["count"]
    return count


def test_a_file_without_another_copy_is_archived_at_once(served: ServedPlatform) -> None:
    file = new_file(served)
    assert state(served, file) == "live"
    assert archive(served, file) == 1
    assert state(served, file) == "archived"
    assert archive(served, file) == 0


def test_a_copy_waits_until_no_other_is_live(served: ServedPlatform) -> None:
    file = new_file(served)
    other = new_project(served, file)
    archive(served, file)
    assert [state(served, file), state(served, file, other)] == ["archival", "live"]
    archive(served, file, other)
    assert [state(served, file), state(served, file, other)] == ["archived", "archived"]


def test_all_copies_are_archived_together(served: ServedPlatform) -> None:
    file = new_file(served)
    other = new_project(served, file)
    archive(served, file, allCopies=True)
    assert [state(served, file), state(served, file, other)] == ["archived", "archived"]


def test_a_job_archives_no_copies_elsewhere(served: ServedPlatform) -> None:
    token = served.token_of(served.job(project="CONTRIBUTE"))
    request = {"files": [new_file(served)], "allCopies": True}
    assert served.error(f"/{served.project}/archive", request, token=token) == (401, "PermissionDenied")


def test_a_copy_that_waits_is_live_again_at_once(served: ServedPlatform) -> None:
    file = new_file(served)
    new_project(served, file)
    archive(served, file)
    served.post(f"/{served.project}/unarchive", {"files": [file]})
    assert state(served, file) == "live"


def test_archived_bytes_cannot_be_had_until_they_are_back(served: ServedPlatform, clock: Clock) -> None:
    file = new_file(served)
    served.inside(lambda context: setattr(context.platform, "clock", clock))
    archive(served, file)
    assert served.error(f"/{file}/download") == (422, "InvalidState")
    dry = served.post(f"/{served.project}/unarchive", {"files": [file], "dryRun": True})
    assert dry == {"id": served.project, "files": 1, "size": 5e-9, "cost": 0}
    assert state(served, file) == "archived"
    assert served.post(f"/{served.project}/unarchive", {"files": [file], "rate": "Expedited"}) == dry
    assert state(served, file) == "unarchiving"
    assert served.error(f"/{file}/download") == (422, "InvalidState")
    clock.advance(60_000)
    assert state(served, file) == "live"
    served.post(f"/{file}/download")


def test_a_folder_is_archived_with_or_without_those_below(served: ServedPlatform) -> None:
    above, below = new_file(served, "/a"), new_file(served, "/a/b")
    request = {"folder": "/a", "recurse": False}
    assert served.post(f"/{served.project}/archive", request)["count"] == 1
    assert [state(served, above), state(served, below)] == ["archived", "live"]
    assert served.post(f"/{served.project}/archive", {"folder": "/a"})["count"] == 1
    assert state(served, below) == "archived"


def test_files_are_found_by_their_archival_state(served: ServedPlatform) -> None:
    project = served.post("/project/new", {"name": "found"})["id"]
    files = [new_file(served), new_file(served)]
    served.post(f"/{served.project}/clone", {"objects": files, "project": project})
    archive(served, files[0], project)
    scope = {"project": project}
    found = {
        name: [
            row["id"]
            for row in served.post("/system/findDataObjects", {"scope": scope, "archivalState": name})[
                "results"
            ]
        ]
        for name in ("live", "archival", "archived", "unarchiving")
    }
    assert found == {"live": [files[1]], "archival": [files[0]], "archived": [], "unarchiving": []}


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"files": ["file-" + "0" * 24]}, (422, "InvalidInput")),
        ({"files": ["record"]}, (422, "InvalidInput")),
        ({"folder": "/none"}, (404, "ResourceNotFound")),
        ({}, (422, "InvalidInput")),
        ({"files": [], "folder": "/"}, (422, "InvalidInput")),
    ],
)
@pytest.mark.parametrize("method", ["archive", "unarchive"])
def test_missing_files_are_not_archived(
    served: ServedPlatform, method: str, request_: dict[str, object], error: tuple[int, str]
) -> None:
    assert served.error(f"/{served.project}/{method}", request_) == error


def test_dx_archives_and_unarchives(served: ServedPlatform) -> None:
    file = new_file(served)
    assert "Tagged 1 file(s) for archival" in served.dx("archive", "-y", f"{served.project}:{file}")
    assert "Tagged 1 file(s) for unarchival, totalling 5e-09 GB, costing $0.0" in served.dx(
        "unarchive", "-y", f"{served.project}:{file}"
    )
