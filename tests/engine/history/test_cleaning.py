"""Removing runs: the ones that rules choose, and what is never removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.history.cleaning import CleaningRule, parse_age, removable_runs, remove_run
from dx_local.engine.history.kept_runs import kept_runs
from dx_local.engine.run_folder import WORKSPACES, open_workspace
from dx_local.errors import UsageError
from dx_local.platform.core.context import STORE_NAME, Platform

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app's folder with interrupted runs that began 30, 20 and 10 days ago, and now."""
    for days in (30, 20, 10, 0):
        stamp = time.strftime("%Y-%m-%dT%H-%M-%S", time.localtime(time.time() - days * DAY))
        folder = tmp_path / WORKSPACES / stamp
        folder.mkdir(parents=True)
        Platform.open(folder).store.close()
    return tmp_path


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        (CleaningRule(), 3),
        (CleaningRule(keep=2), 2),
        (CleaningRule(keep=9), 0),
        (CleaningRule(older_than=15 * DAY), 2),
        (CleaningRule(keep=3, older_than=15 * DAY), 1),
        (CleaningRule(older_than=0), 3),
        (CleaningRule(only_failed=True), 3),
    ],
)
def test_a_rule_chooses_the_oldest_runs(app: Path, rule: CleaningRule, count: int) -> None:
    assert [run for run, _ in removable_runs(app, rule)] == kept_runs(app)[:count]


def test_an_unreadable_run_did_not_fail(app: Path) -> None:
    first, *_ = kept_runs(app)
    (first.folder / STORE_NAME).write_bytes(b"no database " * 100)
    assert first not in [run for run, _ in removable_runs(app, CleaningRule(only_failed=True))]
    assert first in [run for run, _ in removable_runs(app, CleaningRule())]


def test_a_run_in_progress_is_neither_chosen_nor_removed(tmp_path: Path) -> None:
    with open_workspace(tmp_path, None), open_workspace(tmp_path, None):
        assert len(kept_runs(tmp_path)) == 2
        assert removable_runs(tmp_path, CleaningRule()) == []
        assert not remove_run(kept_runs(tmp_path)[0])
        assert len(kept_runs(tmp_path)) == 2


def test_a_run_is_removed_with_everything_in_it_but_no_target_of_a_link(app: Path) -> None:
    run, *others = kept_runs(app)
    (app / "mine").mkdir()
    (app / "mine" / "reads.fastq").touch()
    (run.folder / "files" / "file-1").symlink_to(app / "mine" / "reads.fastq")
    (run.folder / "out").symlink_to(app / "mine")
    assert remove_run(run)
    assert not run.folder.exists()
    assert kept_runs(app) == others
    assert (app / "mine" / "reads.fastq").exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 7 * DAY), ("12h", DAY / 2), ("30m", 1800), ("1w", 7 * DAY)]
)
def test_ages(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1.5h", "7 days"])
def test_other_texts_are_no_ages(text: str) -> None:
    with pytest.raises(UsageError, match="is not an age"):
        parse_age(text)
