"""What a given dxapp.json says already: looked up for each question, in the raw hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dx_app_wizard.lint.rules.io import language_of

MISSING: Any = object()
"""Stands for no answer, where null is one."""


def under(*path: str) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that looks a value up in a spec; arrays come as tuples."""

    def standing(spec: Mapping[str, Any]) -> Any:
        value: Any = spec
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return MISSING
            value = value[key]
        return tuple(value) if isinstance(value, list) else value

    return standing


def standing_timeout(spec: Mapping[str, Any]) -> Any:
    """Return the time limit of every entry point, or else the limits by entry point."""
    policy = under("runSpec", "timeoutPolicy")(spec)
    return policy.get("*", policy) if isinstance(policy, dict) else MISSING


def standing_language(spec: Mapping[str, Any]) -> Any:
    """Return the language of the interpreter."""
    return language_of(dict(spec)) or MISSING


def standing_regions(spec: Mapping[str, Any]) -> Any:
    """Return all regions of regionalOptions."""
    regions = under("regionalOptions")(spec)
    return frozenset(regions) if isinstance(regions, dict) else MISSING


def standing_instance_types(spec: Mapping[str, Any]) -> Any:
    """Return the instance types that a spec names anywhere."""
    requirements = [under("runSpec", "systemRequirements")(spec)]
    regional = under("regionalOptions")(spec)
    if isinstance(regional, dict):
        requirements += [under("systemRequirements")(options) for options in regional.values()]
    if all(requirement is MISSING for requirement in requirements):
        return MISSING
    entries = [entry for found in requirements if isinstance(found, dict) for entry in found.values()]
    types = (entry.get("instanceType") for entry in entries if isinstance(entry, dict))
    return frozenset(name for name in types if isinstance(name, str))


def has_resources(spec: Mapping[str, Any]) -> bool:
    """Return whether `resources` at the top binds the app to the region that it is built in.

    `dx build` refuses regionalOptions beside it.
    """
    return "resources" in spec and "regionalOptions" not in spec


def needs_no_region(spec: Mapping[str, Any]) -> bool:
    """Return whether the app runs in whatever region it is built in."""
    return has_resources(spec) or under("runSpec", "systemRequirements")(spec) is not MISSING


def needs_no_instance_type(spec: Mapping[str, Any]) -> bool:
    """Return whether the app can do without: it has regions, whose default holds, or no region."""
    return has_resources(spec) or under("regionalOptions")(spec) is not MISSING
