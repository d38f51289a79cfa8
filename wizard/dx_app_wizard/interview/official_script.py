"""Read lines that a script writes for the official wizard with --json-file.

The official wizard asks for name, version, timeout, language, both kinds of access and the instance type,
even if the file has them, and for nothing else. If the pipe has lines for all of these, the same questions
are asked, so that each line meets its question. The answers in the file are kept; other lines are reported.
With fewer lines, only the questions that the file leaves open are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dx_app_wizard.answers.question_texts import TEXTS
from dx_app_wizard.answers.questions import QUESTIONS
from dx_app_wizard.answers.spec_answers import MISSING
from dx_app_wizard.errors import Problem, UserError
from dx_app_wizard.interview.interview import CONVERSIONS, NOT_OFFICIAL, Interview
from dx_app_wizard.interview.prompts import Prompt

if TYPE_CHECKING:
    from dx_app_wizard.answers.questions import Question
    from dx_app_wizard.answers.sources import AnswerSources

_NEVER_ASKED = ("title", "summary", "inputs", "outputs")
_RECONFIRMED = ("name", "version")


@dataclass
class OfficialScript(Interview):
    """An interview in which some answers are `kept` whatever the line is; their keys are in open_keys too."""

    kept: dict[str, Question] = field(default_factory=dict)
    sources: AnswerSources | None = None

    @property
    def length(self) -> int:
        """The number of lines for the official wizard."""
        return sum(key not in NOT_OFFICIAL for key in self.open_keys)

    def unanswered(self) -> list[Problem]:
        """Return a problem for each open question without an answer, except those that are kept."""
        return [problem for problem in super().unanswered() if problem.key not in self.kept]

    def _ask(self, key: str, step: str) -> None:
        if key in self.kept:
            self._ask_ignored(key, step)
        else:
            super()._ask(key, step)

    def _ask_instance_type(self, step: str) -> None:
        if "instance_type" in self.kept:
            self._ask_ignored("instance_type", step)
        else:
            super()._ask_instance_type(step)

    def _ask_ignored(self, key: str, step: str) -> None:
        message = f"{TEXTS[key].prompt} (as in the given dxapp.json)"
        line = self.conversation.ask(key, Prompt(message, step=step), str)
        if line and not self._agrees(self.kept[key], line):
            self.conversation.prompter.say(
                f"Ignored: {line}. The given dxapp.json has another value; change it there."
            )

    def _agrees(self, question: Question, line: str) -> bool:
        in_spec = question.spec_answer(self.sources.spec) if self.sources else MISSING
        try:
            value = question.read(CONVERSIONS.get(question.key, str)(line))
        except UserError:
            return False
        return value == in_spec or (isinstance(in_spec, frozenset) and value in in_spec)


def official_script(interview: Interview, sources: AnswerSources) -> OfficialScript:
    """Return the interview for a script that is written for the official wizard with --json-file."""
    spec = sources.spec
    asked: list[str] = []
    kept: dict[str, Question] = {}
    defaults = dict(interview.defaults)
    for question in QUESTIONS:
        key = question.key
        in_spec = question.spec_answer(spec)
        if key in interview.open_keys and key not in _NEVER_ASKED:
            asked.append(key)
        elif sources.resolved(key) or in_spec is MISSING:
            continue
        elif key in _RECONFIRMED:
            asked.append(key)
            defaults[key] = in_spec
        elif question.fixed and key not in ("region", *_NEVER_ASKED):
            asked.append(key)
            kept[key] = question
    return OfficialScript(
        interview.conversation,
        interview.resolved,
        tuple(asked),
        interview.name_exists,
        defaults,
        kept=kept,
        sources=sources,
    )
