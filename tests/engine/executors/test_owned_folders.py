from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.executors import owned_folders
from dx_local.engine.executors.zygote_start.temporary_folder import (
    make_temporary_folder,
    remove_abandoned_near,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_abandoned_once_its_owner_has_given_it_up(tmp_path: Path) -> None:
    lock = owned_folders.make(tmp_path / "mine")
    assert list(owned_folders.abandoned(tmp_path.iterdir())) == []
    lock.release()
    assert list(owned_folders.abandoned(tmp_path.iterdir())) == [tmp_path / "mine"]


def test_files_and_links_are_never_abandoned(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert list(owned_folders.abandoned(tmp_path.iterdir())) == [tmp_path / "folder"]


def test_folders_of_others_are_not_abandoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert list(owned_folders.abandoned(tmp_path.iterdir())) == []


def test_a_folder_that_exists_is_not_taken_over(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        owned_folders.make(tmp_path)


def test_an_executor_removes_what_a_killed_one_left() -> None:
    # Its folder is in /tmp, the only place that is short enough for sockets everywhere.
    left = make_temporary_folder()
    (left.path / "sandboxes").mkdir()
    left.lock.release()
    new = make_temporary_folder()
    remove_abandoned_near(new)
    assert not left.path.exists()
    new.remove()
    assert not new.path.exists()
