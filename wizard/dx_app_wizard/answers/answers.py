"""From all that is given to one frozen object: every question answered.

Flags win over the answers file, that over a given dxapp.json, that over environment and configuration, and
these over what holds by default. What decides how a given dxapp.json runs (parameters, timeouts, access,
regions) is never overridden: an answer that contradicts it is invalid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.cross_checks import cross_check
from dx_app_wizard.answers.parameter_overrides import amended
from dx_app_wizard.answers.questions import JSON_FILE_FLAG, QUESTIONS, Question
from dx_app_wizard.answers.readers import NO_ACCESS, ContradictionError, MissingAnswerError, PartlyValidError
from dx_app_wizard.answers.spec_answers import MISSING
from dx_app_wizard.errors import AnswersError, Problem, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.answers.sources import Found, Given
    from dx_app_wizard.rendering.plan import CiService, Language, Pattern


@dataclass(frozen=True)
class Answers:
    """All that the wizard has to know.

    Region and instance type are None where a given dxapp.json needs none.
    """

    name: str
    title: str
    summary: str
    version: str
    inputs: tuple[dict[str, Any], ...]
    outputs: tuple[dict[str, Any], ...]
    timeout: dict[str, Any]
    language: Language
    template: Pattern
    network: tuple[str, ...]
    project_access: str | None
    region: str | None
    instance_type: str | None
    ci: CiService = "none"
    ci_package: str | None = None

    def to_json(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answers file's object that, with the same given dxapp.json (spec), gives the same app.

        What that dxapp.json says for good is left out.
        """
        answers: dict[str, Any] = {}
        for question in QUESTIONS:
            value = getattr(self, question.key)
            if question.fixed and question.standing(spec) is not MISSING:
                continue
            if question.key == "project_access":
                value = value or NO_ACCESS
            if value is not None:
                answers[question.key] = list(value) if isinstance(value, tuple) else value
        return answers


def gather(given: Given) -> Answers:
    """Return the answers to all questions; raise AnswersError with every missing and invalid one.

    The dxapp.json must have passed the linter, but for what is absent.
    """
    return Answers(**_settled(given, QUESTIONS))


def settle(given: Given) -> dict[str, Any]:
    """Return the answers to the questions that are not open, by their keys.

    Raises AnswersError with every invalid one.
    """
    return _settled(given, (question for question in QUESTIONS if not is_open(question, given)))


def is_open(question: Question, given: Given) -> bool:
    """Return whether the question is to be asked: nothing settles it, and the dxapp.json does not say."""
    if question.asked_when and not question.asked_when(given):
        return False
    if given.settled(question.key) or question.standing(given.spec) is not MISSING:
        return False
    return not question.needs_none(given.spec)


def _settled(given: Given, questions: Iterable[Question]) -> dict[str, Any]:
    answered: dict[str, Any] = {}
    problems: list[Problem] = []
    for question in questions:
        problems += _settle(question, given, answered)
    problems += cross_check(given, answered)
    if problems:
        keys = [question.key for question in QUESTIONS]
        in_order = sorted(problems, key=lambda problem: (*keys, problem.key).index(problem.key))
        raise AnswersError(tuple(in_order))
    return answered


def _settle(question: Question, given: Given, answered: dict[str, Any]) -> list[Problem]:
    """Put the question's answer among the answered ones, or return what is wrong with it."""
    found = given.settled(question.key)
    standing = question.standing(given.spec)
    if found is None and standing is MISSING:
        found = given.default(question.key)
    try:
        answered[question.key] = _answer(question, given, found, answered)
        if amendments := given.amendments(question.key):
            if question.fixed and standing is not MISSING:
                raise ContradictionError("stands in the given dxapp.json already", "Change it there.")
            answered[question.key] = amended(answered[question.key], amendments)
    except PartlyValidError as error:
        answered[question.key] = error.value
        return [_problem(question, part, found, at) for at, part in error.errors.items()]
    except UserError as error:
        if found is None and standing is not MISSING:
            place = given.base.at((question.key,))
            message = f"{question.key}: {error.message}"
            hint = error.hint or f"Correct it there, or give another one with {question.flag}."
            return [Problem(question.key, JSON_FILE_FLAG, message, hint, error.code, place)]
        return [_problem(question, error, found)]
    return []


def _problem(question: Question, error: UserError, found: Found | None, *position: int) -> Problem:
    place = found.source.at((question.key, *position)) if found else Problem.place
    return Problem(question.key, question.flag, error.message, error.hint, error.code, place)


def _answer(question: Question, given: Given, found: Found | None, answered: Mapping[str, Any]) -> Any:
    standing = question.standing(given.spec)
    if question.fixed and standing is not MISSING:
        return _fixed_answer(question, found, standing, answered)
    if standing is not MISSING and (found is None or found.value == standing):
        # The linter has judged it. But a name becomes a folder, whatever a policy lets pass.
        return question.read(standing) if question.key == "name" else standing
    if found:
        return question.read(found.value)
    if question.needs_none(given.spec):
        return None
    if question.default is None:
        raise _missing(question)
    default = question.default(answered)
    if default is MISSING:
        raise _missing(question)
    return default


def _missing(question: Question) -> MissingAnswerError:
    return MissingAnswerError(f"missing: {question.missing}")


def _fixed_answer(question: Question, found: Found | None, standing: Any, answered: Mapping[str, Any]) -> Any:
    """Return what stands in the dxapp.json: of several things the one answered, or the first."""
    several = isinstance(standing, frozenset)
    if found is None and several:
        return min(standing) if standing or question.default is None else question.default(answered)
    if found is None:
        return standing
    value = question.read(found.value)
    if value != standing and not (several and value in standing):
        raise ContradictionError("contradicts the given dxapp.json, which says otherwise", "Change it there.")
    return value
