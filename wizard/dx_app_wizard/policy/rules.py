"""Lint rules that a policy file enables: the rule `policy-KEY` checks an app against that key of [policy].

None has a fix: only the author of an app can decide how to meet a requirement.
"""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.model import ANY_ENTRY_POINT
from dx_app_wizard.dxapp.timeouts import MINUTES, timeout_minutes
from dx_app_wizard.lint.rules.rule import Rules, Violation
from dx_app_wizard.lint.source.spec import hash_at, list_of, requirements
from dx_app_wizard.policy.model import POLICY_TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath
    from dx_app_wizard.policy.model import Policy

RULE_PREFIX = "policy-"

_STOPS_AT_ERRORS = re.compile(
    r"^\s*set\s+(?:-\w+\s+)*-(?:\w*e\w*|o\s+errexit)\b|^#!\S*bash\s+-\w*e", re.MULTILINE
)


@dataclass(frozen=True)
class GovernedApp:
    """A raw dxapp.json, the policy to check it against, and the source if it is bash."""

    spec: dict[str, Any]
    policy: Policy
    bash: str | None = None

    def requirement(self, key: str) -> Any:
        """Return the value of a key of [policy], None if it is not set."""
        return self.policy.value(POLICY_TABLE, key)


POLICY_RULES: Rules[GovernedApp, Violation] = Rules()
"""Rules for an app and a policy; each finds nothing if the policy does not have its key."""


@POLICY_RULES.rule("error")
def policy_name_prefix(app: GovernedApp) -> Iterator[Violation]:
    """The app's name begins with `name-prefix`."""
    prefix, name = app.requirement("name-prefix"), app.spec.get("name")
    if prefix and isinstance(name, str) and not name.startswith(prefix):
        yield Violation(
            ("name",), f"{name!r} does not begin with {prefix!r}", f"Rename it to {prefix + name!r}."
        )


@POLICY_RULES.rule("error")
def policy_developers(app: GovernedApp) -> Iterator[Violation]:
    """The app's developers are exactly those in `developers`; the wizard adds them if missing."""
    yield from _people(app, "developers", "developers")


@POLICY_RULES.rule("error")
def policy_authorized_users(app: GovernedApp) -> Iterator[Violation]:
    """The authorized users are exactly those in `authorized-users`; the wizard adds them if missing."""
    yield from _people(app, "authorized-users", "authorizedUsers")


@POLICY_RULES.rule("error")
def policy_open_source(app: GovernedApp) -> Iterator[Violation]:
    """`openSource` has the value of `open-source`; the wizard adds it if it is absent."""
    required = app.requirement("open-source")
    if required is not None and app.spec.get("openSource", False) is not required:
        word = "true" if required else "false"
        yield Violation(("openSource",), f"openSource is not {word}", f'Write "openSource": {word}.')


@POLICY_RULES.rule("error")
def policy_release(app: GovernedApp) -> Iterator[Violation]:
    """The app runs on the release in `release`, and has its version: `"version": "0"`."""
    required = app.requirement("release")
    run = hash_at(app.spec, "runSpec")
    if required is None:
        return
    if run.get("release") != required:
        message = f"the release is {run.get('release')!r}, not {required!r}"
        yield Violation(("runSpec", "release"), message, f'Write "release": "{required}".')
    if "version" not in run:
        yield Violation(("runSpec",), "the release has no version", 'Add "version": "0" to runSpec.')


@POLICY_RULES.rule("error")
def policy_exec_depends(app: GovernedApp) -> Iterator[Violation]:
    """Jobs install no packages (`exec-depends = "forbid"`), or only fixed versions (`"pinned"`).

    A package without a fixed version may change from one run to the next; assets are built once.
    """
    required = app.requirement("exec-depends")
    packages = list_of(hash_at(app.spec, "runSpec").get("execDepends"))
    for index, package in enumerate(packages):
        path: JsonPath = ("runSpec", "execDepends", index)
        name = package.get("name") if isinstance(package, dict) else package
        if required == "forbid":
            yield Violation(
                path, f"{name!r} is installed when a job starts", "Put it into an asset: assetDepends."
            )
        elif required == "pinned" and not _is_pinned(package):
            yield Violation(
                path, f"{name!r} has no fixed version", 'Add "version", or "tag" for a git repository.'
            )


