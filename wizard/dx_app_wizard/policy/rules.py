"""Lint rules that a policy file switches on: rule `policy-KEY` holds an app against the key of [policy].

None of them is certain about an app in itself, only about what its organisation demands, so none mends.
"""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.model import ANY_ENTRY_POINT
from dx_app_wizard.lint.findings import Fault, Rules
from dx_app_wizard.lint.rules.run import MINUTES, hash_at, list_of, requirements
from dx_app_wizard.policy.keys import timeout_minutes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath
    from dx_app_wizard.policy.load import Policy

RULE_PREFIX = "policy-"
TABLE = "policy"

_STOPS_AT_ERRORS = re.compile(
    r"^\s*set\s+(?:-\w+\s+)*-(?:\w*e\w*|o\s+errexit)\b|^#!\S*bash\s+-\w*e", re.MULTILINE
)


@dataclass(frozen=True)
class GovernedApp:
    """The raw hash of a dxapp.json, the policy that it is held against, and the source where it is bash."""

    spec: dict[str, Any]
    policy: Policy
    bash: str | None = None

    def demand(self, key: str) -> Any:
        """Return what [policy] demands under a key, None where it says nothing."""
        return self.policy.value(TABLE, key)


POLICY_RULES: Rules[GovernedApp, Fault] = Rules()
"""Rules over an app and a policy; each is silent where the policy has no such key."""


@POLICY_RULES.rule("error")
def policy_name_prefix(app: GovernedApp) -> Iterator[Fault]:
    """The app's name begins with `name-prefix`."""
    prefix, name = app.demand("name-prefix"), app.spec.get("name")
    if prefix and isinstance(name, str) and not name.startswith(prefix):
        yield Fault(("name",), f"{name!r} does not begin with {prefix!r}", f"Call it {prefix + name!r}.")


@POLICY_RULES.rule("error")
def policy_developers(app: GovernedApp) -> Iterator[Fault]:
    """The app's developers are exactly those of `developers`; the wizard writes them where none are given."""
    yield from _people(app, "developers", "developers")


@POLICY_RULES.rule("error")
def policy_authorized_users(app: GovernedApp) -> Iterator[Fault]:
    """The authorized users are exactly those of `authorized-users`; the wizard writes them as well."""
    yield from _people(app, "authorized-users", "authorizedUsers")


@POLICY_RULES.rule("error")
def policy_open_source(app: GovernedApp) -> Iterator[Fault]:
    """`openSource` is what `open-source` says; the wizard writes it where it is not given."""
    demanded = app.demand("open-source")
    if demanded is not None and app.spec.get("openSource", False) is not demanded:
        word = "true" if demanded else "false"
        yield Fault(("openSource",), f"openSource is not {word}", f'Write "openSource": {word}.')


@POLICY_RULES.rule("error")
def policy_release(app: GovernedApp) -> Iterator[Fault]:
    """The app runs on the release that `release` names, and says which version of it: `"version": "0"`."""
    demanded = app.demand("release")
    run = hash_at(app.spec, "runSpec")
    if demanded is None:
        return
    if run.get("release") != demanded:
        message = f"the release is {run.get('release')!r}, not {demanded!r}"
        yield Fault(("runSpec", "release"), message, f'Write "release": "{demanded}".')
    if "version" not in run:
        yield Fault(("runSpec",), "the release has no version", 'Add "version": "0" to runSpec.')


@POLICY_RULES.rule("error")
def policy_exec_depends(app: GovernedApp) -> Iterator[Fault]:
    """Nothing is installed when a job starts (`exec-depends = "forbid"`), or only fixed versions (`pinned`).

    What is installed while a job starts can be another thing tomorrow; assets are built once.
    """
    demanded = app.demand("exec-depends")
    packages = list_of(hash_at(app.spec, "runSpec").get("execDepends"))
    for index, package in enumerate(packages):
        path: JsonPath = ("runSpec", "execDepends", index)
        name = package.get("name") if isinstance(package, dict) else package
        if demanded == "forbid":
            yield Fault(
                path, f"{name!r} is installed when a job starts", "Put it into an asset: assetDepends."
            )
        elif demanded == "pinned" and not _is_pinned(package):
            yield Fault(
                path, f"{name!r} has no fixed version", 'Add "version", or "tag" of a git repository.'
            )


