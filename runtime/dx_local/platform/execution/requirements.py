"""Resolve the instance type and time limit of a job from its executable and the run requests.

Each kind of requirement (instance type, cluster, drivers) is resolved separately. The levels, of which each
overrides the next: the requirements by executable of runs, which apply to the whole tree below a run (the
topmost run first); the run; the stage of a workflow; the executable. Within a kind, a level for all entry
points (`*`) replaces the lower levels; a level for some entry points replaces only these.

Sources: `PrintInstanceTypeHelp` in dxpy/cli/parsers.py and dxpy/system_requirements.py of dxpy 0.417.1;
https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dx_app_wizard.dxapp.instances import (
    DEFAULT_REGION,
    find_anywhere,
    find_instance_type,
    instance_type_problem,
    instance_types,
)
from dx_local.platform.core.errors import InvalidInput, InvalidType
from dx_local.platform.lifecycle import restarts
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.schema import RequestedSettings

    _Override = Callable[[JSON, JSON], JSON]

DEFAULT_TIMEOUT = 30 * 24 * 3600 * 1000
"""Default time limit of a job, in ms.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-time-limits
"""

_SELECTOR = "instanceTypeSelector"
_CLUSTER_TYPES = ("apachespark", "dxspark", "generic")

# Keys of `RequestedSettings` that descendants inherit.
_MERGED_SYSTEMS: Final = "mergedSystemRequirementsByExecutable"
_MERGED_TIMEOUTS: Final = "mergedTimeoutPolicyByExecutable"
_INHERITED: Final = "inheritedSystemRequirements"

UNIT_MS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000}


def check_run_spec(run_spec: JSON, region: str) -> None:
    """Raise InvalidInput or InvalidType unless the requirements in a runSpec are valid."""
    check_available(_check_requirements(run_spec, "systemRequirements"), region)
    by_region = _by_executable(run_spec, "systemRequirementsByRegion")
    for place in by_region:
        check_available(_check_requirements(by_region, place), place)
    for limit in _by_entry_point(run_spec, "timeoutPolicy").values():
        _milliseconds(limit)
    restarts.check_policy(read.mapping(run_spec, "executionPolicy", {}))
    restarts.check_entry_points(run_spec)
    depends = run_spec.get("execDepends")
    if depends is not None and not (
        isinstance(depends, list)
        and all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in depends)
    ):
        raise InvalidInput('"runSpec.execDepends" must be an array of hashes, each with a "name"')


def check_requested(request: JSON, name: str = "systemRequirements") -> JSON:
    """Return the requirements of a run or a stage by entry point; they cannot use instanceTypeSelector.

    Raises InvalidInput or InvalidType.
    """
    requested = _check_requirements(request, name)
    if any(_SELECTOR in wanted for wanted in requested.values()):
        raise InvalidInput(f'"{name}": instanceTypeSelector cannot be specified in runtime')
    return requested


def check_available(requirements: JSON, region: str) -> None:
    """Raise InvalidInput for instance types that a region does not have, or no longer has."""
    for name in _instance_types(requirements):
        known = find_instance_type(name, region)
        if instance_types(region) and (known is None or known.retired):
            raise InvalidInput(f"instanceType: {instance_type_problem(name, region)}")


def check_known(requirements: JSON, region: str | None = None) -> None:
    """Raise InvalidInput for instance types that a region (None: any region) never had."""
    for name in _instance_types(requirements):
        known = find_anywhere(name) if region is None else find_instance_type(name, region)
        if known is None and (region is None or instance_types(region)):
            raise InvalidInput(f"instanceType: {instance_type_problem(name, region or DEFAULT_REGION)}")


def check_known_in_run(request: JSON, region: str) -> None:
    """Raise InvalidInput for instance types in a run request that the region never had."""
    for requirements in (check_requested(request), *_requested_systems(request).values()):
        check_known(requirements, region)


def instance_type_of(requirements: JSON, function: str) -> str | None:
    """Return the instance type that requirements by entry point name for jobs at one of them, or None.

    A selector yields its first allowed type, because every type is available here.
    """
    for wanted in (requirements.get(function) or {}, requirements.get("*") or {}):
        if "instanceType" in wanted:
            return str(wanted["instanceType"])
        if _SELECTOR in wanted:
            return str(wanted[_SELECTOR]["allowedInstanceTypes"][0])
    return None


def overridden(below: JSON, above: JSON) -> JSON:
    """Return the merged requirements of two levels by entry point; `above` overrides `below` in each kind."""
    merged: dict[str, JSON] = {}
    for kind in dict.fromkeys(
        kind for level in (below, above) for wanted in level.values() for kind in wanted
    ):
        for entry_point, value in _override(_of_kind(below, kind), _of_kind(above, kind)).items():
            merged.setdefault(entry_point, {})[kind] = value
    return merged


@dataclass(frozen=True)
class RequestedResources:
    """The requirements that apply to a job: those of its executable, its run and the runs above it.

    `of_run` and `limits` are the system requirements and time limits of the run by entry point; subjobs
    inherit them.
    """

    run_spec: JSON
    of_run: JSON
    limits: JSON
    systems: dict[str, JSON]
    """`systemRequirementsByExecutable` of this run and the runs above it."""
    timeouts: dict[str, JSON]
    """`timeoutPolicyByExecutable` of this run and the runs above it."""
    executable: str

    @classmethod
    def of(
        cls,
        run_spec: JSON,
        executable: str,
        request: JSON,
        *,
        parent: RequestedSettings | None = None,
        is_subjob: bool = False,
    ) -> RequestedResources:
        """Return the requirements of a job; `parent` are its parent's settings. Raises InvalidInput."""
        above: RequestedSettings = parent or {}
        inherited: RequestedSettings = above if is_subjob else {}
        return cls(
            run_spec=run_spec,
            of_run=overridden(inherited.get(_INHERITED, {}), check_requested(request)),
            limits=_by_entry_point(request, "timeoutPolicy") or inherited.get("timeoutPolicy") or {},
            systems=_merged(_requested_systems(request), above.get(_MERGED_SYSTEMS, {}), overridden),
            timeouts=_merged(_requested_timeouts(request), above.get(_MERGED_TIMEOUTS, {}), _override),
            executable=executable,
        )

    def system_requirements(self) -> JSON:
        """Return the system requirements by entry point."""
        return overridden(self.run_spec.get("systemRequirements") or {}, self._requested())

    def instance_type(self, function: str) -> str | None:
        """Return the instance type of jobs at an entry point, or None if none is requested."""
        levels = (self._requested(), self.run_spec.get("systemRequirements") or {})
        return next(filter(None, (instance_type_of(level, function) for level in levels)), None)

    def timeout(self, function: str) -> int:
        """Return the time limit of jobs at an entry point, in ms."""
        policies = (
            _for_executable(self.timeouts, self.executable, _override),
            self.limits,
            self.run_spec.get("timeoutPolicy") or {},
        )
        for policy in policies:
            limit = policy.get(function) or policy.get("*")
            if limit:
                return _milliseconds(limit)
        return DEFAULT_TIMEOUT

    def for_descendants(self) -> JSON:
        """Return the settings that descendants inherit."""
        return {
            _MERGED_SYSTEMS: self.systems,
            _MERGED_TIMEOUTS: self.timeouts,
            _INHERITED: self.of_run,
            "timeoutPolicy": self.limits,
        }

    def _requested(self) -> JSON:
        return overridden(self.of_run, _for_executable(self.systems, self.executable, overridden))


