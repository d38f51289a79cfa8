"""Convert answers from a flag's text or a file's JSON value, and reject invalid ones."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.command_template.template import TemplateProblemsError, parse_template
from dx_app_wizard.dxapp.classes import describe_value, parse_value
from dx_app_wizard.dxapp.instances import (
    find_anywhere,
    find_regions,
    known_regions,
    list_regions,
    region_problem,
)
from dx_app_wizard.dxapp.names import app_name_problem
from dx_app_wizard.dxapp.parameters import FIELDS, parse_declaration
from dx_app_wizard.dxapp.timeouts import LONGEST_TIMEOUT_MINUTES, MINUTES
from dx_app_wizard.dxapp.versions import is_semantic_version
from dx_app_wizard.errors import UserError
from dx_app_wizard.scatter.scatter import parse_scatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_app_wizard.scatter.scatter import Scatter

PROJECT_ACCESS_LEVELS = ("VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")
NO_ACCESS = "NONE"
"""The level that means no access to the parent project, in files and flags."""

REQUIREMENT = (
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[A-Za-z0-9,._-]+\])? ?(?:== ?[A-Za-z0-9.!+_-]+|@ [a-z][a-z+]*://{0}+)"
    r"|[a-z][a-z+]*://{0}+"
    r"|[A-Za-z0-9._/]{0}*\.(?:whl|tar\.gz|zip)"
).format(r"[!#%&()*+,./:;<=>?@A-Z\[\]_a-z{|}~0-9$-]")
"""A requirement pinned to a version, a URL or an archive; it needs no escapes between double quotes."""

PACKAGE = r"(?:pip:)?[A-Za-z0-9][A-Za-z0-9+._-]*"
"""A package of the worker's release, or `pip:NAME` for one from PyPI."""

_TIMEOUT_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class AnswerError(UserError):
    """An answer is invalid; the message names the rule."""

    code = "invalid-answer"


class MissingAnswerError(AnswerError):
    """A required answer is missing."""

    code = "missing-answer"


class ContradictionError(AnswerError):
    """An answer contradicts the given dxapp.json."""

    code = "contradiction"


class PartlyValidError(AnswerError):
    """Some parts of an answer are invalid: `value` has the valid ones, `errors` the others by position."""

    def __init__(self, value: tuple[Any, ...], errors: Mapping[int, UserError]) -> None:
        super().__init__("; ".join(error.message for error in errors.values()))
        self.value = value
        self.errors = errors


def read_timeout(answer: Any) -> dict[str, int]:
    """Read `48h` (or `2d`, `90m`), or a hash of days, hours and minutes; up to 30 days."""
    if isinstance(answer, str) and answer.lstrip().startswith("{"):
        answer = parse_value("hash", answer)
    if isinstance(answer, str):
        match = re.fullmatch(r"\s*([0-9]{1,9})\s*([dhm])\s*", answer, re.IGNORECASE)
        if not match:
            raise AnswerError(
                "enter an int with a single-letter suffix (m=minutes, h=hours, d=days), such as 48h;"
                f" got {answer!r}"
            )
        answer = {_TIMEOUT_UNITS[match[2].lower()]: int(match[1])}
    if not isinstance(answer, dict) or not answer or not answer.keys() <= MINUTES.keys():
        raise AnswerError("must be a string such as 48h, or a hash with days, hours and minutes")
    if not all(_is_count(count) for count in answer.values()):
        raise AnswerError("days, hours and minutes must be whole numbers from 0")
    limit = {unit: int(count) for unit, count in answer.items()}
    minutes = sum(MINUTES[unit] * count for unit, count in limit.items())
    if not minutes:
        raise AnswerError("must be greater than zero, such as 48h")
    if minutes > LONGEST_TIMEOUT_MINUTES:
        raise AnswerError("max allowed timeout is 30 days")
    return limit


def _is_count(value: Any) -> bool:
    """Return whether value is a whole number from 0; 1.0 is one, as in JSON Schema."""
    return (type(value) is int or (isinstance(value, float) and value.is_integer())) and value >= 0


def read_name(answer: Any) -> str:
    """Read an app's name, which is also the name of its folder."""
    name = read_line(answer)
    problem = app_name_problem(name)
    if problem:
        raise AnswerError(f"The name of your app must match /^[a-zA-Z0-9._-]+$/; {name!r} {problem}")
    return name


def read_line(answer: Any) -> str:
    """Read one line of text. Bytes that a C locale could not decode are read as UTF-8."""
    if not isinstance(answer, str):
        hint = None if isinstance(answer, (dict, list)) else "Put it in quotes."
        raise AnswerError(f"must be a string; got {describe_value(answer)}", hint)
    try:
        text = (
            os.fsencode(answer).decode() if any("\ud800" <= char <= "\udfff" for char in answer) else answer
        )
    except UnicodeError:
        raise AnswerError("must be UTF-8 text") from None
    if any(char in text for char in "\r\n\0"):
        raise AnswerError("must be a single line")
    return text


def read_version(answer: Any) -> str:
    """Read a semantic version."""
    version = read_line(answer)
    if not is_semantic_version(version):
        raise AnswerError(f"{version!r} is not a semantic version such as 1.0.0")
    return version