@POLICY_RULES.rule("error")
def policy_network(app: GovernedApp) -> Iterator[Fault]:
    """Jobs reach no hosts but those of `network`: none (`[]`), names, patterns such as `*.example.org`."""
    allowed = app.demand("network")
    if allowed is None:
        return
    for index, host in enumerate(list_of(hash_at(app.spec, "access").get("network"))):
        if not any(fnmatchcase(str(host), pattern) for pattern in allowed):
            hint = f"Allowed are {', '.join(allowed)}." if allowed else "Give no access to the network."
            yield Fault(("access", "network", index), f"access to {host!r} is not allowed", hint)


@POLICY_RULES.rule("error")
def policy_maximum_timeout(app: GovernedApp) -> Iterator[Fault]:
    """Every entry point has a timeout (under `*`), and none is longer than `maximum-timeout`."""
    longest = app.demand("maximum-timeout")
    if longest is None:
        return
    most = timeout_minutes(longest)
    path: JsonPath = ("runSpec", "timeoutPolicy")
    limits = hash_at(app.spec, *(str(step) for step in path))
    if ANY_ENTRY_POINT not in limits:
        hint = f'Add "timeoutPolicy": {{"*": {{"minutes": {most}}}}} to runSpec.'
        yield Fault(path, "not every entry point has a timeout", hint)
    for entry_point, limit in limits.items():
        counts = {unit: count for unit, count in hash_at(limit).items() if unit in MINUTES}
        if any(type(count) is not int for count in counts.values()):
            continue
        minutes = sum(MINUTES[unit] * count for unit, count in counts.items())
        if minutes > most:
            hint = f"Allowed are at most {longest}."
            yield Fault((*path, entry_point), f"a timeout of {minutes} minutes is too long", hint)


@POLICY_RULES.rule("error")
def policy_regions(app: GovernedApp) -> Iterator[Fault]:
    """The app names its regions in regionalOptions, and each is one of `regions`."""
    allowed = app.demand("regions")
    if allowed is None:
        return
    regions = hash_at(app.spec, "regionalOptions")
    if not regions:
        yield Fault(
            ("regionalOptions",), "the app names no region", f'Add "{allowed[0]}" to regionalOptions.'
        )
    for region in regions:
        if region not in allowed:
            hint = f"Allowed are {', '.join(allowed)}."
            yield Fault(("regionalOptions", region), f"the region {region!r} is not allowed", hint)


@POLICY_RULES.rule("error")
def policy_instance_types(app: GovernedApp) -> Iterator[Fault]:
    """Every instance type is one of `instance-types`: names, or patterns such as `mem1_*_v2_*`."""
    allowed = app.demand("instance-types")
    if allowed is None:
        return
    for path, _region, requirement in requirements(app.spec):
        name = requirement.get("instanceType")
        if isinstance(name, str) and not any(fnmatchcase(name, pattern) for pattern in allowed):
            hint = f"Allowed are {', '.join(allowed)}."
            yield Fault((*path, "instanceType"), f"the instance type {name!r} is not allowed", hint)


@POLICY_RULES.rule("error")
def policy_strict_bash(app: GovernedApp) -> Iterator[Fault]:
    """With `strict-bash = true`, a bash source stops at the first error: it says `set -e`."""
    if app.demand("strict-bash") and app.bash is not None and not _STOPS_AT_ERRORS.search(app.bash):
        hint = "Write `set -euo pipefail` at its top."
        yield Fault(("runSpec", "file"), "the source does not stop at errors", hint)


def _people(app: GovernedApp, key: str, field: str) -> Iterator[Fault]:
    demanded = app.demand(key)
    if demanded is None:
        return
    people = app.spec.get(field)
    if not isinstance(people, list) or {str(person) for person in people} != set(demanded):
        listed = ", ".join(f'"{person}"' for person in demanded)
        yield Fault((field,), f"{field} are not those that are demanded", f'Write "{field}": [{listed}].')


def _is_pinned(package: Any) -> bool:
    return isinstance(package, dict) and bool(package.get("version") or package.get("tag"))
