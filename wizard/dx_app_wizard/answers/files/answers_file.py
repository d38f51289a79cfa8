"""Read an answers file: JSON or YAML with one key per question, from a file or from standard input.

It may also contain the dxapp.json to start from.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.answers.sources import Source
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.errors import Place, SpecFileError

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.json_document import Document, JsonPath, Position

STANDARD_INPUT = Path("-")
JSON_FILE_KEY = "json_file"
"""The key of the dxapp.json to start from: an array of its lines, which keeps its layout, or the object."""

_FOR_EDITORS = "$schema"
_YAML_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class AnswersFile:
    """The answers in a file, and the dxapp.json in it, which messages refer to as `spec_path`."""

    source: Source
    spec: Document | None
    spec_path: Path


def read_answers(path: Path) -> AnswersFile:
    """Read answers from a file, or from standard input if the path is `-`.

    Files with the suffix .yaml or .yml are YAML, all others JSON. Standard input is JSON if it begins with
    `{`. Raises SpecFileError with line and column.
    """
    name, data = _bytes(path)
    text = json_document.decode(data, name)
    is_yaml = not text.lstrip().startswith("{") if path == STANDARD_INPUT else path.suffix in _YAML_SUFFIXES
    document = _parse(text, name, is_yaml=is_yaml)
    if not isinstance(document.value, dict):
        raise SpecFileError(name, "must contain an object with one key per question", 1, 1)
    document.value.pop(_FOR_EDITORS, None)
    spec_path = name
    spec = document.value.pop(JSON_FILE_KEY, None)
    if isinstance(spec, list) and all(isinstance(line, str) for line in spec):
        spec_path = Path(f"{name} ({JSON_FILE_KEY})")
        spec = json_document.parse("\n".join(spec), spec_path)
    elif isinstance(spec, dict):
        spec = json_document.Document(spec, _below(JSON_FILE_KEY, document), json_document.dumps(spec))
    elif spec is not None:
        at = document.positions[(JSON_FILE_KEY,)]
        message = (
            f"must have a hash as in dxapp.json, or its lines, in {JSON_FILE_KEY}; --json-file takes a path"
        )
        raise SpecFileError(name, message, at.line, at.column)
    source = Source(document.value, Place(str(name)), positions=document.positions)
    return AnswersFile(source, spec, spec_path)


def _below(key: str, document: Document) -> dict[JsonPath, Position]:
    """Return the positions inside the value of a key, by their paths in that value."""
    return {path[1:]: at for path, at in document.positions.items() if path[:1] == (key,)}


def _parse(text: str, name: Path, *, is_yaml: bool) -> Document:
    if not is_yaml:
        return json_document.parse(text, name)
    from dx_app_wizard.answers.files import yaml_document

    return yaml_document.parse(text, name)


def _bytes(path: Path) -> tuple[Path, bytes]:
    """Return the file's name for messages, and its content."""
    if path != STANDARD_INPUT:
        return path, json_document.read_bytes(path)
    name = Path("<stdin>")
    try:
        return name, sys.stdin.buffer.read()
    except (AttributeError, ValueError, OSError) as error:
        raise SpecFileError(name, "cannot be read: there is no standard input") from error
