"""Mirrors of git repositories in the user's cache."""

from __future__ import annotations

import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from tests.repositories import make_repository, use_own_git_configuration

from dx_local.engine.environments import git_mirrors
from dx_local.engine.environments.exec_depends import GitDependency, GitDependencyError, git_dependencies_of
from dx_local.engine.environments.git_mirrors import GitMirrorError, mirror_of, without_password

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repositories import Repository

REMOTE = "https://git.example.org/team/tool.git"


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(git_mirrors, "cache_dir", lambda _: tmp_path / "cache")
    return use_own_git_configuration(tmp_path, monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "tool.git")


def mirrored(url: str, tag: str | None = None, *, has_network: bool = False) -> tuple[Path, str | None]:
    return mirror_of(GitDependency("tool", url, tag), has_network=has_network, announce=lambda _: None)


def tip(mirror: Path, revision: str = "HEAD") -> str:
    done = subprocess.run(
        ["git", "rev-parse", revision], cwd=mirror, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def map_to(configuration: Path, repository: Repository) -> None:
    with configuration.open("a") as file:
        file.write(f'[url "{repository.url}"]\n    insteadOf = {REMOTE}\n')


def test_a_mirror_follows_branches_tags_and_the_default_branch(repository: Repository) -> None:
    folder, _ = mirrored(repository.url)
    assert tip(folder) == tip(folder, "v1") == repository.git("rev-parse", "HEAD")
    repository.git("switch", "--quiet", "--create", "next")
    latest = repository.commit("v2", text="second")
    again, note = mirrored(repository.url)
    assert (again, note) == (folder, None)
    assert tip(folder) == tip(folder, "v2") == latest
    assert tip(folder, "trunk") != latest


@pytest.mark.parametrize("form", ["file", "path"])
def test_local_repositories_need_no_network(repository: Repository, form: str) -> None:
    folder, _ = mirrored(repository.url if form == "file" else str(repository.folder))
    assert tip(folder) == repository.git("rev-parse", "HEAD")


def test_the_users_configuration_replaces_a_url(repository: Repository, configuration: Path) -> None:
    map_to(configuration, repository)
    folder, _ = mirrored(REMOTE)
    assert tip(folder) == repository.git("rev-parse", "HEAD")


def test_an_app_without_network_cannot_clone_from_elsewhere() -> None:
    with pytest.raises(GitMirrorError, match=r"requests no network access.*git\.example\.org"):
        mirrored(REMOTE)


def test_repositories_are_fetched_by_http(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "served" / "tool.git"
    repository.git("clone", "--quiet", "--bare", str(repository.folder), str(bare))
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    handler = partial(SimpleHTTPRequestHandler, directory=str(bare.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/tool.git"
        folder, _ = mirrored(url, has_network=True)
        server.shutdown()
    assert tip(folder) == repository.git("rev-parse", "HEAD")
    assert mirrored(url, "v1", has_network=True) == (folder, None)  # without the server


@pytest.mark.parametrize("tag", ["v1", "commit"])
def test_a_mirrored_tag_or_commit_needs_no_connection(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str
) -> None:
    # As a URL of another machine, which is gone the second time.
    monkeypatch.setattr(git_mirrors, "is_local", lambda _: False)
    tag = repository.git("rev-parse", "HEAD") if tag == "commit" else tag
    folder, _ = mirrored(repository.url, tag, has_network=True)
    shutil.move(repository.folder, tmp_path / "gone")
    assert mirrored(repository.url, tag, has_network=True) == (folder, None)
    _, note = mirrored(repository.url, "trunk", has_network=True)
    assert note
    assert "could not be updated" in note


def test_a_missing_repository_leaves_nothing_and_shows_no_password(tmp_path: Path) -> None:
    url = f"file://user:secret@localhost{tmp_path}/none.git"
    with pytest.raises(GitMirrorError) as caught:
        mirrored(url)
    assert "secret" not in str(caught.value)
    assert not list((tmp_path / "cache" / "git").glob("*.git"))
    assert not list((tmp_path / "cache" / "git").glob(".*"))
    assert without_password("x https://u:p@h/a ssh://git@h/b") == "x https://h/a ssh://h/b"


def test_nobody_is_asked_for_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "ask"
    program.write_text(f"#!/bin/sh\ntouch {asked}\n")
    program.chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.delenv("GIT_ASKPASS", raising=False)
    variables = git_mirrors._variables()
    filled = subprocess.run(
        ["git", "credential", "fill"],
        input="protocol=https\nhost=git.example.org\n\n",
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (filled.returncode != 0, asked.exists()) == (True, False)
    assert variables["GIT_SSH_COMMAND"] == "ssh -o BatchMode=yes"


def entry(**fields: Any) -> dict[str, Any]:
    return {"name": "tool", "package_manager": "git", "url": REMOTE, **fields}


def test_entries_are_read_in_their_order_with_the_numbers_of_their_logs() -> None:
    depends = [{"name": "a"}, {"name": "b"}, entry(tag=1.5), entry(stages=["other"]), {"name": "c"}, entry()]
    found = git_dependencies_of({"bundledDepends": [{"name": "x"}], "execDepends": depends}, "main")
    assert found == (GitDependency("tool", REMOTE, "1.5", group=2), GitDependency("tool", REMOTE, group=4))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": None}, "does not have a"),
        ({"url": "--upload-pack=x"}, "not valid"),
        ({"tag": "-f"}, "not valid"),
        ({"tag": "a\nb"}, "not valid"),
    ],
)
def test_entries_without_a_repository_are_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(GitDependencyError, match=problem):
        git_dependencies_of({"execDepends": [entry(**fields)]}, "main")
