"""The I/O classes of DNAnexus executables: one table, and functions that parse and check values.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

import copy
import json
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.dxapp.links import Reference, is_link, link, link_id, parse_reference
from dx_app_wizard.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

ARRAY_PREFIX = "array:"

_HASH_ID = r"[0-9A-Za-z]{24}"
_REFERENCE = re.compile(rf"(job-{_HASH_ID}|localjob-\w+):(\S+?)(?:\.(\d+))?")
_OBJECT = re.compile(rf"(?:((?:project|container)-{_HASH_ID}):)?([a-z]+)-({_HASH_ID})")
_INT = re.compile(r"[+-]?[0-9]{1,4000}")


class UnknownClassError(UserError):
    """`name` is not an I/O class; `suggestion` is the class that was probably meant, if any."""

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
    """`text` is not a value of `io_class`; `expectation` describes a valid one."""

    code = "invalid-value"

    def __init__(self, io_class: str, text: str, expectation: str) -> None:
        super().__init__(f"{text!r} is not a value of class {io_class}: expected {expectation}")
        self.io_class = io_class
        self.text = text
        self.expectation = expectation


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
    """Accept the same texts as `dx run`: any prefix of true or false, in any case, or 1 or 0."""
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
    raise ValueError(f"{constant} is not JSON")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_float(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_a(kind: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind)


class ValueClass(NamedTuple):
    """A class whose values are plain JSON.

    `one` and `several` name its values in the menus of the wizard; `parse` reads the text of an `-i` option
    and raises ClassValueError; `accepts` checks a JSON value.
    """

    name: str
    one: str
    several: str
    sample: Any
    parse: Callable[[str], Any]
    accepts: Callable[[Any], bool]


class LinkClass(NamedTuple):
    """A class whose values are links to objects, the IDs of which begin with its name.

    The wizard offers the class if `one` and `several` name its values. `is_emulated` is true if the local
    platform supports its objects.
    """

    name: str
    one: str = ""
    several: str = ""
    is_data_object: bool = True
    is_emulated: bool = False


IO_CLASSES: dict[str, ValueClass | LinkClass] = {
    io_class.name: io_class
    for io_class in (
        ValueClass("int", "a whole number", "whole numbers", 3, _parse_int, _is_int),
        ValueClass("float", "a number", "numbers", 0.5, _parse_float, _is_float),
        ValueClass("string", "text", "texts", "sample text", str, _is_a(str)),
        ValueClass("boolean", "true or false", "true/false values", True, _parse_boolean, _is_a(bool)),
        ValueClass("hash", "a JSON object", "JSON objects", {"key": "value"}, _parse_hash, _is_a(dict)),
        LinkClass("file", "a file", "files", is_emulated=True),
        LinkClass("record", "a record", "records", is_emulated=True),
        LinkClass("applet", "an applet", "applets", is_emulated=True),
        LinkClass("workflow", "a workflow", "workflows", is_emulated=True),
        LinkClass("database"),
        LinkClass("dbcluster"),
        # `dx run` accepts these two, although the documentation of I/O classes does not list them.
        LinkClass("job", is_data_object=False),
        LinkClass("app", is_data_object=False),
        # The platform has dropped gtables, but apps written for them are still around.
        LinkClass("gtable", is_emulated=True),
    )
}
"""Every I/O class except arrays. Everything that depends on the set of classes is derived from this table."""

_LINKS = [io_class for io_class in IO_CLASSES.values() if isinstance(io_class, LinkClass)]

LINK_CLASSES = tuple(io_class.name for io_class in _LINKS)
VALUE_CLASSES = tuple(name for name in IO_CLASSES if name not in LINK_CLASSES)
USUAL_CLASSES = tuple(name for name, io_class in IO_CLASSES.items() if io_class.one)
"""The classes that the wizard offers."""

DATA_CLASSES = tuple(io_class.name for io_class in _LINKS if io_class.is_data_object)
"""The classes of data objects, which projects contain."""

EMULATED_CLASSES = tuple(io_class.name for io_class in _LINKS if io_class.is_emulated)
"""The classes of data objects that the local platform supports."""

CLASSES = (*IO_CLASSES, *(ARRAY_PREFIX + name for name in IO_CLASSES))
"""All class names, arrays included."""


class IOClass(NamedTuple):
    """A parsed I/O class: `array:file` is an array with the item class `file`.

    `is_link` is true if values, or the elements of arrays, are links.
    """

    name: str
    item: str
    is_array: bool
    is_link: bool

    @property
    def is_data_object(self) -> bool:
        """True if values, or the elements of arrays, are links to data objects."""
        return self.item in DATA_CLASSES


def parse_class(name: str) -> IOClass:
    """Parse the name of a class; raise UnknownClassError, with a suggestion for a near miss."""
    item = name.removeprefix(ARRAY_PREFIX)
    if item not in IO_CLASSES:
        raise UnknownClassError(name, _near_miss(name))
    return IOClass(name=name, item=item, is_array=item != name, is_link=item in LINK_CLASSES)


def parse_value(io_class: str, text: str) -> Any:
    """Return the JSON value that `dx run -iNAME=TEXT` passes to an input of this class.

    For an array class, text is one element. `job-xxxx:field` (`.N` for an element) is a reference, for any
    class; `file-xxxx` and `project-xxxx:file-xxxx` are links. The caller resolves names and paths first.
    Raises ClassValueError, or UnknownClassError.
    """
    item = parse_class(io_class).item
    reference = _parse_reference_text(text)
    if reference is not None:
        return reference.to_json()
    scalar = IO_CLASSES[item]
    return scalar.parse(text) if isinstance(scalar, ValueClass) else _parse_link(item, text)


def mismatch(io_class: str, value: Any) -> str | None:
    """Return why a value is not of a class, with the position in an array; None if it is.

    References fit every class, arrays may be nested (the platform flattens them), an int fits float, and a
    boolean is not a number. Of a linked object only the prefix of its ID is checked.
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
    """Return a typical value of a class of plain JSON; raise ValueError if the values are links."""
    declared = parse_class(io_class)
    item = IO_CLASSES[declared.item]
    if isinstance(item, LinkClass):
        raise ValueError(f"a value of class {io_class} is a link to an object that must exist")  # noqa: TRY004
    sample = copy.deepcopy(item.sample)
    return [sample] if declared.is_array else sample


