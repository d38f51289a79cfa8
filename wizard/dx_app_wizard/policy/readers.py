"""Readers of the values in a policy file: each returns the value as it is used, or raises SettingError."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.instances import clouds, instance_type_problem, region_problem
from dx_app_wizard.dxapp.timeouts import LONGEST_TIMEOUT_MINUTES, timeout_minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Reader = Callable[[Any], Any]


class SettingError(ValueError):
    """A key of a policy file has an invalid value; the message states the requirement."""


def suggestion(word: str, words: Iterable[str], otherwise: str | None = None) -> str:
    """Return a question with the word that was probably meant, or else `otherwise` or a list of all words."""
    known = list(words)
    matches = get_close_matches(word, known, n=1)
    return f"did you mean {matches[0]!r}?" if matches else otherwise or f"expected one of {', '.join(known)}"


def read_line(value: Any) -> str:
    """Read a string of one line that is not blank."""
    if not isinstance(value, str) or not value.strip() or any(char in value for char in "\r\n\0"):
        raise SettingError("must be a string of one line")
    return value


def read_boolean(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise SettingError("must be true or false")
    return value


def read_lines(value: Any) -> tuple[str, ...]:
    """Read an array of strings, each of one line."""
    if not isinstance(value, list):
        raise SettingError("must be an array of strings")
    return tuple(read_line(item) for item in value)


def read_table(value: Any) -> dict[str, Any]:
    """Read a table with any keys."""
    if not isinstance(value, dict):
        raise SettingError("must be a table")
    return value


def read_hosts(value: Any) -> tuple[str, ...]:
    """Read an array of host names or patterns of them; it may be empty."""
    hosts = read_lines(value)
    for host in hosts:
        if "/" in host or ":" in host:
            raise SettingError(f"{host!r} is not a host such as github.com, *.example.org or *")
    return hosts


def read_timeout(value: Any) -> str:
    """Read a timeout such as `48h`."""
    if not 0 < timeout_minutes(value) <= LONGEST_TIMEOUT_MINUTES:
        raise SettingError("must be a string such as '48h', '2d' or '90m', of at most 30 days")
    return str(value)


def read_region(value: Any) -> str:
    """Read a region such as `aws:us-east-1`."""
    region = read_line(value)
    problem = region_problem(region)
    if problem:
        raise SettingError(problem)
    return region


def read_instance_type(value: Any) -> str:
    """Read an instance type, or a pattern such as `mem1_*_v2_*`, which need not match any known type."""
    name = read_line(value)
    problems = [instance_type_problem(name, f"{cloud}:") for cloud in clouds()]
    if all(problems) and not any(char in name for char in "*?["):
        raise SettingError(str(problems[0]))
    return name


def read_developer(value: Any) -> str:
    """Read the ID of a user or an org."""
    name = read_line(value)
    if not re.fullmatch(r"(user|org)-[\w.-]+", name):
        raise SettingError(f"{name!r} is not user-NAME or org-NAME")
    return name


def read_authorized_user(value: Any) -> str:
    """Read the ID of a user or an org, or PUBLIC."""
    if value == "PUBLIC":
        return "PUBLIC"
    try:
        return read_developer(value)
    except SettingError as error:
        raise SettingError(f"{error} or PUBLIC") from None


def one_of(*choices: str) -> Reader:
    """Return a reader that accepts these strings only."""

    def read(value: Any) -> str:
        if value not in choices:
            listed = ", ".join(repr(choice) for choice in choices)
            raise SettingError(f"must be one of {listed}, not {value!r}")
        return str(value)

    return read


def some(read: Reader) -> Reader:
    """Return a reader of arrays with at least one element, each of which `read` reads."""

    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise SettingError("must be an array of at least one string")
        return tuple(read(item) for item in value)

    return read_all
