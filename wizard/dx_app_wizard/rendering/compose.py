"""Compose the spec of an app from the answers; a given dxapp.json keeps all its keys and their order."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers.cross_checks import INTERPRETERS
from dx_app_wizard.dxapp.model import ANY_ENTRY_POINT, AppSpec
from dx_app_wizard.policy.model import POLICY_TABLE
from dx_app_wizard.rendering.plan import Plan
from dx_app_wizard.scatter.fit import fit

if TYPE_CHECKING:
    from dx_app_wizard.answers.answers import Answers
    from dx_app_wizard.policy.model import Policy

API_VERSION = "1.0.0"
DISTRIBUTION = "Ubuntu"
RELEASE = "24.04"
"""The newest release of the worker: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications"""

_SUFFIXES = {"python": ".py", "bash": ".sh"}


def compose(answers: Answers, base: AppSpec | None = None, policy: Policy | None = None) -> Plan:
    """Return the plan for these answers: base, with absent parts filled in from answers and policy.

    Of the parts that base has, only name, title, summary and version change if the answers differ.
    """
    raw = base.to_dict() if base else {}
    raw.update(name=answers.name, title=answers.title, summary=answers.summary)
    raw.setdefault("dxapi", API_VERSION)
    raw["version"] = answers.version
    raw.setdefault("inputSpec", list(answers.inputs))
    raw.setdefault("outputSpec", list(answers.outputs))
    if policy:
        _fill_by_policy(raw, policy)
    _fill_run_spec(raw.setdefault("runSpec", {}), answers)
    _fill_packages(raw["runSpec"], (*(answers.packages or ()), *_scatter_packages(raw["runSpec"], answers)))
    _fill_access(raw, answers)
    _fill_regions(raw, answers)
    spec = AppSpec.from_dict(raw, base.text if base else None)
    return Plan(
        spec,
        answers.language,
        answers.template,
        answers.ci,
        answers.ci_package,
        answers.command,
        scatter=answers.scatter,
    )


def spec_difference(spec: AppSpec, base: AppSpec) -> str:
    """Return the unified diff from the given dxapp.json to the one to write."""
    old, new = base.dumps().splitlines(), spec.dumps().splitlines()
    return "\n".join(difflib.unified_diff(old, new, "dxapp.json as given", "dxapp.json", lineterm=""))


def _fill_by_policy(raw: dict[str, Any], policy: Policy) -> None:
    """Add the fields that [policy] requires to a dxapp.json that lacks them."""
    fields = {
        "developers": "developers",
        "authorized-users": "authorizedUsers",
        "open-source": "openSource",
    }
    for key, field in fields.items():
        required = policy.value(POLICY_TABLE, key)
        if required is not None:
            raw.setdefault(field, list(required) if isinstance(required, tuple) else required)
    release = policy.value(POLICY_TABLE, "release")
    run_spec = raw.setdefault("runSpec", {})
    if release and "release" not in run_spec:
        run_spec["release"] = release
        if release == "16.04":
            # This release has two application execution environments; version 1 is the one with Python 3.
            run_spec.setdefault("version", "1")


def _fill_run_spec(run_spec: dict[str, Any], answers: Answers) -> None:
    run_spec.setdefault("timeoutPolicy", {ANY_ENTRY_POINT: answers.timeout})
    run_spec.setdefault("interpreter", INTERPRETERS[answers.language])
    run_spec.setdefault("file", f"src/{answers.name}{_SUFFIXES[answers.language]}")
    run_spec.setdefault("distribution", DISTRIBUTION)
    run_spec.setdefault("release", RELEASE)
    # The default of `dx build`, so that the app runs in the same environment with and without the wizard.
    run_spec.setdefault("version", "0")
    if answers.scatter is not None:
        # A job that is lost with its worker runs again alone, not the whole app; its share is the same again.
        run_spec.setdefault("restartableEntryPoints", "all")


def _scatter_packages(run_spec: dict[str, Any], answers: Answers) -> tuple[str, ...]:
    """Return the packages that the code for the scatter uses, unless an asset may contain them."""
    if (
        answers.command
        or answers.scatter is None
        or any(key in run_spec for key in ("assetDepends", "bundledDepends"))
    ):
        return ()
    return fit(answers.scatter, answers.inputs).packages


def _fill_packages(run_spec: dict[str, Any], packages: tuple[str, ...]) -> None:
    """Add the packages to execDepends, except for those that are there already."""
    there = [entry.get("name") for entry in run_spec.get("execDepends", ()) if isinstance(entry, dict)]
    for package in packages:
        name = package.removeprefix("pip:")
        entry = {"name": name} if name == package else {"name": name, "package_manager": "pip"}
        if name not in there:
            run_spec.setdefault("execDepends", []).append(entry)


def _fill_access(raw: dict[str, Any], answers: Answers) -> None:
    """Grant the access in the answers; an app that needs none gets no `access` field."""
    granted: dict[str, Any] = {}
    if answers.network:
        granted["network"] = list(answers.network)
    if answers.project_access:
        granted["project"] = answers.project_access
    for key, value in granted.items():
        raw.setdefault("access", {}).setdefault(key, value)


def _fill_regions(raw: dict[str, Any], answers: Answers) -> None:
    """Add a region and an instance type if base has none.

    `dx build` rejects systemRequirements in both runSpec and regionalOptions, regions whose options have
    different keys, and regionalOptions together with top-level `resources`. So the requirements are added
    only if there are none, and to all regions.
    """
    requirements = {ANY_ENTRY_POINT: {"instanceType": answers.instance_type}}
    if "systemRequirements" in raw["runSpec"]:
        if answers.region:
            raw.setdefault("regionalOptions", {answers.region: {}})
    elif answers.region is None and "regionalOptions" not in raw:
        if answers.instance_type:
            raw["runSpec"]["systemRequirements"] = requirements
    elif "regionalOptions" not in raw:
        raw["regionalOptions"] = {answers.region: {"systemRequirements": requirements}}
    elif answers.instance_type:
        for options in raw["regionalOptions"].values():
            options.setdefault("systemRequirements", requirements)
