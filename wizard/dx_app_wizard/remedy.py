"""The command that works, for one whose answers are missing or invalid."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers import gather
from dx_app_wizard.errors import AnswersError, Problem
from dx_app_wizard.questions import QUESTIONS
from dx_app_wizard.sources import COMMAND_LINE, Given, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.saved import SavedInterview

_EXAMPLES = {question.key: question.examples[0] for question in QUESTIONS}
_NEEDED = [question.key for question in QUESTIONS if question.default is None]


def remedy(given: Given, command: SavedInterview, problems: Iterable[Problem]) -> str | None:
    """Return the command with examples for what is missing and without what is invalid, if that works.

    What is wrong in a file or in the environment is to be mended there: then there is no command.
    """
    if any(problem.place != COMMAND_LINE for problem in problems):
        return None
    flags: dict[str, Any] = dict(command.flags)
    for problem in problems:
        flags.pop(problem.key, None)
        if problem.code == "needs-network" or (problem.key in _NEEDED and problem.code != "contradiction"):
            flags[problem.key] = _EXAMPLES[problem.key]
    others = (source for source in given.sources if source.place != COMMAND_LINE)
    with suppress(AnswersError):
        gather(replace(given, sources=(Source(flags), *others)))
        return f"For example: {command.command_line(flags)}"
    return None
