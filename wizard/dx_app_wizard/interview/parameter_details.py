"""The fields of a parameter for which the official wizard does not ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.readers import AnswerError
from dx_app_wizard.dxapp.classes import parse_class, parse_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_app_wizard.dxapp.classes import IOClass


@dataclass(frozen=True)
class Detail:
    """One optional field of a parameter: the prompt with its hint and help, and the reader of a line."""

    field: str
    message: str
    hint: str
    help: str
    read: Callable[[str], Any]


def details(io_class_name: str, *, output: bool) -> list[Detail]:
    """Return the fields that a parameter of this class may have, in the order of the questions."""
    io_class = parse_class(io_class_name)
    by_commas = f"separated by commas, such as {_example(io_class)}"

    def read_values(line: str) -> list[Any]:
        return _values(line, io_class)

    choices = Detail(
        "choices",
        "Choices (optional)",
        by_commas,
        "The only allowed values, separated by commas or as a JSON array.",
        read_values,
    )
    suggestions = Detail(
        "suggestions",
        "Suggestions (optional)",
        by_commas,
        "Suggested values; others are allowed. Separate them by commas, or enter a JSON array.",
        read_values,
    )
    applicable = {
        choices: not output and io_class.item not in ("boolean", "hash"),
        suggestions: not output and io_class.item != "hash",
        _PATTERNS: io_class.item == "file",
        _HELP: True,
        _GROUP: not output,
    }
    return [detail for detail, applies in applicable.items() if applies]


def _example(io_class: IOClass) -> str:
    examples = {"int": "21, 31", "float": "0.5, 1", "string": "fast, exact", "boolean": "true, false"}
    return examples.get(io_class.item, f"{io_class.item}-xxxx, {io_class.item}-yyyy")


def _values(line: str, io_class: IOClass) -> list[Any]:
    if not line.startswith("["):
        return [parse_value(io_class.item, text) for text in _split(line)]
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"not a JSON array: {error}") from None
    return list(values)


def _split(line: str) -> list[str]:
    return [text.strip() for text in line.split(",") if text.strip()]


_PATTERNS = Detail(
    "patterns",
    "Patterns (optional)",
    "separated by commas, such as *.fastq, *.fastq.gz",
    "Patterns of matching file names, separated by commas, such as *.fastq, *.fastq.gz.",
    _split,
)
_HELP = Detail(
    "help", "Help (optional)", "an explanation for users", "An explanation of the parameter for users.", str
)
_GROUP = Detail(
    "group",
    "Group (optional)",
    "a heading, such as Advanced",
    "The heading under which the parameter is shown, such as Advanced.",
    str,
)
