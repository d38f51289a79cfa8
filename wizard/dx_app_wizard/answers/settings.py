"""Answers as texts by their keys: `--set KEY=VALUE`, and the environment's `DX_APP_WIZARD_KEY`.

A text is read as the question's flag reads it. A list of parameters is one of them, or a JSON array of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.sources import Source
from dx_app_wizard.errors import AnswersError, CommandLineError, Place, Problem
from dx_app_wizard.policy.load import VARIABLE_PREFIX

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
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise CommandLineError(f"{SET_FLAG} {setting!r} does not read KEY=VALUE, such as timeout=24h.")
        value = _value(key, text)
        answers[key] = [*answers.get(key, ()), *value] if key in LISTS else value
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


def environment_sources(environment: Mapping[str, str]) -> tuple[Source, ...]:
    """Return what variables such as DX_APP_WIZARD_REGION answer; an empty one answers nothing."""
    return tuple(
        Source({key: _value(key, text)}, Place(variable=name), settles=False)
        for name, text in sorted(environment.items())
        if text and (key := name.removeprefix(VARIABLE_PREFIX).lower()) and name.startswith(VARIABLE_PREFIX)
    )


def _value(key: str, text: str) -> Any:
    if key in LISTS:
        array = _array(text)
        return [text] if array is None else array
    array = _array(text) if key == "network" else None
    return text if array is None else array


def _array(text: str) -> list[Any] | None:
    """Return the JSON array that text is, None if it is none."""
    try:
        array = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return array if isinstance(array, list) else None
