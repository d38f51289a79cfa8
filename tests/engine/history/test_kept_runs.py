"""Kept runs: which folders are runs, the names by which users choose one, and their summaries."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.history.kept_runs import choose_run, kept_runs
from dx_local.engine.run_folder import WORKSPACES, open_workspace
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.errors import UsageError
from dx_local.platform.core.context import STORE_NAME, Platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

FIRST, SECOND, TENTH = "2026-11-29T16-02-11", "2026-11-29T16-02-11-2", "2026-11-29T16-02-11-10"
SCATTER = """
import dxpy

@dxpy.entry_point('main')
def main():
    for n in range(3):
        dxpy.new_dxjob({'n': n}, 'process')

@dxpy.entry_point('process')
def process(n):
    if n == 1:
        raise dxpy.AppError('no reads\\nin piece 1')

dxpy.run()
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app's folder with three runs that have no jobs."""
    for name in (TENTH, FIRST, SECOND):
        folder = tmp_path / WORKSPACES / name
        folder.mkdir(parents=True)
        Platform.open(folder).store.close()
    return tmp_path


def names(app: Path) -> list[str]:
    return [run.name for run in kept_runs(app)]


def test_runs_are_listed_from_the_first_to_the_last(app: Path) -> None:
    assert names(app) == [FIRST, SECOND, TENTH]


def test_what_dx_local_did_not_name_is_no_run(app: Path) -> None:
    folder = app / WORKSPACES
    for name in ("mine", "2026-02-30T00-00-00", f"{FIRST}-copy"):
        (folder / name).mkdir()
        (folder / name / STORE_NAME).touch()
    (folder / "2026-11-30T00-00-00").mkdir()
    (folder / "2026-11-30T00-00-01").symlink_to(folder / FIRST)
    assert names(app) == [FIRST, SECOND, TENTH]


def test_an_app_without_runs_has_none(tmp_path: Path) -> None:
    assert names(tmp_path) == []


def test_the_folder_of_the_app_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        kept_runs(tmp_path / "none")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("last", TENTH), ("-1", TENTH), ("-3", FIRST), (FIRST, FIRST), (f"{FIRST}-1", TENTH)],
)
def test_a_run_is_chosen_by_position_or_name(app: Path, wanted: str, name: str) -> None:
    assert choose_run(app, wanted).name == name


@pytest.mark.parametrize(
    ("wanted", "message"), [("2026", "more than one run"), ("-4", "no run"), ("2025", "no run")]
)
def test_a_run_that_is_not_there_is_an_error(app: Path, wanted: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose_run(app, wanted)


def test_a_failed_run_has_the_job_that_failed_first(make_app: MakeApp) -> None:
    app = make_app(SCATTER)
    asyncio.run(run_once(RunRequest(app)))
    summary = choose_run(app).summary()
    assert (summary.state, summary.jobs) == ("failed", 4)
    assert summary.failure is not None
    assert (summary.failure.job_path, summary.failure.reason) == ("main → process[2]", "AppError")


def test_a_run_is_in_use_until_its_process_leaves_it(tmp_path: Path) -> None:
    with open_workspace(tmp_path, None) as workspace:
        run = choose_run(tmp_path)
        assert run.folder == workspace.folder
        assert run.is_in_use()
        assert run.summary().state == "running"
    assert not run.is_in_use()


def test_a_run_without_an_end_was_interrupted(app: Path) -> None:
    assert choose_run(app).summary().state == "interrupted"


def other_version(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()


def killed_while_made(database: Path) -> None:
    """Leave a database as a process does that is killed while it turns the empty one into WAL mode."""
    made = database.with_name("made")
    connection = sqlite3.connect(made, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE large (content)")
    connection.executemany("INSERT INTO large VALUES (?)", [("x" * 1000,)] * 500)
    for left in database.parent.glob(f"{database.name}*"):
        left.unlink()
    for suffix in ("", "-journal"):
        shutil.copy(f"{made}{suffix}", f"{database}{suffix}")
    connection.close()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (other_version, "another version of dx-local made it"),
        (lambda database: database.write_bytes(b""), "it has not begun"),
        (killed_while_made, "it has not begun"),
        (lambda database: database.write_bytes(b"no database " * 100), "file is not a database"),
    ],
    ids=["another version", "empty", "killed while made", "damaged"],
)
def test_an_unreadable_run_is_described(app: Path, damage: Callable[[Path], None], problem: str) -> None:
    run = choose_run(app)
    damage(run.folder / STORE_NAME)
    summary = run.summary()
    assert (summary.state, summary.problem) == ("unreadable", problem)
    assert summary.size > 0 or problem == "it has not begun"


def test_hard_links_count_once_and_targets_of_links_never(app: Path) -> None:
    run = choose_run(app)
    before = run.summary().size
    large = app / "large"
    large.write_bytes(b"x" * 100_000)
    (run.folder / "files" / "link").symlink_to(large)
    assert run.summary().size < before + 50_000
    for name in ("a", "b"):
        os.link(large, run.folder / "files" / name)
    assert before + 100_000 <= run.summary().size < before + 150_000


def test_reading_a_run_does_not_lock_out_its_writer(app: Path) -> None:
    run = choose_run(app)
    writer = Platform.open(run.folder)
    with run.opened() as reader, writer.store.transaction():
        writer.store.insert("user", id="user-x", first="", last="", email="")
        assert reader.store.get("user", "user-x") is None
    writer.store.close()
