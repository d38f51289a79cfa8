"""`inputs.reads.help`: one thing said of one parameter, on top of where the parameter itself is given."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.readers import AnswerError
from dx_app_wizard.dxapp.parameters import parse_field

if TYPE_CHECKING:
    from collections.abc import Mapping

_AMENDMENT = re.compile(r"(?:inputs|outputs)\.[^.]+\.[^.]+")


def is_amendment(key: str) -> bool:
    """Tell whether a key reads inputs.PARAMETER.FIELD, or the same of outputs."""
    return bool(_AMENDMENT.fullmatch(key))


def amended(
    parameters: tuple[dict[str, Any], ...], amendments: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """Return the parameters with what the amendments (PARAMETER.FIELD → text) say.

    PARAMETER is a name, or a position from 0. Raises a UserError where there is no such parameter or field,
    or the text is no value of it.
    """
    changed = [dict(parameter) for parameter in parameters]
    for key, text in amendments.items():
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
        hint = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(names) or 'none'}."
        raise AnswerError(f"there is no parameter {name!r}", hint)
    return parameters[names.index(name)]
