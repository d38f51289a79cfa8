"""An answers file: one key per question, as JSON or YAML, from a file or from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.answering.sources import Source
from dx_app_wizard.errors import Place, SpecFileError
from dx_app_wizard.spec import jsonfile

if TYPE_CHECKING:
    from dx_app_wizard.spec.jsonfile import Document

STANDARD_INPUT = Path("-")
_FOR_EDITORS = "$schema"
_YAML_SUFFIXES = (".yaml", ".yml")


def read_answers(path: Path) -> Source:
    """Read answers; `-` is standard input, to its end.

    The suffixes .yaml and .yml mean YAML, all others JSON; standard input is JSON if it begins with `{`.
    Raises SpecFileError with line and column.
    """
    name, data = _bytes(path)
    text = jsonfile.decode(data, name)
    is_yaml = not text.lstrip().startswith("{") if path == STANDARD_INPUT else path.suffix in _YAML_SUFFIXES
    document = _parse(text, name, is_yaml=is_yaml)
    if not isinstance(document.value, dict):
        raise SpecFileError(name, "must hold an object with one key per question", 1, 1)
    document.value.pop(_FOR_EDITORS, None)
    return Source(document.value, Place(str(name)), positions=document.positions)


def _parse(text: str, name: Path, *, is_yaml: bool) -> Document:
    if not is_yaml:
        return jsonfile.parse(text, name)
    from dx_app_wizard.answering import yaml_document

    return yaml_document.parse(text, name)


def _bytes(path: Path) -> tuple[Path, bytes]:
    """Return what errors call the file, and what it holds."""
    if path != STANDARD_INPUT:
        return path, jsonfile.read_bytes(path)
    name = Path("<stdin>")
    try:
        return name, sys.stdin.buffer.read()
    except (AttributeError, ValueError, OSError) as error:
        raise SpecFileError(name, "cannot be read: there is no standard input") from error
