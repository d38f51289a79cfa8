"""Parameters as one writes them on a command line: `reads:file`, `reference:file?`, `k:int=31`."""

from __future__ import annotations

import json
import re
from typing import Any

from dx_app_wizard.errors import UserError
from dx_app_wizard.spec.classes import ARRAY_PREFIX, parse_class, parse_value

_DECLARATION = re.compile(
    r"(?P<name>[^:=]*):(?P<io_class>[^?=]*)(?P<optional>\?)?(?:=(?P<default>.*))?", re.DOTALL
)


class DeclarationError(UserError):
    """A text declares no parameter."""

    code = "invalid-parameter"


def parse_declaration(text: str, *, output: bool = False) -> dict[str, Any]:
    """Return the parameter that `NAME:CLASS`, `NAME:CLASS?` (optional) or `NAME:CLASS=DEFAULT` declares.

    The default of an array is a JSON array, or one element as text. Raises DeclarationError,
    UnknownClassError or ClassValueError; whether the name is a good one is for the lint rules to say.
    """
    match = _DECLARATION.fullmatch(text)
    example = "log:file?" if output else "reads:file, k:int=31 or log:file?"
    if not match or not match["name"] or not match["io_class"]:
        raise DeclarationError(f"{text!r} does not read NAME:CLASS, such as {example}")
    if output and match["default"] is not None:
        raise DeclarationError(f"{text!r}: an output has no default")
    parameter: dict[str, Any] = {"name": match["name"], "class": parse_class(match["io_class"]).name}
    if match["optional"]:
        parameter["optional"] = True
    if match["default"] is not None:
        parameter["default"] = _parse_default(match["io_class"], match["default"])
    return parameter


def _parse_default(io_class: str, text: str) -> Any:
    if not io_class.startswith(ARRAY_PREFIX):
        return parse_value(io_class, text)
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise DeclarationError(f"{text!r} is no JSON array, such as [1, 2]") from None
        return values
    return [parse_value(io_class, text)]
