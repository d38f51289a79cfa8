"""Whether a value plainly has the shape that a schema asks for: a quick yes, and no reasons.

Loading jsonschema takes longer than all the rest of a lint together, and nearly every dxapp.json has the
right shape. So this answers first, and only after a no jsonschema says what is wrong, and has the last word.
"""

from __future__ import annotations

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


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Tell whether value has the shape of schema; also no where schema says what is not understood here."""
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
    """Return the parts of a value, each with the schema that it must follow."""
    if isinstance(value, list):
        return [(item, schema["items"]) for item in value] if "items" in schema else []
    if not isinstance(value, dict):
        return []
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", {})
    return [(item, known.get(key, other)) for key, item in value.items()]
