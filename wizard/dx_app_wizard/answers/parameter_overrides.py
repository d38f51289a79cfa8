"""Override one field of one parameter on the command line, by a key such as `inputs.reads.help`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.readers import AnswerError
from dx_app_wizard.dxapp.parameters import parse_field

if TYPE_CHECKING:
    from collections.abc import Mapping

_OVERRIDE = re.compile(r"(?:inputs|outputs)\.[^.]+\.[^.]+")


def is_override(key: str) -> bool:
    """Return whether a key has the form inputs.PARAMETER.FIELD or outputs.PARAMETER.FIELD."""
    return bool(_OVERRIDE.fullmatch(key))


def with_overrides(
    parameters: tuple[dict[str, Any], ...], overrides: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """Return the parameters with the overrides (PARAMETER.FIELD → text) applied.

    PARAMETER is a name, or a position from 0. Raises UserError if there is no such parameter or field, or the
    text is not a value of the field.
    """
    changed = [dict(parameter) for parameter in parameters]
    for key, text in overrides.items():
        name, _, field = key.partition(".")
        parameter = _named(changed, name)
        parameter[field] = parse_field(str(parameter.get("class")), field, text)
    return tuple(changed)


def _named(parameters: list[dict[str, Any]], name: str) -> dict[str, Any]:
    if name.isdecimal() and int(name) < len(parameters):
        return parameters[int(name)]
    names = [str(parameter.get("name")) for parameter in parameters]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = (
            f"Did you mean {near[0]!r}?"
            if near
            else f"The parameters are {', '.join(names)}."
            if names
            else "There are no parameters."
        )
        raise AnswerError(f"no parameter is called {name!r}", hint)
    return parameters[names.index(name)]
