"""The questions of the wizard, in the official order: how each answer is read, and what holds without one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from dx_app_wizard.errors import UserError
from dx_app_wizard.plan import LANGUAGES, PATTERNS
from dx_app_wizard.spec.classes import parse_value
from dx_app_wizard.spec.instances import DEFAULT_REGION, default_instance_type, region_problem
from dx_app_wizard.spec.io_rules import language_of
from dx_app_wizard.spec.names import app_name_problem
from dx_app_wizard.spec.parameters import parse_declaration
from dx_app_wizard.spec.versions import is_semantic_version

PROJECT_ACCESS_LEVELS = ("VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")

MISSING: Any = object()
"""Stands for no answer, where null is one."""

_TIMEOUT_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_LONGEST_TIMEOUT_MINUTES = 30 * 24 * 60


class AnswerError(UserError):
    """One answer is not valid; the message says by which rule."""

    code = "invalid-answer"


class PartlyValidError(UserError):
    """Of an answer of several parts, `value` is what can be read; `messages` are about the rest."""

    code = "invalid-answer"

    def __init__(self, value: tuple[Any, ...], messages: tuple[str, ...]) -> None:
        super().__init__("; ".join(messages))
        self.value = value
        self.messages = messages


@dataclass(frozen=True)
class Question:
    """One thing to know: its key in answers files, its flag, and what is said when the answer is missing.

    `read` gets the flag's text or the file's JSON value and raises a UserError; `default` gets the answers
    so far, and is None where there has to be an answer. `standing` returns what a given dxapp.json says, or
    MISSING, or a frozenset where it says several things; with `fixed`, an answer must agree with that.
    """

    key: str
    flag: str
    read: Callable[[Any], Any]
    default: Callable[[Mapping[str, Any]], Any] | None = None
    standing: Callable[[Mapping[str, Any]], Any] = lambda _spec: MISSING
    fixed: bool = False
    missing: str = ""


def readable(name: str) -> str:
    """Return an app's name made readable: `count-reads` becomes `Count reads`."""
    words = " ".join(word for word in re.split(r"[._-]+", name) if word)
    return words[:1].upper() + words[1:]


def read_timeout(answer: Any) -> dict[str, int]:
    """Read `48h` (or `2d`, `90m`), or a hash of days, hours and minutes; up to 30 days."""
    if isinstance(answer, str):
        match = re.fullmatch(r"\s*([0-9]{1,9})\s*([dhm])\s*", answer, re.IGNORECASE)
        if not match:
            raise AnswerError(
                "enter an int with a single-letter suffix (m=minutes, h=hours, d=days), such as 48h;"
                f" got {answer!r}"
            )
        answer = {_TIMEOUT_UNITS[match[2].lower()]: int(match[1])}
    sizes = {"days": 24 * 60, "hours": 60, "minutes": 1}
    if not isinstance(answer, dict) or not answer or not answer.keys() <= sizes.keys():
        raise AnswerError("must be a text such as 48h, or a hash of days, hours and minutes")
    if not all(type(count) is int and count >= 0 for count in answer.values()):
        raise AnswerError("days, hours and minutes must be whole numbers from 0")
    minutes = sum(sizes[unit] * count for unit, count in answer.items())
    if not minutes:
        raise AnswerError("must be more than nothing, such as 48h")
    if minutes > _LONGEST_TIMEOUT_MINUTES:
        raise AnswerError("max allowed timeout is 30 days")
    return answer


def _read_name(answer: Any) -> str:
    name = _read_line(answer)
    problem = app_name_problem(name)
    if problem:
        raise AnswerError(f"The name of your app must match /^[a-zA-Z0-9._-]+$/; {name!r} {problem}")
    return name


def _read_line(answer: Any) -> str:
    """Read one line of text; what a C locale left undecoded in an argument is taken as UTF-8."""
    if not isinstance(answer, str):
        raise AnswerError("must be a text")
    try:
        text = (
            os.fsencode(answer).decode() if any("\ud800" <= char <= "\udfff" for char in answer) else answer
        )
    except UnicodeError:
        raise AnswerError("must be UTF-8 text") from None
    if any(char in text for char in "\r\n\0"):
        raise AnswerError("must be a single line")
    return text


def _read_version(answer: Any) -> str:
    version = _read_line(answer)
    if not is_semantic_version(version):
        raise AnswerError(f"{version!r} is no semantic version such as 1.0.0")
    return version


def read_yes_no(line: str) -> bool:
    """Read y, yes, n or no, whatever the case."""
    words = {"y": True, "yes": True, "n": False, "no": False}
    if line.lower() not in words:
        raise AnswerError(f"unrecognized response, expected y or n; got {line!r}")
    return words[line.lower()]


def _read_choice(choices: tuple[str, ...]) -> Callable[[Any], str]:
    """Return a reader that takes one of choices, whatever the case, and suggests the nearest."""

    def read(answer: Any) -> str:
        text = _read_line(answer)
        by_name = {choice.lower(): choice for choice in choices}
        if text.lower() not in by_name:
            near = get_close_matches(text.lower(), by_name, n=1)
            hint = f"; did you mean {by_name[near[0]]}?" if near else ""
            raise AnswerError(
                f"unrecognized response, expected one of {', '.join(choices)}; got {text!r}{hint}"
            )
        return by_name[text.lower()]

    return read


