"""Git repositories of tests, with a configuration of git that is not the user's."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

_CONFIG = "[user]\n    name = T\n    email = t@example.org\n[init]\n    defaultBranch = trunk\n"


@dataclass(frozen=True)
class Repository:
    """A repository of a test."""

    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def commit(self, *tags: str, **files: str) -> str:
        """Commit files, named without their ending `.txt`; return the ID of the commit."""
        for name, text in files.items():
            (self.folder / f"{name}.txt").write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=c")
        for tag in tags:
            self.git("tag", tag)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def use_own_git_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have git read a new file as the user's configuration; return its path."""
    path = folder / "gitconfig"
    path.write_text(_CONFIG)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return path


def make_repository(folder: Path) -> Repository:
    """Create a repository with the commit `v1`."""
    folder.mkdir(parents=True)
    repository = Repository(folder)
    repository.git("init", "--quiet")
    repository.commit("v1", text="first")
    return repository