@POLICY_RULES.rule("error")
def policy_network(app: GovernedApp) -> Iterator[Violation]:
    """Network access is limited to `network`: no hosts (`[]`), names, or patterns like `*.example.org`."""
    allowed = app.requirement("network")
    if allowed is None:
        return
    for index, host in enumerate(list_of(hash_at(app.spec, "access").get("network"))):
        if not any(fnmatchcase(str(host), pattern) for pattern in allowed):
            hint = f"Allowed: {', '.join(allowed)}." if allowed else "Remove all hosts."
            yield Violation(("access", "network", index), f"access to {host!r} is not allowed", hint)


@POLICY_RULES.rule("error")
def policy_maximum_timeout(app: GovernedApp) -> Iterator[Violation]:
    """Every entry point has a timeout (under `*`), none of which is longer than `maximum-timeout`."""
    longest = app.requirement("maximum-timeout")
    if longest is None:
        return
    most = timeout_minutes(longest)
    path: JsonPath = ("runSpec", "timeoutPolicy")
    limits = hash_at(app.spec, *(str(step) for step in path))
    if ANY_ENTRY_POINT not in limits:
        hint = f'Add "timeoutPolicy": {{"*": {{"minutes": {most}}}}} to runSpec.'
        yield Violation(path, "not every entry point has a timeout", hint)
    for entry_point, limit in limits.items():
        counts = {unit: count for unit, count in hash_at(limit).items() if unit in MINUTES}
        if any(type(count) is not int for count in counts.values()):
            continue
        minutes = sum(MINUTES[unit] * count for unit, count in counts.items())
        if minutes > most:
            hint = f"Allow at most {longest}."
            yield Violation((*path, entry_point), f"a timeout of {minutes} minutes is too long", hint)


@POLICY_RULES.rule("error")
def policy_regions(app: GovernedApp) -> Iterator[Violation]:
    """The app has regions in regionalOptions, all of which are in `regions`."""
    allowed = app.requirement("regions")
    if allowed is None:
        return
    regions = hash_at(app.spec, "regionalOptions")
    if not regions:
        yield Violation(
            ("regionalOptions",), "the app has no region", f'Add "{allowed[0]}" to regionalOptions.'
        )
    for region in regions:
        if region not in allowed:
            hint = f"Allowed: {', '.join(allowed)}."
            yield Violation(("regionalOptions", region), f"the region {region!r} is not allowed", hint)


@POLICY_RULES.rule("error")
def policy_instance_types(app: GovernedApp) -> Iterator[Violation]:
    """Every instance type matches `instance-types`: names, or patterns such as `mem1_*_v2_*`."""
    allowed = app.requirement("instance-types")
    if allowed is None:
        return
    for path, _region, requirement in requirements(app.spec):
        name = requirement.get("instanceType")
        if isinstance(name, str) and not any(fnmatchcase(name, pattern) for pattern in allowed):
            hint = f"Allowed: {', '.join(allowed)}."
            yield Violation((*path, "instanceType"), f"the instance type {name!r} is not allowed", hint)


@POLICY_RULES.rule("error")
def policy_strict_bash(app: GovernedApp) -> Iterator[Violation]:
    """With `strict-bash = true`, a bash source stops at the first error: it has `set -e`."""
    if app.requirement("strict-bash") and app.bash is not None and not _STOPS_AT_ERRORS.search(app.bash):
        hint = "Add `set -euo pipefail` at the top."
        yield Violation(("runSpec", "file"), "the source does not stop at errors", hint)


def _people(app: GovernedApp, key: str, field: str) -> Iterator[Violation]:
    required = app.requirement(key)
    if required is None:
        return
    people = app.spec.get(field)
    if not isinstance(people, list) or {str(person) for person in people} != set(required):
        listed = ", ".join(f'"{person}"' for person in required)
        yield Violation((field,), f"{field} are not as required", f'Write "{field}": [{listed}].')


def _is_pinned(package: Any) -> bool:
    return isinstance(package, dict) and bool(package.get("version") or package.get("tag"))