def _requested_systems(request: JSON) -> dict[str, JSON]:
    name = "systemRequirementsByExecutable"
    by_executable = _by_executable(request, name)
    return {
        executable: check_requested({f"{name}.{executable}": wanted}, f"{name}.{executable}")
        for executable, wanted in by_executable.items()
    }


def _requested_timeouts(request: JSON) -> dict[str, JSON]:
    by_executable = _by_executable(request, "timeoutPolicyByExecutable")
    return {executable: _by_entry_point(by_executable, executable) for executable in by_executable}


def _merged(own: dict[str, JSON], above: dict[str, JSON], over: _Override) -> dict[str, JSON]:
    """Return the requirements by executable of a run, overridden by those of the runs above it.

    Requirements of a run above for all executables (`*`) override those of this run for one executable.
    """
    of_all = above.get("*", {})
    return above | {
        executable: over(over(wanted, of_all), above.get(executable, {}))
        for executable, wanted in own.items()
    }


def _for_executable(by_executable: dict[str, JSON], executable: str, over: _Override) -> JSON:
    return over(by_executable.get("*", {}), by_executable.get(executable, {}))


def _check_requirements(request: JSON, name: str) -> JSON:
    """Return requirements by entry point. Raises InvalidInput or InvalidType if they are invalid."""
    requirements = _by_entry_point(request, name)
    for entry_point, wanted in requirements.items():
        place = f"{name}.{entry_point}"
        read.text({f"{place}.instanceType": wanted.get("instanceType", "")}, f"{place}.instanceType")
        if "clusterSpec" in wanted:
            _check_cluster(f"{place}.clusterSpec", wanted["clusterSpec"])
        if _SELECTOR in wanted:
            _check_selector(place, wanted)
    return requirements


