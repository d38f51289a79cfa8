"""Read parts of a raw dxapp.json, any of which may be absent or of the wrong type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.dxapp.classes import UnknownClassError, parse_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath


def hash_at(value: Any, *path: str) -> dict[str, Any]:
    """Return the hash at path in value, or an empty hash."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return value if it is an array, or else an empty array."""
    return value if isinstance(value, list) else []


def requirements(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, str | None, dict[str, Any]]]:
    """Yield the path, region (None in runSpec) and hash of the system requirements of each entry point."""
    run = hash_at(spec, "runSpec")
    places: list[tuple[JsonPath, str | None, dict[str, Any]]] = [
        (("runSpec", "systemRequirements"), None, hash_at(run, "systemRequirements"))
    ]
    for region, by_entry_point in hash_at(run, "systemRequirementsByRegion").items():
        path: JsonPath = ("runSpec", "systemRequirementsByRegion", region)
        places.append((path, region, hash_at(by_entry_point)))
    for region, options in hash_at(spec, "regionalOptions").items():
        path = ("regionalOptions", region, "systemRequirements")
        places.append((path, region, hash_at(hash_at(options), "systemRequirements")))
    for path, place, by_entry_point in places:
        for entry_point, requirement in by_entry_point.items():
            if isinstance(requirement, dict):
                yield (*path, entry_point), place, requirement


class Parameter(NamedTuple):
    """A raw parameter and its path."""

    path: JsonPath
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        """The name, or else the position."""
        return str(self.raw.get("name", f"#{self.path[-1]}"))

    @property
    def io_class(self) -> str | None:
        """The class, None if it is missing or unknown."""
        name = self.raw.get("class")
        try:
            return parse_class(name).name if isinstance(name, str) else None
        except UnknownClassError:
            return None


def parameters(spec: dict[str, Any], *keys: str) -> Iterator[Parameter]:
    """Yield the parameters under these keys, by default inputSpec and outputSpec."""
    for key in keys or ("inputSpec", "outputSpec"):
        fields = spec.get(key)
        for index, field in enumerate(fields if isinstance(fields, list) else []):
            if isinstance(field, dict):
                yield Parameter((key, index), field)
