"""What a job asks of its worker: instance type and time limit, as its executable and the run requests say.

What is asked by executable holds in the whole tree below the run that asks for it, and goes before all else;
what is asked of every entry point (`*`) takes the place of all that was asked before. The help text of
`dx run --instance-type-help` says the same.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.platform import fields as read
from dx_local.platform.errors import InvalidInput, InvalidType
from dx_local.platform.lifecycle import restarts

if TYPE_CHECKING:
    from dx_local.platform.context import JSON

DEFAULT_INSTANCE_TYPE = "mem1_ssd1_v2_x4"
DEFAULT_TIMEOUT = 30 * 24 * 3600 * 1000
"""How long a job may run when nobody says, in ms.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-time-limits
"""

UNIT_MS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000}


def check_run_spec(run_spec: JSON) -> None:
    """Raise InvalidInput or InvalidType unless what a runSpec says of workers can be used."""
    for entry_point, wanted in _by_entry_point(run_spec, "systemRequirements").items():
        if "instanceType" in wanted and "instanceTypeSelector" in wanted:
            raise InvalidType(
                f"runSpec.systemRequirements.{entry_point} has both instanceType and instanceTypeSelector"
            )
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


@dataclass(frozen=True)
class Wishes:
    """What the executable, the run and the runs above it ask of a job's worker, by what they are about.

    `asked` is the run request, `requested` what the parent was asked for if the job is its subjob.
    """

    run_spec: JSON
    asked: JSON
    requested: JSON
    systems: dict[str, JSON]
    """`systemRequirementsByExecutable`, with what runs above have asked for."""
    timeouts: dict[str, JSON]
    """The same of `timeoutPolicyByExecutable`."""
    executable: str

    @classmethod
    def of(
        cls,
        run_spec: JSON,
        executable: str,
        asked: JSON,
        *,
        parent: JSON | None = None,
        is_subjob: bool = False,
    ) -> Wishes:
        """Return what is asked; `parent` is what the parent was asked for. Raises InvalidInput."""
        above = parent or {}
        return cls(
            run_spec=run_spec,
            asked=asked,
            requested=above if is_subjob else {},
            systems=merged_by_executable(asked, above, "systemRequirementsByExecutable"),
            timeouts=merged_by_executable(asked, above, "timeoutPolicyByExecutable"),
            executable=executable,
        )

    def system_requirements(self) -> JSON:
        """Return what is asked of workers, by entry point."""
        own = self.run_spec.get("systemRequirements") or {}
        of_run = self._of_run("systemRequirements")
        return _over(_over(own, of_run), _for_executable(self.systems, self.executable))

    def timeout(self, function: str) -> int:
        """Return how long a job may run at an entry point, in ms."""
        policies = (
            _for_executable(self.timeouts, self.executable),
            self._of_run("timeoutPolicy"),
            self.run_spec.get("timeoutPolicy") or {},
        )
        for policy in policies:
            limit = policy.get(function) or policy.get("*")
            if limit:
                return _milliseconds(limit)
        return DEFAULT_TIMEOUT

    def to_hand_down(self) -> JSON:
        """Return what holds for all jobs below as well, and what subjobs inherit."""
        return {
            "mergedSystemRequirementsByExecutable": self.systems,
            "mergedTimeoutPolicyByExecutable": self.timeouts,
            "timeoutPolicy": self._of_run("timeoutPolicy"),
        }

    def _of_run(self, name: str) -> dict[str, JSON]:
        return _by_entry_point(self.asked, name) or self.requested.get(name) or {}


def merged_by_executable(asked: JSON, above: JSON, name: str) -> dict[str, JSON]:
    """Return what is asked by executable, and by runs above, which goes before. Raises InvalidInput."""
    own = _by_executable(asked, name)
    merged = {executable: _by_entry_point(own, executable) for executable in own}
    for executable, wanted in above.get(f"merged{name[0].upper()}{name[1:]}", {}).items():
        merged[executable] = _over(merged.get(executable, {}), wanted)
    return merged


def instance_type(requirements: JSON, function: str) -> str:
    """Return the instance type that merged requirements name for an entry point, or the default one."""
    for entry_point in (function, "*"):
        named = requirements.get(entry_point, {}).get("instanceType")
        if isinstance(named, str):
            return named
    return DEFAULT_INSTANCE_TYPE


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
        if isinstance(amount, bool) or not isinstance(amount, (int, float)) or unit not in UNIT_MS:
            raise InvalidInput(f"a time limit must be a hash of {', '.join(UNIT_MS)}, not {limit!r}")
        total += UNIT_MS[unit] * amount
    if total <= 0:
        raise InvalidInput(f"a time limit must be more than nothing, not {limit!r}")
    return int(total)


def _over(below: JSON, above: JSON) -> JSON:
    """Return what is asked by entry point in two places, of which one goes before the other."""
    return dict(above) if "*" in above else {**below, **above}


def _for_executable(by_executable: dict[str, JSON], executable: str) -> JSON:
    return _over(by_executable.get("*", {}), by_executable.get(executable, {}))
