"""Combine all sources of answers into one frozen object.

In order of precedence: flags, the answers file, a given dxapp.json, environment and policy, the defaults of
the questions. The parts of a given dxapp.json that determine how it runs (parameters, timeouts, access,
regions) are never overridden: an answer that contradicts them is invalid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.cross_checks import cross_check
from dx_app_wizard.answers.parameter_overrides import with_overrides
from dx_app_wizard.answers.questions import JSON_FILE_FLAG, QUESTIONS, Question
from dx_app_wizard.answers.readers import NO_ACCESS, ContradictionError, MissingAnswerError, PartlyValidError
from dx_app_wizard.answers.spec_answers import MISSING
from dx_app_wizard.errors import AnswersError, Problem, UserError
from dx_app_wizard.scatter.scatter import Scatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dx_app_wizard.answers.choices import CiService, Language, Pattern
    from dx_app_wizard.answers.sources import AnswerSources, SourcedValue


@dataclass(frozen=True)
class Answers:
    """The answers to all questions.

    Region and instance type are None if they are not applicable to a given dxapp.json. The scatter is None if
    the pattern has no process jobs or no input holds files.
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
    scatter: Scatter | None = None
    ci: CiService = "none"
    ci_package: str | None = None
    command: str | None = None
    packages: tuple[str, ...] | None = None

    def to_json(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return an answers file that, together with the given dxapp.json (spec), describes the same app.

        Answers that the dxapp.json determines are left out.
        """
        answers: dict[str, Any] = {}
        for question in QUESTIONS:
            value = getattr(self, question.key)
            if question.fixed and question.spec_answer(spec) is not MISSING:
                continue
            if question.key == "project_access":
                value = value or NO_ACCESS
            if isinstance(value, Scatter):
                value = str(value)
            if value is not None:
                answers[question.key] = list(value) if isinstance(value, tuple) else value
        return answers


def gather(sources: AnswerSources) -> Answers:
    """Return the answers to all questions; raise AnswersError with every missing and invalid one.

    The given dxapp.json must have passed the linter, except for absent parts.
    """
    return Answers(**_resolve_all(sources, QUESTIONS))


def resolve(sources: AnswerSources) -> dict[str, Any]:
    """Return the answers to the questions that are not open, by their keys.

    Raises AnswersError with every invalid one.
    """
    return _resolve_all(sources, (question for question in QUESTIONS if not is_open(question, sources)))


def is_open(question: Question, sources: AnswerSources) -> bool:
    """Return whether no source and no given dxapp.json answers the question, so that it has to be asked."""
    if question.asked_when and not question.asked_when(sources):
        return False
    if sources.resolved(question.key) or question.spec_answer(sources.spec) is not MISSING:
        return False
    return not question.not_applicable(sources.spec)


def _resolve_all(sources: AnswerSources, questions: Iterable[Question]) -> dict[str, Any]:
    answered: dict[str, Any] = {}
    problems: list[Problem] = []
    for question in questions:
        problems += _resolve(question, sources, answered)
    problems += cross_check(sources, answered)
    if problems:
        keys = [question.key for question in QUESTIONS]
        in_order = sorted(problems, key=lambda problem: (*keys, problem.key).index(problem.key))
        raise AnswersError(tuple(in_order))
    return answered


def _resolve(question: Question, sources: AnswerSources, answered: dict[str, Any]) -> list[Problem]:
    """Add the answer to the answered questions, and return the problems with it."""
    found = sources.resolved(question.key)
    in_spec = question.spec_answer(sources.spec)
    if found is None and in_spec is MISSING:
        found = sources.default(question.key)
    try:
        answered[question.key] = _answer(question, sources, found, answered)
        if overrides := sources.parameter_overrides(question.key):
            if question.fixed and in_spec is not MISSING:
                raise ContradictionError("is already in the given dxapp.json", "Change it there.")
            answered[question.key] = with_overrides(answered[question.key], overrides)
    except PartlyValidError as error:
        answered[question.key] = error.value
        return [_problem(question, part, found, at) for at, part in error.errors.items()]
    except UserError as error:
        if found is None and in_spec is not MISSING:
            place = sources.base.at((question.key,))
            message = f"{question.key}: {error.message}"
            hint = error.hint or f"Correct it there, or pass {question.flag}."
            return [Problem(question.key, JSON_FILE_FLAG, message, hint, error.code, place)]
        return [_problem(question, error, found)]
    return []


def _problem(question: Question, error: UserError, found: SourcedValue | None, *position: int) -> Problem:
    place = found.source.at((question.key, *position)) if found else Problem.place
    return Problem(question.key, question.flag, error.message, error.hint, error.code, place)


def _answer(
    question: Question, sources: AnswerSources, found: SourcedValue | None, answered: Mapping[str, Any]
) -> Any:
    in_spec = question.spec_answer(sources.spec)
    if question.fixed and in_spec is not MISSING:
        return _fixed_answer(question, found, in_spec, answered)
    if in_spec is not MISSING and (found is None or found.value == in_spec):
        # The linter has checked it already. The name is read again because it becomes a folder, and a policy
        # may have turned the lint rule off.
        return question.read(in_spec) if question.key == "name" else in_spec
    if found:
        return question.read(found.value)
    if question.not_applicable(sources.spec):
        return None
    if question.default is None:
        raise _missing(question)
    default = question.default(answered)
    if default is MISSING:
        raise _missing(question)
    return default


def _missing(question: Question) -> MissingAnswerError:
    return MissingAnswerError(f"missing: {question.text.expected}")


def _fixed_answer(
    question: Question, found: SourcedValue | None, in_spec: Any, answered: Mapping[str, Any]
) -> Any:
    """Return the answer in the dxapp.json; if it has several, the one that was chosen, or the first."""
    several = isinstance(in_spec, frozenset)
    if found is None and several:
        return min(in_spec) if in_spec or question.default is None else question.default(answered)
    if found is None:
        return in_spec
    value = question.read(found.value)
    if value != in_spec and not (several and value in in_spec):
        raise ContradictionError("contradicts the given dxapp.json", "Change it there.")
    return value
