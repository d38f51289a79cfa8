"""From flags, an answers file, a given dxapp.json and defaults to one frozen object: every question answered.

Flags win over the answers file, that over the dxapp.json, that over defaults. What decides how a given
dxapp.json runs (parameters, timeouts, access, regions) is never overridden: an answer that contradicts it
is invalid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import AnswersError, Problem, UserError
from dx_app_wizard.questions import MISSING, QUESTIONS, AnswerError, PartlyValidError, Question
from dx_app_wizard.settings import SET_FLAG
from dx_app_wizard.spec.instances import instance_type_problem
from dx_app_wizard.spec.io_rules import IO_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_app_wizard.plan import Language, Pattern

INTERPRETERS = {"python": "python3", "bash": "bash"}
JSON_FILE_FLAG = "--json-file"
ANSWERS_FLAG = "--answers"


@dataclass(frozen=True)
class Answers:
    """All that the wizard has to know. `given` holds the keys of the questions that someone answered."""

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
    region: str
    instance_type: str
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Given:
    """Where answers come from: flags and the answers file by the questions' keys, and the raw dxapp.json."""

    flags: Mapping[str, Any] = field(default_factory=dict)
    file: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, key: str) -> Any:
        """Return what flags or file answer; MISSING where neither does, or with null."""
        answers = (source.get(key) for source in (self.flags, self.file))
        return next((answer for answer in answers if answer is not None), MISSING)


def settle(given: Given) -> dict[str, Any]:
    """Return the answers that are given or stand in the dxapp.json, by the questions' keys.

    Raises AnswersError with every invalid one.
    """
    answered: dict[str, Any] = {}
    problems = [*_unknown_keys(given), *_unusable_spec(given)]
    for question in QUESTIONS:
        if not is_open(question, given):
            problems += _settle(question, given, answered)
    problems += _mismatched_instance_type(given, answered)
    problems += _misnamed_parameters(given, answered)
    if problems:
        raise AnswersError(tuple(problems))
    return answered


def is_open(question: Question, given: Given) -> bool:
    """Return whether neither flags, nor file, nor dxapp.json answer the question."""
    return given.answer(question.key) is MISSING and question.standing(given.spec) is MISSING


def gather(given: Given) -> Answers:
    """Return the answers to all questions; raise AnswersError with every missing and invalid one.

    The dxapp.json must have passed the linter, but for what is absent.
    """
    answered: dict[str, Any] = {}
    problems = [*_unknown_keys(given), *_unusable_spec(given)]
    for question in QUESTIONS:
        problems += _settle(question, given, answered)
    problems += _mismatched_instance_type(given, answered)
    problems += _misnamed_parameters(given, answered)
    if problems:
        raise AnswersError(tuple(problems))
    explicit = frozenset(question.key for question in QUESTIONS if given.answer(question.key) is not MISSING)
    return Answers(**answered, given=explicit)


def _settle(question: Question, given: Given, answered: dict[str, Any]) -> list[Problem]:
    """Put the question's answer among the answered ones, or return what is wrong with it."""
    try:
        answered[question.key] = _answer(question, given, answered)
    except PartlyValidError as error:
        answered[question.key] = error.value
        return [Problem(question.key, question.flag, message) for message in error.messages]
    except UserError as error:
        return [Problem(question.key, question.flag, _sentence(error.message, error.hint))]
    return []


def _answer(question: Question, given: Given, answered: dict[str, Any]) -> Any:
    standing = question.standing(given.spec)
    if question.fixed and standing is not MISSING:
        return _fixed_answer(question, given, standing, answered)
    answer = given.answer(question.key)
    if answer is MISSING:
        answer = standing
    if answer is not MISSING:
        return question.read(answer)
    if question.default is None:
        raise AnswerError(f"missing: {question.missing}")
    return question.default(answered)


def _fixed_answer(question: Question, given: Given, standing: Any, answered: dict[str, Any]) -> Any:
    """Return what stands in the dxapp.json: of several things the one answered, or the first."""
    answer = given.answer(question.key)
    several = isinstance(standing, frozenset)
    if answer is MISSING and several:
        return min(standing) if standing or question.default is None else question.default(answered)
    if answer is MISSING:
        return standing
    value = question.read(answer)
    if value != standing and not (several and value in standing):
        raise AnswerError("contradicts the given dxapp.json, which says otherwise; change it there")
    return value


def _unknown_keys(given: Given) -> list[Problem]:
    keys = [question.key for question in QUESTIONS]
    sources = {SET_FLAG: given.flags, ANSWERS_FLAG: given.file}
    problems = []
    unknown = [(key, flag) for flag, source in sources.items() for key in source if key not in keys]
    for key, flag in unknown:
        near = get_close_matches(key, keys, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(keys)}"
        problems.append(Problem(key, flag, f"no question has the key {key!r}; {hint}"))
    return problems


def _unusable_spec(given: Given) -> list[Problem]:
    """Return why no source can be written for a dxapp.json."""
    run_spec = given.spec.get("runSpec", {})
    path = PurePosixPath(run_spec.get("file", "src/code"))
    interpreter = run_spec.get("interpreter")
    messages = []
    if "code" in run_spec:
        messages.append("runSpec.code is inline; remove it, and the wizard writes a file")
    if path.is_absolute() or ".." in path.parts or "\\" in str(path) or not path.parts:
        messages.append(f"runSpec.file {str(path)!r} lies outside the app's folder")
    if interpreter not in (None, *INTERPRETERS.values()):
        messages.append(f"runSpec.interpreter {interpreter!r} is neither python3 nor bash")
    return [Problem("json_file", JSON_FILE_FLAG, message) for message in messages]


def _mismatched_instance_type(given: Given, answered: dict[str, Any]) -> list[Problem]:
    if given.answer("instance_type") is MISSING or not {"region", "instance_type"} <= answered.keys():
        return []
    wrong = instance_type_problem(answered["instance_type"], answered["region"])
    return [Problem("instance_type", "--instance-type", wrong)] if wrong else []


def _misnamed_parameters(given: Given, answered: dict[str, Any]) -> list[Problem]:
    """Return what the lint rules say of the parameters, given the language."""
    keys = {"inputSpec": "inputs", "outputSpec": "outputs"}
    spec: dict[str, Any] = {part: list(answered[key]) for part, key in keys.items() if key in answered}
    spec["runSpec"] = {"interpreter": INTERPRETERS.get(answered.get("language", ""))}
    problems = []
    for _rule, fault in IO_RULES.faults(spec):
        part = str(fault.path[0])
        flag = JSON_FILE_FLAG if part in given.spec else f"--{keys[part].removesuffix('s')}"
        problems.append(Problem(keys[part], flag, _sentence(fault.message, fault.hint)))
    return problems


def _sentence(message: str, hint: str | None) -> str:
    return f"{message}. {hint}" if hint else message
