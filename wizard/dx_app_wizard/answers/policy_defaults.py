"""Defaults for the questions from a policy, and answers that the policy does not allow."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.readers import read_network, read_timeout
from dx_app_wizard.answers.sources import Source
from dx_app_wizard.dxapp.instances import DEFAULT_REGION, default_instance_type, instance_types
from dx_app_wizard.dxapp.timeouts import timeout_minutes
from dx_app_wizard.policy.lint import lint_by_policy
from dx_app_wizard.policy.model import POLICY_TABLE, WIZARD_TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_app_wizard.policy.model import Policy

DEFAULT_TIMEOUT = "48h"


def default_sources(policy: Policy) -> tuple[Source, ...]:
    """Return the defaults in [wizard], followed by those that [policy] implies."""
    given = policy.table(WIZARD_TABLE)
    sources = [Source({key: item.value}, item.place, is_final=False) for key, item in given.items()]
    demands = policy.table(POLICY_TABLE)
    for key, (demand, value) in _implied(policy).items():
        sources.append(Source({key: value}, demands[demand].place, is_final=False))
    return tuple(sources)


def _implied(policy: Policy) -> dict[str, tuple[str, Any]]:
    """Return the defaults that [policy] implies because it excludes the usual ones, each with its key."""
    implied: dict[str, tuple[str, Any]] = {}
    regions = policy.value(POLICY_TABLE, "regions")
    if regions:
        implied["region"] = ("regions", regions[0])
    longest = policy.value(POLICY_TABLE, "maximum-timeout")
    if longest and timeout_minutes(longest) < timeout_minutes(DEFAULT_TIMEOUT):
        implied["timeout"] = ("maximum-timeout", longest)
    patterns = policy.value(POLICY_TABLE, "instance-types")
    if patterns:
        region = policy.value(WIZARD_TABLE, "region") or (regions or [DEFAULT_REGION])[0]
        allowed = next(_allowed_types(region, patterns), None) if isinstance(region, str) else None
        # The default depends on the region, which another answer may still change.
        if allowed and allowed != default_instance_type(region):
            implied["instance_type"] = ("instance-types", allowed)
    return implied


def _allowed_types(region: str, patterns: tuple[str, ...]) -> Iterator[str]:
    """Yield the allowed instance types of a region, the default first."""
    for name in (default_instance_type(region), *(instance.name for instance in instance_types(region))):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            yield name


def policy_error(policy: Policy, key: str, answer: Any) -> str | None:
    """Return the reason why the policy forbids an answer to the question with this key, or None."""
    if key not in _CHECKS:
        return None
    rule, fragment = _CHECKS[key]
    findings = lint_by_policy(fragment(answer), policy) if policy.settings else []
    refusals = [finding for finding in findings if finding.rule == rule and finding.level == "error"]
    return f"{refusals[0].message}. {refusals[0].hint}" if refusals else None


_CHECKS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "name": ("policy-name-prefix", lambda name: {"name": name}),
    "timeout": (
        "policy-maximum-timeout",
        lambda limit: {"runSpec": {"timeoutPolicy": {"*": read_timeout(limit)}}},
    ),
    "network": ("policy-network", lambda hosts: {"access": {"network": list(read_network(hosts))}}),
    "region": ("policy-regions", lambda region: {"regionalOptions": {region: {}}}),
    "instance_type": (
        "policy-instance-types",
        lambda name: {"runSpec": {"systemRequirements": {"*": {"instanceType": name}}}},
    ),
}
"""By question: the policy rule for its answer, and the part of dxapp.json that the answer becomes."""
