"""The fields of a parameter for which the official wizard does not ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.readers import AnswerError
from dx_app_wizard.dxapp.classes import IO_CLASSES, LinkClass, parse_class, parse_value
from dx_app_wizard.dxapp.parameters import parse_declaration, parse_patterns

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.dxapp.classes import IOClass


@dataclass(frozen=True)
class Detail:
    """One optional field of a parameter: its title in the prompt, hint and help, and the reader of a line."""

    field: str
    title: str
    hint: str
    help: str
    read: Callable[[str], Any]


def details(io_class_name: str, *, output: bool) -> list[Detail]:
    """Return the fields that a parameter of this class may have, those that suit the class best first."""
    io_class = parse_class(io_class_name)
    is_link = isinstance(IO_CLASSES[io_class.item], LinkClass)
    texts = [_PATTERNS] if io_class.item == "file" else []
    texts.append(_HELP)
    if output:
        return texts
    texts.append(_GROUP)
    values = [default_value(io_class_name)]
    if io_class.item not in ("boolean", "hash"):
        values.append(_choices(io_class))
    if io_class.item != "hash":
        values.append(_suggestions(io_class))
    # A default or choice of a link class is an object with an ID, which few apps have.
    return [*texts, *reversed(values)] if is_link else [*values, *texts]


def default_value(io_class_name: str) -> Detail:
    """Return the default of an input of this class."""
    is_array = parse_class(io_class_name).is_array
    return Detail(
        "default",
        "Default value",
        f"of class {io_class_name}{', one element or a JSON array such as [1, 2]' if is_array else ''}",
        f"A value of class {io_class_name}; of an array, one element or a JSON array such as [1, 2].",
        lambda line: parse_declaration(f"x:{io_class_name}={line}")["default"],
    )


def _choices(io_class: IOClass) -> Detail:
    return Detail(
        "choices",
        "Choices",
        f"separated by commas, such as {_example(io_class)}",
        "The only allowed values, separated by commas or as a JSON array.",
        lambda line: _values(line, io_class),
    )


def _suggestions(io_class: IOClass) -> Detail:
    return Detail(
        "suggestions",
        "Suggestions",
        f"separated by commas, such as {_example(io_class)}",
        "Suggested values; others are allowed. Separate them by commas, or enter a JSON array.",
        lambda line: _values(line, io_class),
    )


def _example(io_class: IOClass) -> str:
    examples = {"int": "21, 31", "float": "0.5, 1", "string": "fast, exact", "boolean": "true, false"}
    return examples.get(io_class.item, f"{io_class.item}-xxxx, {io_class.item}-yyyy")


def _values(line: str, io_class: IOClass) -> list[Any]:
    if not line.startswith("["):
        return [parse_value(io_class.item, text.strip()) for text in line.split(",") if text.strip()]
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"not a JSON array: {error}") from None
    return list(values)


_PATTERNS = Detail(
    "patterns",
    "Patterns",
    "separated by spaces or commas, such as *.fastq *.fastq.gz",
    "Patterns of matching file names, separated by spaces or commas, such as *.fastq *.fastq.gz.",
    parse_patterns,
)
_HELP = Detail("help", "Help", "an explanation for users", "An explanation of the parameter for users.", str)
_GROUP = Detail(
    "group",
    "Group",
    "a heading, such as Advanced",
    "The heading under which the parameter is shown, such as Advanced.",
    str,
)
