"""Replace instance types in an app that its region does not have.

The platform rejects such an app when it is built. `dx-local run` runs it with other types and a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import instance_types, substitute, why_unusable

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON


def with_usable_types(run_spec: JSON, region: str) -> tuple[JSON, list[str]]:
    """Return a runSpec with available instance types, and a warning for each type that was replaced."""
    notes: list[str] = []
    usable = dict(run_spec)
    if "systemRequirements" in run_spec:
        usable["systemRequirements"] = _usable(run_spec["systemRequirements"], region, notes)
    by_region = run_spec.get("systemRequirementsByRegion")
    if by_region:
        # Only the types of this region matter to the run; those of others merely appear in descriptions.
        usable["systemRequirementsByRegion"] = {
            place: _usable(requirements, place, notes if place == region else [])
            for place, requirements in by_region.items()
        }
    return usable, list(dict.fromkeys(notes))


def _usable(requirements: JSON, region: str, notes: list[str]) -> JSON:
    return {
        entry_point: _with_usable_type(entry_point, wanted, region, notes)
        for entry_point, wanted in requirements.items()
    }


def _with_usable_type(entry_point: str, wanted: JSON, region: str, notes: list[str]) -> JSON:
    if "instanceType" in wanted:
        (name,) = _available([wanted["instanceType"]], entry_point, region, notes)
        return {**wanted, "instanceType": name}
    selector = wanted.get("instanceTypeSelector") or {}
    if "allowedInstanceTypes" in selector:
        names = _available(selector["allowedInstanceTypes"], entry_point, region, notes)
        return {**wanted, "instanceTypeSelector": {**selector, "allowedInstanceTypes": names}}
    return wanted


def _available(names: list[str], entry_point: str, region: str, notes: list[str]) -> list[str]:
    """Return the types that a region has, or else a substitute for the first one."""
    problems = {name: why_unusable(name, region) for name in names}
    if not instance_types(region) or not any(problems.values()):
        return names
    usable = [name for name in names if not problems[name]] or [substitute(names[0], region)]
    where = "" if entry_point == "*" else f" of {entry_point}"
    notes += [
        f"Instance type{where}: {problem}. Jobs use {usable[0]} instead."
        for problem in problems.values()
        if problem
    ]
    return usable
