"""Suggest a command that works instead of one with missing or invalid answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.answers import gather
from dx_app_wizard.answers.questions import QUESTIONS
from dx_app_wizard.answers.settings import LISTS
from dx_app_wizard.answers.sources import COMMAND_LINE, AnswerSources, Source
from dx_app_wizard.errors import AnswersError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.commands.saved_answers import SavedInterview

_EXAMPLES = {question.key: question.examples[0] for question in QUESTIONS}
_NEEDED = [question.key for question in QUESTIONS if question.default is None]


def suggest_command(
    sources: AnswerSources, command: SavedInterview, problems: Iterable[Problem]
) -> str | None:
    """Return the command with examples for missing answers and without invalid ones, if that works.

    Return None for problems in a file or in the environment, which no other command would solve.
    """
    if any(problem.place != COMMAND_LINE for problem in problems):
        return None
    flags: dict[str, Any] = dict(command.flags)
    for problem in problems:
        flags.pop(problem.key, None)
        needed = problem.key in _NEEDED and problem.code != "contradiction"
        if needed or problem.code in ("needs-network", "missing-answer"):
            flags[problem.key] = _EXAMPLES[problem.key]
    others = tuple(source for source in sources.sources if source.place != COMMAND_LINE)
    trial = _Trial(sources, others)
    for key in LISTS:
        if key not in flags and command.flags.get(key):
            flags |= trial.valid_part(flags, key, command.flags[key])
    return None if trial.invalid_keys(flags) else f"For example: {command.command_line(flags)}"


@dataclass(frozen=True)
class _Trial:
    """A check of flags together with the other sources."""

    sources: AnswerSources
    others: tuple[Source, ...]

    def invalid_keys(self, flags: Mapping[str, Any]) -> set[str]:
        """Return the keys of the answers that would be missing or invalid."""
        try:
            gather(replace(self.sources, sources=(Source(flags), *self.others)))
        except AnswersError as error:
            return {problem.key for problem in error.problems}
        return set()

    def valid_part(self, flags: Mapping[str, Any], key: str, items: Iterable[Any]) -> dict[str, Any]:
        """Return the valid ones of the items, by their key; empty if there are none."""
        valid: list[Any] = []
        for item in items:
            if key not in self.invalid_keys({**flags, key: [*valid, item]}):
                valid.append(item)
        return {key: valid} if valid else {}
