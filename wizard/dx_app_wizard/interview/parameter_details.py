"""What dxapp.json can say of a parameter beyond what the official wizard asks for."""

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
    """One optional field of a parameter: the prompt's words, hint and help, and how to read a line."""

    field: str
    words: str
    hint: str
    help: str
    read: Callable[[str], Any]


def details(io_class_name: str, *, output: bool) -> list[Detail]:
    """Return the details that a parameter of this class may have, in the order in which to ask."""
    io_class = parse_class(io_class_name)
    possible = []
    if not output and io_class.item not in ("boolean", "hash"):
        possible.append(
            Detail(
                "choices",
                "Choices (optional)",
                f"with commas between, such as {_example(io_class)}",
                "The only values that a run may give. A JSON array does, too.",
                lambda line: _values(line, io_class),
            )
        )
    if not output and io_class.item != "hash":
        possible.append(
            Detail(
                "suggestions",
                "Suggestions (optional)",
                f"with commas between, such as {_example(io_class)}",
                "Values to pick from; a run may give others. A JSON array does, too.",
                lambda line: _values(line, io_class),
            )
        )
    if io_class.item == "file":
        possible.append(
            Detail(
                "patterns",
                "Patterns (optional)",
                "with commas between, such as *.fastq, *.fastq.gz",
                "Which file names fit, with commas between, such as *.fastq, *.fastq.gz.",
                _listed,
            )
        )
    possible.append(
        Detail("help", "Help (optional)", "what it means, for whom", "What the parameter means.", str)
    )
    if not output:
        possible.append(
            Detail(
                "group",
                "Group (optional)",
                "a heading, such as Advanced",
                "The heading under which it is shown, such as Advanced.",
                str,
            )
        )
    return possible


def _example(io_class: IOClass) -> str:
    examples = {"int": "21, 31", "float": "0.5, 1", "string": "fast, exact", "boolean": "true, false"}
    return examples.get(io_class.item, f"{io_class.item}-xxxx, {io_class.item}-yyyy")


def _values(line: str, io_class: IOClass) -> list[Any]:
    if not line.startswith("["):
        return [parse_value(io_class.item, text) for text in _listed(line)]
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"is no JSON array: {error}") from None
    return list(values)


def _listed(line: str) -> list[str]:
    return [text.strip() for text in line.split(",") if text.strip()]
