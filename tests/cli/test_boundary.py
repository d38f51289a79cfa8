"""Errors of verbs become messages and exit codes."""

from __future__ import annotations

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