def _read_parameters(*, output: bool) -> Callable[[Any], tuple[dict[str, Any], ...]]:
    """Return a reader of parameters: each a hash as in dxapp.json, its JSON text, or such as `reads:file`."""

    def read(answer: Any) -> tuple[dict[str, Any], ...]:
        if not isinstance(answer, (list, tuple)):
            raise AnswerError("must be an array of parameters, such as reads:file")
        parameters, messages = [], []
        for item in answer:
            parameter, message = _read_parameter(item, output=output)
            parameters += parameter
            messages += message
        if messages:
            raise PartlyValidError(tuple(parameters), tuple(messages))
        return tuple(parameters)

    return read


def _read_parameter(item: Any, *, output: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the parameter, or what is wrong with it."""
    if isinstance(item, dict):
        return [item], []
    try:
        if isinstance(item, str) and item.lstrip().startswith("{"):
            return [parse_value("hash", item)], []
        return [parse_declaration(_read_line(item), output=output)], []
    except UserError as error:
        subject = "" if repr(item) in error.message else f"{item!r}: "
        return [], [f"{subject}{error.message}. {error.hint}" if error.hint else f"{subject}{error.message}"]


def _read_network(answer: Any) -> tuple[str, ...]:
    if isinstance(answer, str):
        answer = {"true": True, "yes": True, "false": False, "no": False}.get(answer.lower(), answer)
    if isinstance(answer, bool):
        return ("*",) if answer else ()
    if isinstance(answer, (list, tuple)) and all(isinstance(host, str) for host in answer):
        return tuple(answer)
    raise AnswerError("must be true, false or an array of hosts")


def _read_project_access(answer: Any) -> str | None:
    level = _read_choice((*PROJECT_ACCESS_LEVELS, "NONE"))(answer)
    return None if level == "NONE" else level


def _read_region(answer: Any) -> str:
    region = _read_line(answer)
    problem = region_problem(region)
    if problem:
        raise AnswerError(problem)
    return region


def _under(*path: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that looks a value up in a spec; arrays come as tuples."""

    def standing(spec: Mapping[str, Any]) -> Any:
        value: Any = spec
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return MISSING
            value = value[key]
        return tuple(value) if isinstance(value, list) else value

    return standing


def _standing_timeout(spec: Mapping[str, Any]) -> Any:
    policy = _under("runSpec", "timeoutPolicy")(spec)
    return policy.get("*", policy) if isinstance(policy, dict) else MISSING


def _standing_language(spec: Mapping[str, Any]) -> Any:
    return language_of(dict(spec)) or MISSING


def _standing_regions(spec: Mapping[str, Any]) -> Any:
    regions = _under("regionalOptions")(spec)
    return frozenset(regions) if isinstance(regions, dict) else MISSING


def _standing_instance_types(spec: Mapping[str, Any]) -> Any:
    """Return the instance types that a spec names anywhere."""
    requirements = [_under("runSpec", "systemRequirements")(spec)]
    regional = _under("regionalOptions")(spec)
    if isinstance(regional, dict):
        requirements += [_under("systemRequirements")(options) for options in regional.values()]
    if all(requirement is MISSING for requirement in requirements):
        return MISSING
    entries = [entry for found in requirements if isinstance(found, dict) for entry in found.values()]
    types = (entry.get("instanceType") for entry in entries if isinstance(entry, dict))
    return frozenset(name for name in types if isinstance(name, str))


QUESTIONS: tuple[Question, ...] = (
    Question("name", "NAME", _read_name, None, _under("name"), missing="the app's name, such as count-reads"),
    Question("title", "--title", _read_line, lambda known: readable(known.get("name", "")), _under("title")),
    Question("summary", "--summary", _read_line, lambda known: known.get("title", ""), _under("summary")),
    Question("version", "--version", _read_version, lambda _: "0.0.1", _under("version")),
    Question(
        "inputs", "--input", _read_parameters(output=False), lambda _: (), _under("inputSpec"), fixed=True
    ),
    Question(
        "outputs", "--output", _read_parameters(output=True), lambda _: (), _under("outputSpec"), fixed=True
    ),
    Question("timeout", "--timeout", read_timeout, lambda _: {"hours": 48}, _standing_timeout, fixed=True),
    Question(
        "language",
        "--language",
        _read_choice(LANGUAGES),
        None,
        _standing_language,
        fixed=True,
        missing=" or ".join(LANGUAGES),
    ),
    Question("template", "--template", _read_choice(PATTERNS), missing=" or ".join(PATTERNS)),
    Question("network", "--network", _read_network, lambda _: (), _under("access", "network"), fixed=True),
    Question(
        "project_access",
        "--project-access",
        _read_project_access,
        lambda _: None,
        _under("access", "project"),
        fixed=True,
    ),
    Question("region", "--region", _read_region, lambda _: DEFAULT_REGION, _standing_regions, fixed=True),
    Question(
        "instance_type",
        "--instance-type",
        _read_line,
        lambda known: default_instance_type(known.get("region", DEFAULT_REGION)),
        _standing_instance_types,
        fixed=True,
    ),
)
"""All questions, in the order in which the official wizard asks them."""
