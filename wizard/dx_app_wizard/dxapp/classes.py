"""The I/O classes of DNAnexus executables: parse, format, check, and give a sample value.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import Reference, is_link, link, link_id, parse_reference
from dx_app_wizard.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE_CLASSES = ("int", "float", "string", "boolean", "hash")
"""Classes whose values are plain JSON."""

LINK_CLASSES = ("file", "record", "applet", "workflow", "database", "dbcluster", "job", "app", "gtable")
"""Classes whose values are links; `gtable` is history, `job` and `app` are accepted by `dx run` only."""

USUAL_CLASSES = (*VALUE_CLASSES, "file", "record", "applet", "workflow")
"""The classes that a wizard offers."""

SCALAR_CLASSES = (*VALUE_CLASSES, *LINK_CLASSES)
ARRAY_PREFIX = "array:"
CLASSES = (*SCALAR_CLASSES, *(ARRAY_PREFIX + item for item in SCALAR_CLASSES))

_HASH_ID = r"[0-9A-Za-z]{24}"
_REFERENCE = re.compile(rf"(job-{_HASH_ID}|localjob-\w+):(\S+?)(?:\.(\d+))?")
_OBJECT = re.compile(rf"(?:((?:project|container)-{_HASH_ID}):)?([a-z]+)-({_HASH_ID})")
_INT = re.compile(r"[+-]?[0-9]{1,4000}")


class UnknownClassError(UserError):
    """`name` is no I/O class; `suggestion` is the class that was probably meant, if any."""

    code = "unknown-class"

    def __init__(self, name: str, suggestion: str | None) -> None:
        hint = (
            f"Did you mean {suggestion!r}?"
            if suggestion
            else f"Classes are {', '.join(USUAL_CLASSES)}, and array:CLASS."
        )
        super().__init__(f"{name!r} is not an I/O class", hint)
        self.name = name
        self.suggestion = suggestion


class ClassValueError(UserError, ValueError):
    """`text` is no value of `io_class`; `expectation` says what would be one."""

    code = "invalid-value"

    def __init__(self, io_class: str, text: str, expectation: str) -> None:
        super().__init__(f"{text!r} is not a value of class {io_class}: expected {expectation}")
        self.io_class = io_class
        self.text = text
        self.expectation = expectation


@dataclass(frozen=True)
class IOClass:
    """An I/O class taken apart: `array:file` has the item class `file`.

    `is_data_object` is true where values (or elements) are links: data objects, and also jobs and apps.
    """

    name: str
    item: str
    is_array: bool
    is_data_object: bool


def parse_class(name: str) -> IOClass:
    """Return the class called name; raise UnknownClassError, with a suggestion for a near miss."""
    item = name.removeprefix(ARRAY_PREFIX)
    if item not in SCALAR_CLASSES:
        raise UnknownClassError(name, _near_miss(name))
    return IOClass(name=name, item=item, is_array=item != name, is_data_object=item in LINK_CLASSES)


def parse_value(io_class: str, text: str) -> Any:
    """Return the JSON value that `dx run -iNAME=TEXT` gives an input of this class.

    For an array class, text is one element. `job-xxxx:field` (`.N` for an element) is a reference, for any
    class; `file-xxxx` and `project-xxxx:file-xxxx` are links. Names and paths are the caller's to look up
    first. Raises ClassValueError, or UnknownClassError.
    """
    item = parse_class(io_class).item
    reference = _parse_reference_text(text)
    if reference is not None:
        return reference.to_json()
    if item in LINK_CLASSES:
        return _parse_link(item, text)
    return _PARSERS[item](text)


def mismatch(io_class: str, value: Any) -> str | None:
    """Return None when value fits the class, else what is wrong with it, and where in an array.

    References fit everywhere, arrays may be nested (the platform flattens them), an int fits a float, and a
    boolean is no number. Whether the linked object is really of its class only the platform knows: the ID's
    prefix must fit.
    """
    declared = parse_class(io_class)
    if parse_reference(value) is not None:
        return None
    if not declared.is_array:
        return _item_mismatch(declared.item, value)
    if not isinstance(value, list):
        return f"expected an array of {declared.item}, got {describe_value(value)}"
    return _array_mismatch(declared.item, value, "")


def sample_value(io_class: str) -> Any:
    """Return a small, typical value of a class of plain JSON; ValueError where values are links."""
    declared = parse_class(io_class)
    if declared.is_data_object:
        raise ValueError(f"a value of class {io_class} is a link to an object that must exist")
    sample: Any = {
        "int": 3,
        "float": 0.5,
        "string": "sample text",
        "boolean": True,
        "hash": {"key": "value"},
    }[declared.item]
    return [sample] if declared.is_array else sample


def flatten(values: Any) -> list[Any]:
    """Return the elements of an array input, nested arrays spliced in: `[1, [2, [3]]]` is `[1, 2, 3]`."""
    if not isinstance(values, list):
        return [values]
    return [element for value in values for element in flatten(value)]


def describe_value(value: Any) -> str:
    """Return what a JSON value is, in words for an error message: `string "abc"`, `hash`, `null`."""
    if value is None:
        return "null"
    if is_link(value):
        return f"a link to {link_id(value)}"
    kinds = {bool: "boolean", int: "int", float: "float", str: "string", list: "array", dict: "hash"}
    kind = kinds.get(type(value), type(value).__name__)
    if isinstance(value, (list, dict)):
        return f"{'an' if kind == 'array' else 'a'} {kind}"
    text = json.dumps(value, ensure_ascii=False)
    return f"{kind} {text if len(text) <= 60 else text[:57] + '…'}"


def _near_miss(name: str) -> str | None:
    """Return the class that was probably meant by name: another case, a plural, a typing error."""
    synonyms = {
        "str": "string", "text": "string", "integer": "int", "number": "float", "double": "float",
        "bool": "boolean", "dict": "hash", "json": "hash", "object": "hash", "files": "file",
    }  # fmt: skip
    text = name.strip().lower()
    prefix, colon, item = text.rpartition(":")
    if item in synonyms and prefix in ("", "array"):
        return prefix + colon + synonyms[item]
    return next(iter(get_close_matches(text, CLASSES, n=1, cutoff=0.75)), None)


def _parse_reference_text(text: str) -> Reference | None:
    match = _REFERENCE.fullmatch(text)
    if not match:
        return None
    job, field, index = match.groups()
    return Reference(job, field, index=None if index is None else int(index))


def _parse_link(item: str, text: str) -> dict[str, Any]:
    match = _OBJECT.fullmatch(text.strip())
    if not match or match[2] != item:
        raise ClassValueError(item, text, f"an ID such as {item}-xxxx, with 24 characters after the dash")
    project, class_name, rest = match.groups()
    return link(f"{class_name}-{rest}", project)


def _parse_int(text: str) -> int:
    if not _INT.fullmatch(text.strip()):
        raise ClassValueError("int", text, "a whole number such as 42")
    return int(text)


def _parse_float(text: str) -> float:
    expectation = "a number such as 0.5; JSON has neither NaN nor Infinity"
    try:
        number = float(text)
    except ValueError:
        raise ClassValueError("float", text, expectation) from None
    if not math.isfinite(number):
        raise ClassValueError("float", text, expectation)
    return number


def _parse_boolean(text: str) -> bool:
    """Accept what `dx run` accepts: any beginning of true or false, in any case, or 1 or 0."""
    word = text.strip().lower()
    if word and ("true".startswith(word) or word == "1"):
        return True
    if word and ("false".startswith(word) or word == "0"):
        return False
    raise ClassValueError("boolean", text, "true or false")


def _parse_hash(text: str) -> dict[str, Any]:
    expectation = 'a JSON object such as {"key": "value"}'
    try:
        value = json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        raise ClassValueError("hash", text, expectation) from None
    if not isinstance(value, dict):
        raise ClassValueError("hash", text, expectation)
    return value


def _no_json(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


_PARSERS: dict[str, Callable[[str], Any]] = {
    "int": _parse_int,
    "float": _parse_float,
    "string": str,
    "boolean": _parse_boolean,
    "hash": _parse_hash,
}


def _array_mismatch(item: str, values: list[Any], position: str) -> str | None:
    for index, value in enumerate(values):
        here = f"{position}[{index}]"
        if isinstance(value, list):
            wrong = _array_mismatch(item, value, here)
        elif parse_reference(value) is not None:
            wrong = None
        else:
            found = _item_mismatch(item, value)
            wrong = found and f"{here}: {found}"
        if wrong:
            return wrong
    return None


def _item_mismatch(item: str, value: Any) -> str | None:
    if item in LINK_CLASSES:
        return _link_mismatch(item, value)
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "hash": isinstance(value, dict),
    }[item]
    return None if fits else f"expected {item}, got {describe_value(value)}"


def _link_mismatch(item: str, value: Any) -> str | None:
    entity_id = link_id(value)
    if entity_id is None:
        return f"expected a link to a {item}, got {describe_value(value)}"
    if entity_id.partition("-")[0] != item:
        return f"expected a link to a {item}, got {describe_value(value)}"
    return None
