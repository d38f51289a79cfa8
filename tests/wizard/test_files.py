from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_app_wizard.files import atomic_write, files_below

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_file_has_the_text_and_the_mode(tmp_path: Path, mode: int) -> None:
    atomic_write(tmp_path / "a", "é\n", mode=mode)
    assert (tmp_path / "a").read_bytes() == "é\n".encode()
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_only_the_owner_can_read_a_file_without_a_mode(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    atomic_write(tmp_path / "a", "new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_failure_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        atomic_write(tmp_path / "a", "\ud800")
    assert (tmp_path / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_files_are_listed_with_those_of_subfolders(tmp_path: Path) -> None:
    for name in ("b", "a/z", "a/b/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert files_below(tmp_path) == [tmp_path / name for name in ("a/b/c", "a/z", "b")]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "loop").symlink_to(tmp_path)
    assert files_below(tmp_path / "app") == []