def _check_selector(place: str, wanted: JSON) -> None:
    for other in ("instanceType", "clusterSpec"):
        if other in wanted:
            raise InvalidType(f"{place} has both {other} and {_SELECTOR}; remove one")
    selector = wanted[_SELECTOR]
    allowed = selector.get("allowedInstanceTypes") if isinstance(selector, dict) else None
    if not isinstance(allowed, list) or not allowed or not all(isinstance(name, str) for name in allowed):
        raise InvalidInput(f'"{place}.{_SELECTOR}.allowedInstanceTypes" must be an array of instance types')


def _check_cluster(place: str, cluster: Any) -> None:
    """Raise InvalidInput unless a cluster specification is complete; clients send it whole even in runs."""
    if not isinstance(cluster, dict) or cluster.get("type") not in _CLUSTER_TYPES:
        raise InvalidInput(f'"{place}" must be a hash with a "type" out of {", ".join(_CLUSTER_TYPES)}')
    count = cluster.get("initialInstanceCount")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidInput(f'"{place}.initialInstanceCount" must be a positive integer, not {count!r}')


def _instance_types(requirements: JSON) -> Iterator[str]:
    """Yield the instance types in requirements, including the allowed types of selectors."""
    for wanted in requirements.values():
        if "instanceType" in wanted:
            yield wanted["instanceType"]
        yield from wanted.get(_SELECTOR, {}).get("allowedInstanceTypes", ())


def _of_kind(requirements: JSON, kind: str) -> JSON:
    return {entry_point: wanted[kind] for entry_point, wanted in requirements.items() if kind in wanted}


def _by_entry_point(request: JSON, name: str) -> dict[str, JSON]:
    """Return a hash of hashes by entry point, which is empty if it is absent or null."""
    value = _by_executable(request, name)
    for entry_point, wanted in value.items():
        if not isinstance(wanted, dict):
            raise InvalidInput(f'"{name}.{entry_point}" must be a hash')
    return value


def _by_executable(request: JSON, name: str) -> dict[str, Any]:
    value = request.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f'"{name}" must be a hash')
    return value


def _milliseconds(limit: JSON) -> int:
    total = 0.0
    for unit, amount in limit.items():
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or unit not in UNIT_MS:
            raise InvalidInput(f"a time limit must be a hash of {', '.join(UNIT_MS)}, not {limit!r}")
        total += UNIT_MS[unit] * amount
    if total <= 0:
        raise InvalidInput(f"a time limit must be positive, not {limit!r}")
    return int(total)


def _override(below: JSON, above: JSON) -> JSON:
    """Return the values of two levels by entry point; `above` overrides `below`."""
    return dict(above) if "*" in above else {**below, **above}
