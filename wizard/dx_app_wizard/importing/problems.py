"""Errors of commands, scripts and tasks that no app can be made of."""

from __future__ import annotations

from dx_app_wizard.errors import AnswersError, Problem


class ImportProblemsError(AnswersError):
    """No app can be made of a command, script or task; `problems` has every reason. Nothing was written."""

    code = "cannot-import"

    def __init__(self, problems: tuple[Problem, ...], hint: str | None = None) -> None:
        super().__init__(problems, hint or "Nothing was written.")
        self.message = "no app can be made of this"


def problem(code: str, message: str, hint: str | None = None, flag: str = "--from-command") -> Problem:
    """Return a reason, by its stable code."""
    return Problem("command", flag, message, hint, code)
