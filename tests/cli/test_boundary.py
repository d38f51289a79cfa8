"""Errors of verbs become messages and exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dx_local.cli.boundary import boundary
from dx_local.engine.service.state_folder import default_folder

if TYPE_CHECKING:
    from dx_local.cli.boundary import CommandResult


def test_a_user_without_a_home_learns_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    def verb() -> CommandResult:
        default_folder()
        raise AssertionError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with pytest.raises(SystemExit) as caught:
        boundary(verb, as_json=False)
    assert caught.value.code == 2
    assert "hint: Set HOME, or XDG_STATE_HOME, to a folder." in capsys.readouterr().err


def test_a_crash_log_begins_with_the_surroundings(capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> CommandResult:
        raise ZeroDivisionError

    with pytest.raises(SystemExit) as caught:
        boundary(verb, as_json=False)
    assert caught.value.code == 1
    path = Path(capsys.readouterr().err.rpartition("The crash log is ")[2].strip())
    text = path.read_text(encoding="utf-8")
    path.unlink()
    table, _, rest = text.partition("\n\n")
    assert table.startswith("system  ")
    assert "\nlocale  " in table
    assert rest.startswith("Traceback")
    assert rest.endswith("ZeroDivisionError\n")
