"""A state folder: files of a server that was killed are recognised, and other files are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.engine.service.state_folder import ServerInfo, StateError, hold

if TYPE_CHECKING:
    from pathlib import Path

SERVER = ServerInfo("token", "secret", "project-xxxx", 8100)


def test_a_server_is_stored_for_its_owner_alone(tmp_path: Path) -> None:
    with hold(tmp_path) as state:
        state.save(SERVER)
        assert state.load() == SERVER
        assert (tmp_path / "dx-local.json").stat().st_mode & 0o777 == 0o600


def test_a_server_that_was_killed_while_it_stored_itself_can_start_again(tmp_path: Path) -> None:
    (tmp_path / "dx-local.lock").touch()
    (tmp_path / ".dx-local.json.k1ll3d").touch()
    with hold(tmp_path, fresh=True):
        assert not (tmp_path / ".dx-local.json.k1ll3d").exists()


def test_a_folder_with_other_files_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(StateError, match="holds files that are not part of a platform"), hold(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
