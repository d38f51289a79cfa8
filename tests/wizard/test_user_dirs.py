from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_app_wizard import user_dirs
from dx_app_wizard.errors import NoHomeError

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDERS = [
    pytest.param(user_dirs.cache_dir, "XDG_CACHE_HOME", ".cache", id="cache"),
    pytest.param(user_dirs.state_dir, "XDG_STATE_HOME", ".local/state", id="state"),
    pytest.param(user_dirs.config_dir, "XDG_CONFIG_HOME", ".config", id="config"),
]


@pytest.mark.parametrize(("folder", "variable", "_in_home"), FOLDERS)
def test_an_absolute_path_in_the_variable_takes_precedence(
    monkeypatch: pytest.MonkeyPatch, folder: Callable[[str], Path], variable: str, _in_home: str
) -> None:
    monkeypatch.setenv(variable, "/chosen")
    assert folder("program") == Path("/chosen/program")


@pytest.mark.parametrize("value", ["", "relative"])
@pytest.mark.parametrize(("folder", "variable", "in_home"), FOLDERS)
def test_other_values_are_ignored(
    monkeypatch: pytest.MonkeyPatch, folder: Callable[[str], Path], variable: str, in_home: str, value: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv(variable, value)
    assert folder("program") == Path("/home/me") / in_home / "program"


@pytest.mark.parametrize(("folder", "variable", "_in_home"), FOLDERS)
def test_the_error_of_a_user_without_a_home_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, folder: Callable[[str], Path], variable: str, _in_home: str
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(NoHomeError) as caught:
        folder("program")
    assert caught.value.hint == f"Set HOME, or {variable}, to a folder."
