"""Parse parameters from a command line: `reads:file`, `reference:file?`, `k:int=31`."""

from __future__ import annotations

import json
import re
from typing import Any

from dx_app_wizard.dxapp.classes import ARRAY_PREFIX, parse_class, parse_value
from dx_app_wizard.errors import UserError

LIST_FIELDS = ("choices", "suggestions", "patterns")
FIELDS = ("label", "help", "group", "optional", "default", *LIST_FIELDS, "type")
"""The fields of a parameter other than name and class."""

_DECLARATION = re.compile(
    r"(?P<name>[^:=]*):(?P<io_class>[^?=]*)(?P<optional>\?)?(?:=(?P<default>.*))?", re.DOTALL
)


class DeclarationError(UserError):
    """A text is not a declaration of a parameter."""

    code = "invalid-parameter"


def parse_declaration(text: str, *, output: bool = False) -> dict[str, Any]:
    """Parse `NAME:CLASS`, `NAME:CLASS?` (optional) or `NAME:CLASS=DEFAULT`.

    The default of an array is a JSON array, or one element as text. Raises DeclarationError,
    UnknownClassError or ClassValueError. The name is not checked; lint rules do that.
    """
    match = _DECLARATION.fullmatch(text)
    example = "log:file?" if output else "reads:file, k:int=31 or log:file?"
    if not match or not match["name"] or not match["io_class"]:
        raise DeclarationError(f"{text!r} is not of the form NAME:CLASS, such as {example}")
    if output and match["default"] is not None:
        raise DeclarationError(f"{text!r}: an output cannot have a default")
    parameter: dict[str, Any] = {"name": match["name"], "class": parse_class(match["io_class"]).name}
    if match["optional"]:
        parameter["optional"] = True
    if match["default"] is not None:
        parameter["default"] = _parse_default(match["io_class"], match["default"])
    return parameter


def parse_field(io_class: str, field: str, text: str) -> Any:
    """Parse the value of one field of a parameter of this class, such as its help or its choices.

    Choices, suggestions and patterns are a JSON array, or texts separated by commas; patterns also by spaces.
    Raises DeclarationError, UnknownClassError or ClassValueError.
    """
    if field not in FIELDS:
        raise DeclarationError(f"a parameter has no field {field!r}", f"Fields are {', '.join(FIELDS)}.")
    if field == "optional":
        return parse_value("boolean", text)
    if field == "default":
        return _parse_default(io_class, text)
    if field in ("patterns", "type") and text.lstrip().startswith("{"):
        return parse_value("hash", text)
    if field == "patterns":
        return parse_patterns(text)
    if field in LIST_FIELDS:
        return _parse_list(parse_class(io_class).item, text)
    return text


def parse_patterns(text: str) -> Any:
    """Parse patterns of file names, separated by commas and spaces: `*.fq, *.fastq` or `*.fq *.fastq`.

    A pattern with a space in it needs a JSON array. Raises DeclarationError.
    """
    return _parse_array(text) if _is_array(text) else [part for part in re.split(r"[,\s]+", text) if part]


def _parse_list(item: str, text: str) -> Any:
    if _is_array(text):
        return _parse_array(text)
    return [parse_value(item, part.strip()) for part in text.split(",") if part.strip()]


def _parse_default(io_class: str, text: str) -> Any:
    if not io_class.startswith(ARRAY_PREFIX):
        return parse_value(io_class, text)
    return _parse_array(text) if _is_array(text) else [parse_value(io_class, text)]


def _is_array(text: str) -> bool:
    return text.lstrip().startswith("[")


def _parse_array(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise DeclarationError(f"{text!r} is not a JSON array such as [1, 2]") from None


def _no_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
