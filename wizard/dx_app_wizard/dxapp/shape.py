"""The JSON Schema of dxapp.json, and a fast check that handles the common case of a valid file.

Importing jsonschema takes longer than the rest of a lint run, and nearly every dxapp.json is valid. So this
check runs first; only if it fails, jsonschema decides and explains the violations.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
_KNOWN = frozenset(
    {"type", "properties", "additionalProperties", "items", "$ref", "enum", "minimum", "description"}
)
_ABOUT_THE_SCHEMA = frozenset({"$schema", "$defs", "title"})


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of dxapp.json."""
    path = Path(__file__).parent / "dxapp.schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Return whether value conforms to schema; also False if schema uses a keyword unknown here."""
    return _conforms(value, schema, schema.get("$defs", {}))


def _conforms(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> bool:
    if not schema.keys() <= _KNOWN | _ABOUT_THE_SCHEMA:
        return False
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return name in definitions and _conforms(value, definitions[name], definitions)
    if "type" in schema and not _has_type(value, schema["type"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "minimum" in schema and isinstance(value, (int, float)) and value < schema["minimum"]:
        return False
    return all(_conforms(part, rule, definitions) for part, rule in _parts(value, schema))


def _has_type(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    return any(name in _TYPES and _TYPES[name](value) for name in names)


def _parts(value: Any, schema: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    """Return the elements or members of a value, each with its schema."""
    if isinstance(value, list):
        return [(item, schema["items"]) for item in value] if "items" in schema else []
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", {})
    return [(item, known.get(key, other)) for key, item in value.items()]
