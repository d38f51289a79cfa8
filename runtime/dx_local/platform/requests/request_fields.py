"""Read the fields of a request. The readers raise InvalidInput for a missing field or a wrong type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.ids import is_hash_id

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

_MAX_PROPERTY = 700  # bytes
_LARGEST_INTEGER = 2**63 - 1  # the largest value of an SQLite column


def text(request: JSON, name: str, default: str | None = None) -> str:
    """Return a string of the request; it is required if there is no default."""
    value = request.get(name, default)
    if not isinstance(value, str):
        raise InvalidInput(_expected(request, name, "a string"))
    if "\0" in value:
        raise InvalidInput(f'"{name}" contains a NUL character; remove it')
    return value


def optional_text(request: JSON, name: str) -> str | None:
    """Return a string of the request, or None if it is absent or null."""
    return None if request.get(name) is None else text(request, name)


def container(request: JSON, name: str = "project", default: str | None = None) -> str:
    """Return the ID of a project or container in the request; it is required if there is no default."""
    value = text(request, name, default)
    if not any(is_hash_id(value, class_name) for class_name in ("project", "container")):
        raise InvalidInput(f'"{name}" must be the ID of a project or container, not "{value}"')
    return value


def optional_container(request: JSON, name: str = "project") -> str | None:
    """Return the ID of a project or container in the request, or None if it is absent or null."""
    return None if request.get(name) is None else container(request, name)


def flag(request: JSON, name: str, *, default: bool = False) -> bool:
    """Return a boolean of the request; null counts as absent."""
    value = request.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput(_expected(request, name, "a boolean"))
    return value


def integer(request: JSON, name: str, default: int | None = None) -> int:
    """Return an integer of the request; it is required if there is no default."""
    value = request.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST_INTEGER:
        raise InvalidInput(_expected(request, name, "an integer"))
    return value


def number(request: JSON, name: str) -> float:
    """Return a number of the request, which is required."""
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(_expected(request, name, "a number"))
    return value


def turnaround_threshold(request: JSON) -> int | None:
    """Return the `treeTurnaroundTimeThreshold` of a request, in s; None if it is absent or null."""
    name = "treeTurnaroundTimeThreshold"
    if request.get(name) is None:
        return None
    threshold = integer(request, name)
    if threshold < 1:
        raise InvalidInput(f'"{name}" must be at least 1 second, not {threshold}')
    return threshold


def strings(request: JSON, name: str, default: list[str] | None = None) -> list[str]:
    """Return an array of strings of the request, in order and without duplicates."""
    value = request.get(name, default)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(_expected(request, name, "an array of strings"))
    return list(dict.fromkeys(value))


def mapping(request: JSON, name: str, default: JSON | None = None) -> JSON:
    """Return a hash of the request; it is required if there is no default."""
    value = request.get(name, default)
    if not isinstance(value, dict):
        raise InvalidInput(_expected(request, name, "a hash"))
    return value


def properties(request: JSON, name: str = "properties") -> dict[str, str]:
    """Return a hash of strings of the request, empty if it is absent."""
    found = mapping(request, name, {})
    for key, value in found.items():
        if not isinstance(value, str):
            raise InvalidInput(f'the property "{key}" must be a string, not {_kind(value)}; quote it')
        if len(value.encode()) > _MAX_PROPERTY:
            longest = f"{_MAX_PROPERTY} UTF-8 encoded bytes"
            raise InvalidInput(f'Expected key "{name}.{key}" of input to be no longer than {longest}')
    return found


def changed_tags(
    tags: list[str], *, add: list[str] | None = None, remove: list[str] | None = None
) -> list[str]:
    """Return tags with some added and some removed, without duplicates."""
    removed = set(remove or ())
    return [tag for tag in dict.fromkeys([*tags, *(add or ())]) if tag not in removed]


def changed_properties(old: dict[str, str], request: JSON) -> dict[str, str]:
    """Return the old properties with those of the request set, or removed if they are null."""
    changes = mapping(request, "properties")
    kept = {key: value for key, value in changes.items() if value is not None}
    properties({"properties": kept})
    return {key: value for key, value in {**old, **changes}.items() if value is not None}


def _expected(request: JSON, name: str, kind: str) -> str:
    if name not in request:
        return f'"{name}" is missing; it must be {kind}'
    return f'"{name}" must be {kind}, not {_kind(request[name])}'


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", list: "an array"}
    return kinds.get(type(value), "a hash")
