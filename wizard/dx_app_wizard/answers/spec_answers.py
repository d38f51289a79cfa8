"""Look up the answers that a given dxapp.json already has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dx_app_wizard.dxapp.model import language_of

MISSING: Any = object()
"""Marks the absence of an answer, as opposed to the answer null."""


def at_path(*path: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that looks up the value at a path in a spec; arrays become tuples."""

    def look_up(spec: Mapping[str, Any]) -> Any:
        value: Any = spec
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return MISSING
            value = value[key]
        return tuple(value) if isinstance(value, list) else value

    return look_up


def spec_timeout(spec: Mapping[str, Any]) -> Any:
    """Return the time limit of all entry points, or else the limits by entry point."""
    policy = at_path("runSpec", "timeoutPolicy")(spec)
    return policy.get("*", policy) if isinstance(policy, dict) else MISSING


def spec_language(spec: Mapping[str, Any]) -> Any:
    """Return the language of the interpreter."""
    return language_of(dict(spec)) or MISSING


def spec_regions(spec: Mapping[str, Any]) -> Any:
    """Return the regions in regionalOptions."""
    regions = at_path("regionalOptions")(spec)
    return frozenset(regions) if isinstance(regions, dict) else MISSING


def spec_instance_types(spec: Mapping[str, Any]) -> Any:
    """Return all instance types in a spec."""
    requirements = [at_path("runSpec", "systemRequirements")(spec)]
    regional = at_path("regionalOptions")(spec)
    if isinstance(regional, dict):
        requirements += [at_path("systemRequirements")(options) for options in regional.values()]
    if all(requirement is MISSING for requirement in requirements):
        return MISSING
    entries = [entry for found in requirements if isinstance(found, dict) for entry in found.values()]
    types = (entry.get("instanceType") for entry in entries if isinstance(entry, dict))
    return frozenset(name for name in types if isinstance(name, str))


def has_resources(spec: Mapping[str, Any]) -> bool:
    """Return whether top-level `resources` bind the app to the region in which it is built.

    `dx build` rejects regionalOptions together with it.
    """
    return "resources" in spec and "regionalOptions" not in spec


def needs_no_region(spec: Mapping[str, Any]) -> bool:
    """Return whether the app runs in the region in which it is built, whichever that is."""
    return has_resources(spec) or at_path("runSpec", "systemRequirements")(spec) is not MISSING


def needs_no_instance_type(spec: Mapping[str, Any]) -> bool:
    """Return whether no instance type is needed: the regions have defaults, or there is no region."""
    return has_resources(spec) or at_path("regionalOptions")(spec) is not MISSING
