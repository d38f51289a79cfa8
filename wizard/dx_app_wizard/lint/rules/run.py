"""Lint rules for runSpec, access and regionalOptions: releases, timeouts, packages, instance types."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.instances import (
    DEFAULT_REGION,
    clouds,
    find_instance_type,
    instance_types,
    known_regions,
    misspelt,
    region_problem,
    substitute,
    why_unusable,
)
from dx_app_wizard.dxapp.timeouts import LONGEST_TIMEOUT_MINUTES, MINUTES
from dx_app_wizard.lint.rules.rule import Fix, Rules, Violation
from dx_app_wizard.lint.source.spec import hash_at, list_of, requirements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath

RUN_RULES: Rules[dict[str, Any], Violation] = Rules()
"""Rules for the raw hash of a dxapp.json."""

PACKAGE_MANAGERS = ("apt", "pip", "pip3", "gem", "cpan", "cran", "git")
ACCESS_LEVELS = ("NONE", "VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")
CURRENT_RELEASES = ("20.04", "24.04")
OLD_RELEASES = ("12.04", "14.04", "16.04")
PORTING_HINT = (
    'Set "interpreter" to "python3" and "release" to "24.04" (or "20.04"), and port the source to Python 3;'
    " the tool 2to3 does most of the work."
)
"""The hint for apps in Python 2."""


def _instance_types(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, list[str], str]]:
    """Yield the path, regions and name of every instance type, including those in selectors.

    A name in runSpec may be of any cloud. Unknown clouds are skipped.
    """
    for path, region, requirement in requirements(spec):
        if region and region_problem(region):
            continue
        regions = [region] if region else [f"{cloud}:" for cloud in clouds()]
        selector = hash_at(requirement, "instanceTypeSelector")
        named = [((*path, "instanceType"), requirement.get("instanceType"))]
        named += [
            ((*path, "instanceTypeSelector", "allowedInstanceTypes", index), name)
            for index, name in enumerate(list_of(selector.get("allowedInstanceTypes")))
        ]
        for place, name in named:
            if isinstance(name, str):
                yield place, regions, name


@RUN_RULES.rule("error")
def run_spec(spec: dict[str, Any]) -> Iterator[Violation]:
    """The dxapp.json has a runSpec with an interpreter."""
    if "runSpec" not in spec:
        yield Violation((), "runSpec is missing", 'Add "runSpec".', absent=True)
    elif "interpreter" not in hash_at(spec, "runSpec"):
        yield Violation(
            ("runSpec",), "runSpec.interpreter is missing", 'Add "interpreter": "python3".', absent=True
        )


@RUN_RULES.rule("error")
def run_release(spec: dict[str, Any]) -> Iterator[Violation]:
    """The runSpec has a distribution and a release, which old apps lack. `dx build` fails otherwise.

    `dx-local run` does not require them.
    """
    for key, example in (("distribution", "Ubuntu"), ("release", "24.04")):
        if "runSpec" in spec and key not in hash_at(spec, "runSpec"):
            yield Violation(
                ("runSpec",), f"runSpec.{key} is missing", f'Add "{key}": "{example}".', absent=True
            )


@RUN_RULES.rule("error")
def run_source(spec: dict[str, Any]) -> Iterator[Violation]:
    """The runSpec has either `file` or `code`, not both."""
    run = hash_at(spec, "runSpec")
    if "runSpec" in spec and "file" not in run and "code" not in run:
        yield Violation(
            ("runSpec",), "runSpec has neither file nor code", 'Add "file": "src/…".', absent=True
        )
    if "file" in run and "code" in run:
        yield Violation(("runSpec", "code"), "runSpec has both file and code", "Remove one of the two.")


@RUN_RULES.rule("error")
def interpreter(spec: dict[str, Any]) -> Iterator[Violation]:
    """The interpreter is `python3` or `bash` (or `python2.7` in old apps)."""
    name = hash_at(spec, "runSpec").get("interpreter")
    if isinstance(name, str) and name not in ("python3", "bash", "python2.7"):
        guess = "python3" if "py" in name.lower() else "bash"
        fix = Fix(("runSpec", "interpreter"), guess) if name.lower() == guess else None
        yield Violation(
            ("runSpec", "interpreter"), f"{name!r} is not an interpreter", f"Write {guess!r}.", fix=fix
        )


@RUN_RULES.rule("error")
def release(spec: dict[str, Any]) -> Iterator[Violation]:
    """The distribution and release exist on DNAnexus, and the version exists for the release."""
    run = hash_at(spec, "runSpec")
    distribution, number, version = (run.get(key) for key in ("distribution", "release", "version"))
    if isinstance(distribution, str) and distribution != "Ubuntu":
        path: JsonPath = ("runSpec", "distribution")
        fix = Fix(path, "Ubuntu") if distribution.lower() == "ubuntu" else None
        yield Violation(path, f"{distribution!r} is not a distribution", "Write 'Ubuntu'.", fix=fix)
    if isinstance(number, str) and number not in CURRENT_RELEASES + OLD_RELEASES:
        hint = f"Write {CURRENT_RELEASES[-1]!r}."
        yield Violation(("runSpec", "release"), f"{number!r} is not a release of the worker", hint)
    versions = ("0", "1") if number == "16.04" else ("0",)
    if isinstance(version, str) and version not in versions:
        hint = "Write '0'. The app's own version is a top-level key."
        path = ("runSpec", "version")
        fix = Fix(path, "0") if number in CURRENT_RELEASES else None
        subject = "no release except 16.04 has a" if number is None else f"release {number} has no"
        yield Violation(path, f"{subject} version {version!r}", hint, fix=fix)


@RUN_RULES.rule("warning")
def old_worker(spec: dict[str, Any]) -> Iterator[Violation]:
    """The interpreter and release are still supported: not Python 2.7, and no release before 20.04."""
    run = hash_at(spec, "runSpec")
    if run.get("interpreter") == "python2.7":
        yield Violation(("runSpec", "interpreter"), "python2.7 is no longer supported", PORTING_HINT)
    if run.get("release") in OLD_RELEASES:
        message = f"release {run['release']} is no longer supported"
        yield Violation(("runSpec", "release"), message, f"Move to {CURRENT_RELEASES[-1]!r}.")


@RUN_RULES.rule("error")
def timeout_policy(spec: dict[str, Any]) -> Iterator[Violation]:
    """Timeouts are whole days, hours and minutes, in total more than 0 and at most 30 days."""
    for entry_point, limit in hash_at(spec, "runSpec", "timeoutPolicy").items():
        path: JsonPath = ("runSpec", "timeoutPolicy", entry_point)
        if not isinstance(limit, dict):
            continue
        for unit in limit.keys() - MINUTES.keys():
            yield Violation(
                (*path, unit), f"{unit!r} is not a unit of time", "Units are days, hours and minutes."
            )
        counts = [(unit, limit[unit]) for unit in MINUTES if unit in limit]
        if all(type(count) is int and count >= 0 for _, count in counts):
            total = sum(MINUTES[unit] * count for unit, count in counts)
            if not 0 < total <= LONGEST_TIMEOUT_MINUTES:
                yield Violation(path, "the timeout must be more than 0 and at most 30 days")


@RUN_RULES.rule("error")
def execution_policy(spec: dict[str, Any]) -> Iterator[Violation]:
    """Jobs are restarted at most nine times."""
    policy = hash_at(spec, "runSpec", "executionPolicy")
    path: JsonPath = ("runSpec", "executionPolicy")
    counts: dict[JsonPath, Any] = {("maxRestarts",): policy.get("maxRestarts")}
    counts.update({("restartOn", reason): count for reason, count in hash_at(policy, "restartOn").items()})
    for place, count in counts.items():
        if type(count) is int and not 0 <= count <= 9:
            yield Violation(
                (*path, *place), f"{count} restarts are not allowed", "Write a number from 0 to 9."
            )
    entry_points = hash_at(spec, "runSpec").get("restartableEntryPoints")
    if isinstance(entry_points, str) and entry_points not in ("all", "master"):
        hint = "Write 'all' or 'master'."
        yield Violation(("runSpec", "restartableEntryPoints"), f"{entry_points!r} is not accepted", hint)


@RUN_RULES.rule("error")
def exec_depends(spec: dict[str, Any]) -> Iterator[Violation]:
    """Packages have a name and a valid package manager; packages from git have a URL."""
    for index, package in enumerate(list_of(hash_at(spec, "runSpec").get("execDepends"))):
        if not isinstance(package, dict):
            continue
        path: JsonPath = ("runSpec", "execDepends", index)
        manager = package.get("package_manager", "apt")
        if manager not in PACKAGE_MANAGERS:
            hint = f"Package managers are {', '.join(PACKAGE_MANAGERS)}."
            place = (*path, "package_manager")
            fix = Fix(place, str(manager).lower()) if str(manager).lower() in PACKAGE_MANAGERS else None
            yield Violation(place, f"{manager!r} is not a package manager", hint, fix=fix)
        if "name" not in package:
            yield Violation(path, "the package has no name", 'Add "name".')
        if manager == "git" and "url" not in package:
            yield Violation(path, "a package from git needs a URL", 'Add "url".')


@RUN_RULES.rule("error")
def exec_depends_network(spec: dict[str, Any]) -> Iterator[Violation]:
    """An app with packages that are not from apt has network access. `dx build` fails otherwise."""
    packages = list_of(hash_at(spec, "runSpec").get("execDepends"))
    managers = [package.get("package_manager", "apt") for package in packages if isinstance(package, dict)]
    foreign = [str(manager) for manager in managers if manager != "apt"]
    if foreign and not hash_at(spec, "access").get("network"):
        message = f"packages from {foreign[0]} cannot be installed without network access"
        absent = "network" not in hash_at(spec, "access")
        yield Violation(
            ("runSpec", "execDepends"), message, 'Add "access": {"network": ["*"]}.', absent=absent
        )


@RUN_RULES.rule("error")
def asset_depends(spec: dict[str, Any]) -> Iterator[Violation]:
    """Each asset has an `id`, or a `name`, `project` and `version`."""
    places: list[tuple[JsonPath, Any]] = [(("runSpec",), hash_at(spec, "runSpec"))]
    places += [
        (("regionalOptions", region), options) for region, options in hash_at(spec, "regionalOptions").items()
    ]
    for path, options in places:
        for index, asset in enumerate(list_of(hash_at(options).get("assetDepends"))):
            if (
                isinstance(asset, dict)
                and "id" not in asset
                and not {"name", "project", "version"} <= asset.keys()
            ):
                message = "the asset has neither an id nor a name, project and version"
                yield Violation((*path, "assetDepends", index), message)


@RUN_RULES.rule("error")
def access_level(spec: dict[str, Any]) -> Iterator[Violation]:
    """Access to projects is one of NONE, VIEW, UPLOAD, CONTRIBUTE, ADMINISTER."""
    for key in ("project", "allProjects"):
        level = hash_at(spec, "access").get(key)
        if isinstance(level, str) and level not in ACCESS_LEVELS:
            hint = f"Levels are {', '.join(ACCESS_LEVELS)}."
            fix = Fix(("access", key), level.upper()) if level.upper() in ACCESS_LEVELS else None
            yield Violation(("access", key), f"{level!r} is not an access level", hint, fix=fix)


@RUN_RULES.rule("error")
def access_network(spec: dict[str, Any]) -> Iterator[Violation]:
    """Network access is to hosts (`github.com`, `*.example.org`, `*`), not URLs."""
    for index, host in enumerate(list_of(hash_at(spec, "access").get("network"))):
        if isinstance(host, str) and ("/" in host or not host.strip()):
            place: JsonPath = ("access", "network", index)
            named = re.fullmatch(r"(?:[a-z]+://)?([*\w.-]+)(?:[/:].*)?", host.strip(), re.IGNORECASE)
            hint = f"Write {named[1]!r}." if named else "Write a host such as github.com, or * for all."
            yield Violation(
                place, f"{host!r} is not a host", hint, fix=Fix(place, named[1]) if named else None
            )


@RUN_RULES.rule("error")
def regional_options(spec: dict[str, Any]) -> Iterator[Violation]:
    """Regional options have at least one region, the same keys for each, and no keys of runSpec."""
    regional = spec.get("regionalOptions")
    if regional == {}:
        yield Violation(("regionalOptions",), "regionalOptions has no region", "Remove it, or add a region.")
    key_sets = {region: set(hash_at(options)) for region, options in hash_at(regional).items()}
    first = next(iter(key_sets), None)
    for region, keys in key_sets.items():
        for key in sorted(keys ^ key_sets[str(first)]):
            message = f"{key!r} is set for only one of {first} and {region}"
            yield Violation(("regionalOptions", region), message, "Give all regions the same keys.")
        for key in sorted(keys & hash_at(spec, "runSpec").keys()):
            message = f"{key!r} is also in runSpec"
            yield Violation(("regionalOptions", region, key), message, "Remove it from runSpec.")


@RUN_RULES.rule("warning")
def region_known(spec: dict[str, Any]) -> Iterator[Violation]:
    """Regions exist, as far as is known; they are written `cloud:location`."""
    for region in hash_at(spec, "regionalOptions"):
        problem = region_problem(region)
        if problem:
            yield Violation(("regionalOptions", region), problem)
        elif region not in known_regions():
            near = get_close_matches(region, known_regions(), n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known regions: {', '.join(known_regions())}."
            yield Violation(("regionalOptions", region), f"{region!r} is not a known region", hint)


@RUN_RULES.rule("error")
def instance_type(spec: dict[str, Any]) -> Iterator[Violation]:
    """No instance type is misspelt, that is within two edits of an existing one."""
    for path, regions, name in _instance_types(spec):
        meant = None
        if all(find_instance_type(name, region) is None for region in regions):
            meant = next((found for region in regions if (found := misspelt(name, region))), None)
        if meant:
            only_case = name.lower() == meant
            fix = Fix(path, meant) if only_case else None
            yield Violation(path, f"{name!r} is not an instance type", f"Did you mean {meant!r}?", fix=fix)


@RUN_RULES.rule("warning")
def instance_type_known(spec: dict[str, Any]) -> Iterator[Violation]:
    """Instance types are known, current, and available in their region; `dx build` may reject others."""
    for path, regions, name in _instance_types(spec):
        problems = [why_unusable(name, region) for region in regions]
        if all(problems) and not any(misspelt(name, region) for region in regions):
            yield Violation(
                path, str(problems[0]), f"Use {substitute(name, regions[0])!r}, as dx-local run does."
            )


@RUN_RULES.rule("warning")
def instance_type_legacy(spec: dict[str, Any]) -> Iterator[Violation]:
    """No instance type is of an old generation with a successor (mem1_ssd1_v2_x4 for mem1_ssd1_x4)."""
    for path, region, requirement in requirements(spec):
        name = requirement.get("instanceType")
        successor = str(name).replace("_x", "_v2_x")
        types = {instance.name: instance for instance in instance_types(region or DEFAULT_REGION)}
        if isinstance(name, str) and name in types and types[name].legacy and successor in types:
            yield Violation(
                (*path, "instanceType"), f"{name!r} is of an old generation", f"Move to {successor!r}."
            )


@RUN_RULES.rule("warning")
def interpreter_release(spec: dict[str, Any]) -> Iterator[Violation]:
    """The release has the interpreter: python3 since version 1 of 16.04, python2.7 only before 20.04."""
    run = hash_at(spec, "runSpec")
    name, number = run.get("interpreter"), run.get("release")
    path: JsonPath = ("runSpec", "release")
    old = number in OLD_RELEASES and not (number == "16.04" and run.get("version") == "1")
    if name == "python3" and old:
        hint = f"Move to {CURRENT_RELEASES[-1]!r}."
        yield Violation(path, f"release {number} (version 0) does not support python3", hint)
    if name == "python2.7" and number in CURRENT_RELEASES:
        yield Violation(path, f"release {number} does not support python2.7", PORTING_HINT)


@RUN_RULES.rule("warning")
def deprecated_field(spec: dict[str, Any]) -> Iterator[Violation]:
    """No field is deprecated in favour of regionalOptions.

    Source: https://documentation.dnanexus.com/developer/apps/app-metadata, "Deprecated fields".
    """
    regions = list(hash_at(spec, "regionalOptions")) or [DEFAULT_REGION]
    places = ", ".join(f"regionalOptions[{region!r}]" for region in regions)
    if "systemRequirements" in hash_at(spec, "runSpec"):
        path: JsonPath = ("runSpec", "systemRequirements")
        yield Violation(path, "runSpec.systemRequirements is deprecated", f"Move it into {places}.")
    if "resources" in spec and "regionalOptions" not in spec:
        yield Violation(("resources",), "top-level resources is deprecated", f"Move it into {places}.")


@RUN_RULES.rule("error")
def instance_selector(spec: dict[str, Any]) -> Iterator[Violation]:
    """An instance type selector is not combined with an instance type or a cluster."""
    for path, _region, requirement in requirements(spec):
        for other in ("instanceType", "clusterSpec"):
            if "instanceTypeSelector" in requirement and other in requirement:
                yield Violation(
                    (*path, other), f"{other} and instanceTypeSelector cannot be combined", "Remove one."
                )


@RUN_RULES.rule("error")
def cluster_spec(spec: dict[str, Any]) -> Iterator[Violation]:
    """A cluster is declared for a region, in regionalOptions."""
    for path, region, requirement in requirements(spec):
        if region is None and "clusterSpec" in requirement:
            yield Violation(
                (*path, "clusterSpec"), "clusterSpec is not accepted here", "Move it into regionalOptions."
            )


@RUN_RULES.rule("error")
def resources_region(spec: dict[str, Any]) -> Iterator[Violation]:
    """The app has either top-level resources or resources for each region in regionalOptions."""
    if "resources" in spec and "regionalOptions" in spec:
        hint = "Move resources into regionalOptions, under every region."
        yield Violation(("resources",), "top-level resources cannot be combined with regionalOptions", hint)
