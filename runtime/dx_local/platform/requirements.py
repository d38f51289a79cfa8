"""What a job asks of its worker: instance type and time limit, as its executable and the run request say.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.errors import InvalidInput, InvalidType

if TYPE_CHECKING:
    from dx_local.platform.context import JSON

DEFAULT_INSTANCE_TYPE = "mem1_ssd1_v2_x4"
DEFAULT_TIMEOUT = 30 * 24 * 3600 * 1000
"""How long a job may run when nobody says, in ms.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-time-limits
"""

_UNIT_MS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000}


def check_run_spec(run_spec: JSON) -> None:
    """Raise InvalidInput or InvalidType unless what a runSpec says of workers can be used."""
    for entry_point, wanted in _by_entry_point(run_spec, "systemRequirements").items():
        if "instanceType" in wanted and "instanceTypeSelector" in wanted:
            raise InvalidType(
                f"runSpec.systemRequirements.{entry_point} has both instanceType and instanceTypeSelector"
            )
    for limit in _by_entry_point(run_spec, "timeoutPolicy").values():
        _milliseconds(limit)
    depends = run_spec.get("execDepends")
    if depends is not None and not (
        isinstance(depends, list)
        and all(isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in depends)
    ):
        raise InvalidInput('"runSpec.execDepends" must be an array of hashes, each with a "name"')


def system_requirements(run_spec: JSON, executable_id: str, asked: JSON, inherited: JSON) -> JSON:
    """Merge what is asked of workers: by the executable, by the run, and by the run for this executable.

    `inherited` is what the run of the parent asked, for a subjob that asks nothing itself.
    """
    of_run = _by_entry_point(asked, "systemRequirements") or inherited.get("systemRequirements") or {}
    by_executable = _by_executable(asked, "systemRequirementsByExecutable")
    return {
        **(run_spec.get("systemRequirements") or {}),
        **of_run,
        **_by_entry_point(by_executable, executable_id),
    }


def instance_type(requirements: JSON, function: str) -> str:
    """Return the instance type that merged requirements name for an entry point, or the default one."""
    for entry_point in (function, "*"):
        named = requirements.get(entry_point, {}).get("instanceType")
        if isinstance(named, str):
            return named
    return DEFAULT_INSTANCE_TYPE


def timeout(run_spec: JSON, executable_id: str, asked: JSON, function: str) -> int:
    """Return how long a job may run, in ms: as asked for this run, or as the executable says."""
    by_executable = _by_executable(asked, "timeoutPolicyByExecutable")
    policies = (
        _by_entry_point(asked, "timeoutPolicy"),
        _by_entry_point(by_executable, executable_id),
        run_spec.get("timeoutPolicy") or {},
    )
    for policy in policies:
        limit = policy.get(function) or policy.get("*")
        if limit:
            return _milliseconds(limit)
    return DEFAULT_TIMEOUT


def _by_entry_point(request: JSON, name: str) -> dict[str, JSON]:
    """Return a hash that holds a hash for each entry point; absent and null mean none."""
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
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or unit not in _UNIT_MS:
            raise InvalidInput(f"a time limit must be a hash of {', '.join(_UNIT_MS)}, not {limit!r}")
        total += _UNIT_MS[unit] * amount
    return int(total)
