"""The tables and keys of a policy file, and how the value of each is read."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.instances import clouds, instance_type_problem, region_problem
from dx_app_wizard.lint.rules.run import CURRENT_RELEASES, LONGEST_TIMEOUT_MINUTES, MINUTES, OLD_RELEASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Reader = Callable[[Any], Any]

LEVELS = ("error", "warning")
UNTOUCHABLE_RULES = ("dxapp-json", "schema")
"""Without these two nothing else that is found means anything."""

_TIMEOUT_UNITS = {unit[0]: minutes for unit, minutes in MINUTES.items()}


class SettingError(ValueError):
    """A value that a key of a policy file cannot have; the message says what it must be."""


def near(word: str, words: Iterable[str], otherwise: str | None = None) -> str:
    """Return a question for the word that was probably meant; or else `otherwise`, or all words."""
    known = list(words)
    matches = get_close_matches(word, known, n=1)
    return f"did you mean {matches[0]!r}?" if matches else otherwise or f"there are {', '.join(known)}"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or any(char in value for char in "\r\n\0"):
        raise SettingError("must be a text of one line")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingError("must be true or false")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise SettingError("must be an array of texts")
    return tuple(_text(item) for item in value)


def _some(read: Reader) -> Reader:
    """Return a reader of arrays of at least one of what `read` reads."""

    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise SettingError("must be an array of at least one text")
        return tuple(read(item) for item in value)

    return read_all


def _one_of(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if value not in choices:
            listed = ", ".join(repr(choice) for choice in choices)
            raise SettingError(f"must be one of {listed}, not {value!r}")
        return str(value)

    return read


def _person(*, public: bool) -> Reader:
    """Return a reader of the ID of a user or an org, or also of PUBLIC."""

    def read(value: Any) -> str:
        name = _text(value)
        if not (re.fullmatch(r"(user|org)-[\w.-]+", name) or (public and name == "PUBLIC")):
            raise SettingError(f"{name!r} is no user-NAME or org-NAME{' or PUBLIC' if public else ''}")
        return name

    return read


def _region(value: Any) -> str:
    region = _text(value)
    problem = region_problem(region)
    if problem:
        raise SettingError(problem)
    return region


def _instance_type(value: Any) -> str:
    """Read an instance type, or a pattern such as `mem1_*_v2_*`, which may fit none that is known."""
    name = _text(value)
    problems = [instance_type_problem(name, f"{cloud}:") for cloud in clouds()]
    if all(problems) and not any(char in name for char in "*?["):
        raise SettingError(str(problems[0]))
    return name


def _host(value: Any) -> str:
    host = _text(value)
    if "/" in host or ":" in host:
        raise SettingError(f"{host!r} is no host such as github.com, *.example.org or *")
    return host


def _hosts(value: Any) -> tuple[str, ...]:
    return tuple(_host(host) for host in _texts(value))


def timeout_minutes(value: Any) -> int:
    """Return how many minutes `48h`, `2d` or `90m` are; 0 for what is not written so."""
    match = re.fullmatch(r"([0-9]{1,6})([dhm])", value) if isinstance(value, str) else None
    return int(match[1]) * _TIMEOUT_UNITS[match[2]] if match else 0


def _timeout(value: Any) -> str:
    if not 0 < timeout_minutes(value) <= LONGEST_TIMEOUT_MINUTES:
        raise SettingError("must be a text such as '48h', '2d' or '90m', of at most 30 days")
    return str(value)


def _rule_pattern(value: Any) -> str:
    """Read a rule id, or a pattern of ids such as `policy-*`; ShellCheck's are not known beforehand."""
    from dx_app_wizard.policy.rule_docs import rule_ids

    pattern = _text(value)
    if pattern in UNTOUCHABLE_RULES:
        raise SettingError(f"the rule {pattern!r} holds always")
    ids = rule_ids()
    if not (pattern.startswith("SC") or any(fnmatchcase(rule, pattern) for rule in ids)):
        hint = near(pattern, ids, "dx-local lint prints the names of rules in brackets")
        raise SettingError(f"no rule is called {pattern!r}; {hint}")
    return pattern


def _rule_patterns(value: Any) -> tuple[str, ...]:
    return tuple(_rule_pattern(pattern) for pattern in _texts(value))


def _levels(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise SettingError("must be a table from rules to levels")
    return {_rule_pattern(pattern): _one_of(*LEVELS)(level) for pattern, level in value.items()}


def _variables(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingError("must be a table from the template's variables to values")
    return value


KEYS: dict[str, dict[str, Reader]] = {
    "template": {
        "source": _text,
        "checkout": _text,
        "directory": _text,
        "hooks": _truth,
        "variables": _variables,
    },
    "trust": {"templates": _texts},
    "lint": {"ignore": _rule_patterns, "levels": _levels},
    "policy": {
        "name-prefix": _text,
        "developers": _some(_person(public=False)),
        "authorized-users": _some(_person(public=True)),
        "open-source": _truth,
        "release": _one_of(*CURRENT_RELEASES, *OLD_RELEASES),
        "exec-depends": _one_of("allow", "pinned", "forbid"),
        "network": _hosts,
        "maximum-timeout": _timeout,
        "regions": _some(_region),
        "instance-types": _some(_instance_type),
        "strict-bash": _truth,
    },
}
"""By table and key, what reads the value; [wizard] is not here, as its keys are those of the questions."""
