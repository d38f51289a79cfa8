"""`dx-local clean`: it lists, asks, and removes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from dx_local.engine.run_folder import WORKSPACES
from dx_local.platform.core.context import Platform

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import DxLocal

FIRST, SECOND = "2026-01-01T10-00-00", "2026-01-02T10-00-00"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder with two runs and a file of the user."""
    for name in (FIRST, SECOND):
        folder = tmp_path / WORKSPACES / name
        folder.mkdir(parents=True)
        Platform.open(folder).store.close()
    (tmp_path / WORKSPACES / "notes.txt").touch()
    return tmp_path / WORKSPACES


def names(runs: Path) -> set[str]:
    return {path.name for path in runs.iterdir()}


def test_a_dry_run_prints_sizes_and_removes_nothing(dx_local: DxLocal, runs: Path) -> None:
    done = dx_local("clean", "-n")
    assert (done.exit_code, done.stdout.split()[:2]) == (0, [FIRST, "interrupted"])
    assert done.stderr.endswith("; nothing was removed\n")
    assert names(runs) == {FIRST, SECOND, "notes.txt"}


def test_without_a_terminal_yes_is_needed(dx_local: DxLocal, runs: Path) -> None:
    failed = dx_local("clean")
    assert failed.exit_code == 2
    assert failed.stderr.endswith("hint: Pass --yes to remove these runs.\n")
    assert names(runs) == {FIRST, SECOND, "notes.txt"}


def test_all_but_the_last_run_are_removed(dx_local: DxLocal, runs: Path) -> None:
    done = dx_local("clean", "--yes")
    assert done.exit_code == 0
    assert "removed 1 run, " in done.stderr
    assert names(runs) == {SECOND, "notes.txt"}


def test_nothing_to_remove_is_no_error(dx_local: DxLocal, runs: Path) -> None:
    done = dx_local("clean", "--keep", "2")
    assert (done.exit_code, done.stderr) == (0, "no runs to remove\n")
    assert names(runs) == {FIRST, SECOND, "notes.txt"}


@pytest.mark.parametrize(("answer", "left"), [("n", {FIRST, SECOND}), ("y", {SECOND})])
def test_a_person_is_asked(runs: Path, answer: str, left: set[str]) -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "dx_local", "clean"], cwd=str(runs.parent), encoding="utf-8", timeout=30
    )
    child.expect(r"Remove 1 run, .*\? \[y/N\]")
    child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert names(runs) == {*left, "notes.txt"}
