"""`--set KEY=VALUE`: an answer by its key in the answers file, read as the flag of that question reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import AnswersError, CommandLineError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SET_FLAG = "--set"
LISTS = ("inputs", "outputs")
"""The keys whose values are collected; of every other key, the last value holds."""


def with_settings(flags: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return the flags' answers by the questions' keys, and with them those of the settings.

    Raises CommandLineError for a setting that does not read KEY=VALUE, and AnswersError for every key
    that a flag of its own answers, too; whether a key and its value are good is for `gather` to say.
    """
    answers: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise CommandLineError(f"{SET_FLAG} {setting!r} does not read KEY=VALUE, such as timeout=24h.")
        if key in LISTS:
            answers.setdefault(key, []).append(value)
        else:
            answers[key] = _hosts(value) if key == "network" else value
    answered = {key: value for key, value in flags.items() if value is not None}
    twice = [key for key in answers if key in answered and key not in LISTS]
    if twice:
        raise AnswersError(
            tuple(
                Problem(key, SET_FLAG, f"{key} is answered by its own flag, too; keep one") for key in twice
            )
        )
    for key in LISTS:
        if key in answers:
            answers[key] = [*answered.get(key, ()), *answers[key]]
    return {**answered, **answers}


def _hosts(value: str) -> Any:
    """Return the JSON array of hosts that a value for the network is, else the value."""
    try:
        hosts = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return hosts if isinstance(hosts, list) else value
