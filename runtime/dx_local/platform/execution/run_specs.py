"""Validate the runSpec of an applet, and return it in the forms of describe and get.

An applet belongs to one region. If its runSpec has entries by region, those of the applet's region apply: its
systemRequirements replace the general ones, and its bundledDepends are added to the general ones.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.links import link_id
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.execution import requirements
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

KEYS = frozenset(
    {
        "bundledDepends",
        "bundledDependsByRegion",
        "code",
        "dependencies",
        "distribution",
        "execDepends",
        "executionPolicy",
        "headJobOnDemand",
        "inheritParentRestartOnPolicy",
        "interpreter",
        "release",
        "restartableEntryPoints",
        "systemRequirements",
        "systemRequirementsByRegion",
        "timeoutPolicy",
        "version",
    }
)
"""The keys to keep; others are dropped, such as `assetDepends`, which only `dx build` uses."""

_FLAGS = ("headJobOnDemand", "inheritParentRestartOnPolicy")
_TEXTS = ("distribution", "release", "version")


def read_run_spec(request: JSON, region: str) -> JSON:
    """Return the runSpec in a request for an applet of this region. Raises InvalidInput or InvalidType."""
    given = read.mapping(request, "runSpec")
    _check_simple_keys({f"runSpec.{key}": value for key, value in given.items()})
    kept = {key: value for key, value in given.items() if key in KEYS and value is not None}
    run_spec = _of_region(kept, region)
    requirements.check_run_spec(run_spec, region)
    for place, bundles in _all_bundles(run_spec):
        _check_bundles(place, bundles)
    return run_spec


def bundled_files(run_spec: JSON) -> list[str]:
    """Return the IDs of the objects in bundledDepends of a runSpec."""
    found = (link_id(entry["id"]) for entry in run_spec.get("bundledDepends") or ())
    return [object_id for object_id in found if object_id]


def described(by_region: dict[str, JSON], region: str) -> JSON:
    """Return the runSpec of one region as describe returns it: without code, with entries of all regions.

    `by_region` maps regions to the fields of their applets.
    """
    specs = {place: _with_defaults(fields["runSpec"]) for place, fields in by_region.items()}
    shown = {key: value for key, value in specs[region].items() if key in KEYS and key != "code"}
    for name in ("bundledDepends", "systemRequirements"):
        declared = shown.get(f"{name}ByRegion") or {}
        shown[f"{name}ByRegion"] = {**declared, **{place: spec[name] for place, spec in specs.items()}}
    return shown


def with_code(by_region: dict[str, JSON], region: str) -> JSON:
    """Return the runSpec as `get` returns it: as in describe, but with the code."""
    return {
        **dict.fromkeys(_FLAGS, False),
        **described(by_region, region),
        "code": by_region[region]["runSpec"]["code"],
    }


def _check_simple_keys(by_path: JSON) -> None:
    for key in ("interpreter", "code"):
        read.text(by_path, f"runSpec.{key}")
    for key in _TEXTS:
        read.optional_text(by_path, f"runSpec.{key}")
    for key in _FLAGS:
        read.flag(by_path, f"runSpec.{key}")


def _of_region(run_spec: JSON, region: str) -> JSON:
    resolved = dict(run_spec)
    requirements_here = read.mapping(run_spec, "systemRequirementsByRegion", {}).get(region)
    if requirements_here is not None:
        resolved["systemRequirements"] = requirements_here
    bundled_here = read.mapping(run_spec, "bundledDependsByRegion", {}).get(region)
    if bundled_here is not None:
        general = _array("bundledDepends", run_spec.get("bundledDepends"))
        added = _array(f"bundledDependsByRegion.{region}", bundled_here)
        # A runSpec that was described and sent back has the entries of its region in both places.
        resolved["bundledDepends"] = [*general, *(entry for entry in added if entry not in general)]
    return resolved


def _with_defaults(run_spec: JSON) -> JSON:
    return {
        "distribution": "Ubuntu",
        "release": "24.04",
        "version": "0",
        "systemRequirements": {},
        "bundledDepends": [],
        "execDepends": [],
        **run_spec,
    }


def _all_bundles(run_spec: JSON) -> list[tuple[str, Any]]:
    by_region = read.mapping(run_spec, "bundledDependsByRegion", {})
    return [
        ("bundledDepends", run_spec.get("bundledDepends")),
        *((f"bundledDependsByRegion.{region}", bundles) for region, bundles in by_region.items()),
    ]


def _check_bundles(place: str, bundles: Any) -> None:
    """Raise InvalidInput unless all entries of bundledDepends have a name and a link.

    The files need not exist: an app folder may name files of the cloud. Jobs report them when they start.
    """
    for position, bundle in enumerate(_array(place, bundles)):
        is_named = isinstance(bundle, dict) and isinstance(bundle.get("name"), str)
        if not is_named or link_id(bundle.get("id")) is None:
            raise InvalidInput(
                f'"runSpec.{place}[{position}]" must be a hash with a "name" and a link as "id"'
            )


def _array(place: str, value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise InvalidInput(f'"runSpec.{place}" must be an array')
    return value or []
