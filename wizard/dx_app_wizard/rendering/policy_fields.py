"""What a policy means to the wizard: defaults of its questions, and what it may write.

A policy changes nothing that somebody said: it fills in what nobody did, and says what it does not allow.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.readers import read_network, read_timeout
from dx_app_wizard.answers.sources import Source
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.instances import DEFAULT_REGION, default_instance_type, instance_types
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.errors import DisallowedError
from dx_app_wizard.lint.linter import lint_by_policy
from dx_app_wizard.policy.keys import timeout_minutes
from dx_app_wizard.policy.load import WIZARD_TABLE
from dx_app_wizard.policy.rules import TABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.policy.load import Policy
    from dx_app_wizard.rendering.changes import FileContent

DEFAULT_TIMEOUT = "48h"


def default_sources(policy: Policy) -> tuple[Source, ...]:
    """Return the defaults that [wizard] gives, and after them those that follow from [policy]."""
    given = policy.table(WIZARD_TABLE)
    sources = [Source({key: item.value}, item.place, settles=False) for key, item in given.items()]
    demands = policy.table(TABLE)
    for key, (demand, value) in _implied(policy).items():
        sources.append(Source({key: value}, demands[demand].place, settles=False))
    return tuple(sources)


def _implied(policy: Policy) -> dict[str, tuple[str, Any]]:
    """Return the answers that [policy] leaves in place of the usual ones, each with its key of it."""
    implied: dict[str, tuple[str, Any]] = {}
    regions = policy.value(TABLE, "regions")
    if regions:
        implied["region"] = ("regions", regions[0])
    longest = policy.value(TABLE, "maximum-timeout")
    if longest and timeout_minutes(longest) < timeout_minutes(DEFAULT_TIMEOUT):
        implied["timeout"] = ("maximum-timeout", longest)
    patterns = policy.value(TABLE, "instance-types")
    if patterns:
        region = policy.value(WIZARD_TABLE, "region") or (regions or [DEFAULT_REGION])[0]
        allowed = next(_allowed_types(region, patterns), None) if isinstance(region, str) else None
        # The usual one goes by the region, which may yet be another.
        if allowed and allowed != default_instance_type(region):
            implied["instance_type"] = ("instance-types", allowed)
    return implied


def _allowed_types(region: str, patterns: tuple[str, ...]) -> Iterator[str]:
    """Yield the allowed instance types of a region, the usual one first."""
    for name in (default_instance_type(region), *(instance.name for instance in instance_types(region))):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            yield name


def objection(policy: Policy, key: str, answer: Any) -> str | None:
    """Return why the policy does not allow an answer to the question with this key, None if it does."""
    if key not in _JUDGED_ALONE:
        return None
    rule, fragment = _JUDGED_ALONE[key]
    findings = lint_by_policy(fragment(answer), policy) if policy.settings else []
    refusals = [finding for finding in findings if finding.rule == rule and finding.level == "error"]
    return f"{refusals[0].message}. {refusals[0].hint}" if refusals else None


_JUDGED_ALONE: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
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
"""The rule that judges an answer by itself, and the part of a dxapp.json that the answer becomes."""


def fill_in(raw: dict[str, Any], policy: Policy) -> None:
    """Write what [policy] demands into a dxapp.json where it says nothing of it."""
    fields = {
        "developers": "developers",
        "authorized-users": "authorizedUsers",
        "open-source": "openSource",
    }
    for key, field in fields.items():
        demanded = policy.value(TABLE, key)
        if demanded is not None:
            raw.setdefault(field, list(demanded) if isinstance(demanded, tuple) else demanded)
    release = policy.value(TABLE, "release")
    run_spec = raw.setdefault("runSpec", {})
    if release and "release" not in run_spec:
        run_spec["release"] = release
        if release == "16.04":
            # It comes in two application execution environments; version 1 is the one that has Python 3.
            run_spec.setdefault("version", "1")


def judged(files: Mapping[PurePosixPath, FileContent], path: Path, policy: Policy) -> list[Finding]:
    """Return where the dxapp.json to write at path falls short of the policy in what that allows.

    Raises DisallowedError for more than that, and SpecFileError where a template of the user's wrote no JSON.
    """
    spec = json_document.parse(files[PurePosixPath(FILE_NAME)].data.decode(), path).value
    findings = lint_by_policy(spec if isinstance(spec, dict) else {}, policy)
    if any(finding.level == "error" for finding in findings):
        raise DisallowedError(path, findings)
    return findings
