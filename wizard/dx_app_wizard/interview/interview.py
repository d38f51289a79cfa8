"""Ask the questions that flags, answers file and dxapp.json leave open, in the official wizard's order."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.choices import DEFAULT_PATTERN, PARALLEL_PATTERNS, Choice
from dx_app_wizard.answers.questions import QUESTIONS, Question
from dx_app_wizard.answers.readers import (
    AnswerError,
    read_parameters,
    read_region_or_place,
    read_yes_no,
)
from dx_app_wizard.answers.spec_answers import MISSING
from dx_app_wizard.dxapp.instances import DEFAULT_REGION
from dx_app_wizard.errors import Problem, UserError
from dx_app_wizard.interview.parameter_questions import ParameterQuestions
from dx_app_wizard.interview.prompts import Prompt
from dx_app_wizard.interview.region_questions import (
    InstanceTypeQuestion,
    PolicyCheck,
    region_choices,
    usual_region,
)
from dx_app_wizard.scatter.fit import fit
from dx_app_wizard.scatter.suggestions import fitting_scatters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_app_wizard.interview.conversation import Conversation

NOT_OFFICIAL = ("template", "scatter", "region")
"""The questions that the official wizard does not ask; a line that is no answer is for the next prompt."""

_BY_KEY = {question.key: question for question in QUESTIONS}


@dataclass
class Interview:
    """One pass through the open questions.

    `resolved` has the answers that need no question, `asked` collects the others in the form of flags, and
    `defaults` has the lines from environment and policy that an empty line means; all by the questions' keys.
    Names for which `name_exists`, and answers with a `policy_error`, are asked for again.
    """

    conversation: Conversation
    resolved: Mapping[str, Any]
    open_keys: tuple[str, ...]
    name_exists: Callable[[str], bool]
    defaults: Mapping[str, str] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    policy_error: PolicyCheck = lambda _key, _answer: None

    def ask_all(self) -> dict[str, Any]:
        """Return the answers to the open questions."""
        self.asked.clear()
        # The share of a process job belongs to the pattern: it is a step only if the pattern is given.
        is_step = self.resolved.get("template") in PARALLEL_PATTERNS
        steps = [key for key in self.open_keys if key != "scatter" or is_step]
        for number, key in enumerate(steps, 1):
            self.ask_one(key, f"{number}/{len(steps)}")
        return dict(self.asked)

    def answered(self) -> dict[str, Any]:
        """Return the answers so far, in the form of flags; of a list, the parameters that are complete."""
        again = replace(self, conversation=self.conversation.answered(), asked={})
        for key in self.open_keys:
            parameters: list[dict[str, Any]] = []
            with suppress(EOFError):
                again.ask_one(key, "", parameters)
            if parameters:
                again.asked[key] = parameters
        return again.asked

    def ask_one(self, key: str, step: str, parameters: list[dict[str, Any]] | None = None) -> None:
        """Ask one question; `parameters` collects inputs or outputs, even if EOFError ends the list."""
        if key in ("inputs", "outputs"):
            questions = ParameterQuestions(
                self.conversation, key == "outputs", step, self.resolved.get("language")
            )
            self.asked[key] = questions.ask([] if parameters is None else parameters)
        elif key == "instance_type":
            self._ask_instance_type(step)
        elif key == "scatter":
            self._ask_scatter(step)
        else:
            self._ask(key, step)
        if key == "template" and "scatter" in self.open_keys:
            self._ask_scatter(step)

    def unanswered(self) -> list[Problem]:
        """Return a problem for each open question that has no answer."""
        missing = [
            question
            for question in QUESTIONS
            if question.key in self.open_keys and question.key not in NOT_OFFICIAL
        ]
        return [
            Problem(
                question.key, question.flag, f"missing: {self._expected(question)}", code="missing-answer"
            )
            for question in missing
            if question.key not in self.asked
        ]

    def _expected(self, question: Question) -> str:
        default = self._default(question)
        if question.default is None or default is None:
            return question.text.expected
        return f"an empty line means {default}" if default else "an empty line"

    def _ask(self, key: str, step: str) -> None:
        question = _BY_KEY[key]
        default = self._default(question)

        def read(line: str) -> Any:
            if not line and default is None:
                raise AnswerError(f"an answer is required: {question.text.expected}")
            answer = CONVERSIONS.get(key, str)(line or default or "")
            question.read(answer)
            if key == "name" and self.name_exists(answer):
                raise AnswerError(f"{answer} exists already; choose another name")
            if message := self.policy_error(key, answer):
                raise AnswerError(message)
            return answer

        text = question.text
        choices = region_choices() if key == "region" else text.choices
        prompt = Prompt(
            text.prompt,
            default,
            text.prompt_help(text.prompt_hint),
            choices,
            step,
            text.prompt_hint,
            introduction=text.introduction,
        )
        if key in NOT_OFFICIAL:
            prompt = replace(
                prompt, accepts=lambda line: _accepted(CONVERSIONS.get(key, question.read), line)
            )
        self.asked[key] = self.conversation.ask(key, prompt, read)

    def _ask_scatter(self, step: str) -> None:
        """Ask for the share of a process job, if there are process jobs and files to share."""
        known = {**self.resolved, **self.asked}
        pattern = _BY_KEY["template"].read(known.get("template") or DEFAULT_PATTERN)
        inputs = read_parameters(output=False)(known.get("inputs", ()))
        choices = tuple(Choice(str(scatter), text) for scatter, text in fitting_scatters(inputs))
        if pattern not in PARALLEL_PATTERNS or not choices:
            return
        default = self.defaults.get("scatter", choices[0].text)

        def read(line: str) -> str:
            fit(_BY_KEY["scatter"].read(line or default), inputs)
            return line or default

        text = _BY_KEY["scatter"].text
        help_text = text.prompt_help(text.prompt_hint)
        prompt = Prompt(text.prompt, default, help_text, choices, step, text.prompt_hint)
        prompt = replace(prompt, accepts=lambda line: _accepted(read, line))
        try:
            self.asked["scatter"] = self.conversation.ask("scatter", prompt, read)
        except EOFError:
            # Scripts for the official wizard have no line for it.
            if not getattr(self.conversation.prompter, "is_pipe", False):
                raise

    def _default(self, question: Question) -> str | None:
        """Return the line that an empty line means; None if an answer is required."""
        special = {"network": "n", "project_access": "n"}
        if "instance_type" in self.resolved:
            special["region"] = usual_region(self.resolved["instance_type"])
        special.update(self.defaults)
        if question.key in special or question.default is None:
            return special.get(question.key)
        value = question.default({**self.resolved, **self.asked})
        if value is MISSING:
            return None
        if question.key == "timeout":
            return "".join(f"{count}{unit[0]}" for unit, count in value.items())
        return value if isinstance(value, str) else ""

    def _ask_instance_type(self, step: str) -> None:
        """Ask for the instance type. It also decides the region, as in the official wizard, if nobody did."""
        region = self.asked.get("region") or self.resolved.get("region") or DEFAULT_REGION
        is_default = "region" in self.open_keys and not self.conversation.lines.get("region")
        preferred = self.defaults.get("instance_type", "")
        question = InstanceTypeQuestion(self.conversation, step, preferred, is_default, self.policy_error)
        place = question.ask(region)
        if place.region != region:
            self.asked["region"] = place.region
        self.asked["instance_type"] = place.instance_type


def _accepted(read: Callable[[Any], Any], line: str) -> bool:
    try:
        read(line)
    except UserError:
        return False
    return bool(line)


def _project_access(line: str) -> str:
    return {"y": "CONTRIBUTE", "yes": "CONTRIBUTE", "n": "NONE", "no": "NONE"}.get(line.lower(), line)


CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "network": read_yes_no,
    "project_access": _project_access,
    "region": read_region_or_place,
}
"""Conversions of lines to values for the questions' readers; other lines are passed as they are."""
