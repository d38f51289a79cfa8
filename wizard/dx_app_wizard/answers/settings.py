"""Read answers from `--set KEY=VALUE` and from environment variables named `DX_APP_WIZARD_KEY`.

A value is read like that of the question's flag. A list of parameters is one parameter or a JSON array.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.sources import Source
from dx_app_wizard.errors import AnswersError, CommandLineError, Place, Problem
from dx_app_wizard.policy.model import VARIABLE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SET_FLAG = "--set"
LISTS = ("inputs", "outputs", "packages")
"""The keys whose values accumulate; for every other key, the last value is used."""


def with_settings(flags: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Return the answers of the flags and the settings, by the questions' keys.

    Raises CommandLineError for a setting that is not KEY=VALUE, and AnswersError for every key that its own
    flag answers too. Keys and values are checked by `gather`.
    """
    answers: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise CommandLineError(f"{SET_FLAG} {setting!r} is not KEY=VALUE, such as timeout=24h.")
        value = _value(key, text)
        answers[key] = [*answers.get(key, ()), *value] if key in LISTS else value
    answered = {key: value for key, value in flags.items() if value is not None}
    twice = [key for key in answers if key in answered and key not in LISTS]
    if twice:
        raise AnswersError(
            tuple(
                Problem(key, SET_FLAG, f"{key} is set by its own flag too; use one of the two")
                for key in twice
            )
        )
    for key in LISTS:
        if key in answers:
            answers[key] = [*answered.get(key, ()), *answers[key]]
    return {**answered, **answers}


def environment_sources(environment: Mapping[str, str]) -> tuple[Source, ...]:
    """Return one source per variable such as DX_APP_WIZARD_REGION; empty variables are ignored."""
    return tuple(
        Source({key: _value(key, text)}, Place(variable=name), is_final=False)
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
    """Return text as a JSON array, None if it is not one."""
    try:
        array = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return array if isinstance(array, list) else None