def read_requirement(answer: Any) -> str:
    """Read a requirement of pip that names a version, a URL or an archive, not just a package."""
    requirement = read_line(answer)
    if not re.fullmatch(REQUIREMENT, requirement):
        raise AnswerError(
            f"{requirement!r} names neither a version nor a URL to install from",
            "Pass NAME==VERSION, 'NAME @ git+https://HOST/REPOSITORY@COMMIT', or the URL of a wheel.",
        )
    return requirement


def read_command(answer: Any) -> str:
    """Read a command template; raise PartlyValidError with every problem with it."""
    if not isinstance(answer, str):
        raise AnswerError("must be a shell command with holes, such as 'sort {table} > {>sorted}'")
    try:
        return parse_template(answer).text
    except TemplateProblemsError as problems:
        raise PartlyValidError((), dict(enumerate(problems.errors))) from None


def read_packages(answer: Any) -> tuple[str, ...]:
    """Read an array of packages: names in the worker's release, or `pip:NAME`."""
    if not isinstance(answer, (list, tuple)):
        raise AnswerError("must be an array of packages, such as samtools or pip:cutadapt")
    errors = {
        at: AnswerError(f"{item!r} is not the name of a package, such as samtools or pip:cutadapt")
        for at, item in enumerate(answer)
        if not (isinstance(item, str) and re.fullmatch(PACKAGE, item))
    }
    valid = tuple(item for at, item in enumerate(answer) if at not in errors)
    if errors:
        raise PartlyValidError(valid, errors)
    return valid


def read_yes_no(line: str) -> bool:
    """Read y, yes, n or no, in upper or lower case."""
    words = {"y": True, "yes": True, "n": False, "no": False}
    if line.lower() not in words:
        raise AnswerError(f"unrecognized response, expected y or n; got {line!r}")
    return words[line.lower()]


def read_choice(choices: tuple[str, ...]) -> Callable[[Any], str]:
    """Return a reader that accepts one of choices in any case, and suggests the nearest one otherwise."""

    def read(answer: Any) -> str:
        text = read_line(answer)
        by_name = {choice.lower(): choice for choice in choices}
        if text.lower() not in by_name:
            near = get_close_matches(text.lower(), by_name, n=1)
            hint = f"; did you mean {by_name[near[0]]}?" if near else ""
            raise AnswerError(
                f"unrecognized response, expected one of {', '.join(choices)}; got {text!r}{hint}"
            )
        return by_name[text.lower()]

    return read


def read_scatter(answer: Any) -> Scatter:
    """Read the share of a process job, such as `bams+bais`."""
    return parse_scatter(read_line(answer))


def read_parameters(*, output: bool) -> Callable[[Any], tuple[dict[str, Any], ...]]:
    """Return a reader of parameters: each is a hash as in dxapp.json, its JSON, or text like `reads:file`."""

    def read(answer: Any) -> tuple[dict[str, Any], ...]:
        if not isinstance(answer, (list, tuple)):
            raise AnswerError("must be an array of parameters, such as reads:file")
        parts = [_parameter_or_error(item, output=output) for item in answer]
        parameters = tuple(part for part in parts if isinstance(part, dict))
        errors = {at: part for at, part in enumerate(parts) if isinstance(part, UserError)}
        if errors:
            raise PartlyValidError(parameters, errors)
        return parameters

    return read


def _parameter_or_error(item: Any, *, output: bool) -> dict[str, Any] | UserError:
    try:
        if isinstance(item, dict):
            return _known_fields(item)
        if isinstance(item, str) and item.lstrip().startswith("{"):
            return _known_fields(parse_value("hash", item))
        return parse_declaration(read_line(item), output=output)
    except UserError as error:
        return error if repr(item) in error.message else AnswerError(f"{item!r}: {error.message}", error.hint)


def _known_fields(parameter: dict[str, Any]) -> dict[str, Any]:
    known = ("name", "class", *FIELDS)
    for key in parameter:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Its fields are {', '.join(known)}."
            raise AnswerError(f"a parameter has no field {key!r}", hint)
    return parameter


def read_network(answer: Any) -> tuple[str, ...]:
    """Read yes (every host), no (none), or an array of hosts; return the hosts."""
    if isinstance(answer, str):
        answer = {"true": True, "yes": True, "false": False, "no": False}.get(answer.lower(), answer)
    if isinstance(answer, bool):
        return ("*",) if answer else ()
    if isinstance(answer, (list, tuple)) and all(isinstance(host, str) for host in answer):
        return tuple(answer)
    raise AnswerError("must be true, false or an array of hosts")


def read_project_access(answer: Any) -> str | None:
    """Read a level of access; return None for no access."""
    level = read_choice((*PROJECT_ACCESS_LEVELS, NO_ACCESS))(answer)
    return None if level == NO_ACCESS else level


def read_region(answer: Any) -> str:
    """Read a region of a known cloud."""
    region = read_line(answer)
    problem = region_problem(region)
    if problem:
        raise AnswerError(problem, f"Regions are {list_regions(known_regions())}.")
    return region


def read_region_or_place(line: str) -> str:
    """Read a region, or the place of one (`london`), as a person types it."""
    if find_anywhere(line):
        raise AnswerError(f"{line!r} is an instance type, not a region")
    if region_problem(line) is None:
        return line
    found = find_regions(line)
    if len(found) > 1:
        raise AnswerError(f"{line!r} fits several regions: {list_regions(found)}")
    return found[0] if found else read_region(line)