def flatten(values: Any) -> list[Any]:
    """Return the elements of an array with nested arrays flattened: `[1, [2, [3]]]` becomes `[1, 2, 3]`."""
    if not isinstance(values, list):
        return [values]
    return [element for value in values for element in flatten(value)]


def describe_value(value: Any) -> str:
    """Describe a JSON value in an error message: `string "abc"`, `a hash`, `null`."""
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
    """Return the class that was probably meant: in another case, as a plural, or with a typo."""
    synonyms = {
        "str": "string", "text": "string", "integer": "int", "number": "float", "double": "float",
        "bool": "boolean", "dict": "hash", "json": "hash", "object": "hash", "files": "file",
    }  # fmt: skip
    text = name.strip().lower()
    prefix, colon, item = text.rpartition(":")
    if item in synonyms and prefix in ("", "array"):
        return prefix + colon + synonyms[item]
    from difflib import get_close_matches

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
    io_class = IO_CLASSES[item]
    if not isinstance(io_class, ValueClass):
        return _link_mismatch(item, value)
    return None if io_class.accepts(value) else f"expected {item}, got {describe_value(value)}"


def _link_mismatch(item: str, value: Any) -> str | None:
    entity_id = link_id(value)
    if entity_id is None or entity_id.partition("-")[0] != item:
        return f"expected a link to a {item}, got {describe_value(value)}"
    return None
