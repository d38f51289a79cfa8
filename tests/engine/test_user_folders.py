from __future__ import annotations

from pathlib import Path

import pytest

from dx_local.engine.user_folders import user_folder
from dx_local.errors import UsageError

IN_HOME = "/home/me/.cache/dx-local"


@pytest.mark.parametrize(
    ("named", "folder"), [("/caches", "/caches/dx-local"), ("", IN_HOME), ("relative", IN_HOME)]
)
def test_the_variable_wins_where_it_is_a_full_path(
    monkeypatch: pytest.MonkeyPatch, named: str, folder: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    assert user_folder("XDG_CACHE_HOME", ".cache") == Path(folder)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with pytest.raises(UsageError) as caught:
        user_folder("XDG_STATE_HOME", ".local/state")
    assert caught.value.hint == "Set HOME, or XDG_STATE_HOME, to a folder."
