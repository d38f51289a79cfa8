"""Lint rules about how an app is run: interpreter, release, timeouts, packages, access, regions."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.instances import (
    DEFAULT_REGION,
    clouds,
    find_instance_type,
    instance_types,
    misspelt,
    region_problem,
    substitute,
    why_unusable,
)
from dx_app_wizard.lint.findings import Fault, Fix, Rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath

RUN_RULES: Rules[dict[str, Any], Fault] = Rules()
"""Rules over the raw hash of a dxapp.json."""

PACKAGE_MANAGERS = ("apt", "pip", "pip3", "gem", "cpan", "cran", "git")
ACCESS_LEVELS = ("NONE", "VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER")
CURRENT_RELEASES = ("20.04", "24.04")
OLD_RELEASES = ("12.04", "14.04", "16.04")
PORTING_HINT = (
    'Set "interpreter" to "python3" and "release" to "24.04" (or "20.04"), and port the source to Python 3;'
    " the tool 2to3 does most of it."
)
"""The hint for apps written for Python 2."""
LONGEST_TIMEOUT_MINUTES = 30 * 24 * 60
MINUTES = {"days": 24 * 60, "hours": 60, "minutes": 1}


def hash_at(value: Any, *path: str) -> dict[str, Any]:
    """Return the hash at path in value, or an empty one where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """Return value where it is an array, or else an empty one."""
    return value if isinstance(value, list) else []


def requirements(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, str | None, dict[str, Any]]]:
    """Yield the system requirements by entry point: path, region (None in runSpec), hash."""
    run = hash_at(spec, "runSpec")
    places: list[tuple[JsonPath, str | None, dict[str, Any]]] = [
        (("runSpec", "systemRequirements"), None, hash_at(run, "systemRequirements"))
    ]
    for region, by_entry_point in hash_at(run, "systemRequirementsByRegion").items():
        path: JsonPath = ("runSpec", "systemRequirementsByRegion", region)
        places.append((path, region, hash_at(by_entry_point)))
    for region, options in hash_at(spec, "regionalOptions").items():
        path = ("regionalOptions", region, "systemRequirements")
        places.append((path, region, hash_at(hash_at(options), "systemRequirements")))
    for path, place, by_entry_point in places:
        for entry_point, requirement in by_entry_point.items():
            if isinstance(requirement, dict):
                yield (*path, entry_point), place, requirement


def _instance_types(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, list[str], str]]:
    """Yield the instance types that are named, lists to select from included: path, regions, name.

    The regions are those of all clouds if the name is in runSpec. Unknown clouds are left out.
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
def run_spec(spec: dict[str, Any]) -> Iterator[Fault]:
    """There is a runSpec with an interpreter."""
    if "runSpec" not in spec:
        yield Fault((), "runSpec is missing", 'Add "runSpec".', absent=True)
    elif "interpreter" not in hash_at(spec, "runSpec"):
        yield Fault(
            ("runSpec",), "runSpec.interpreter is missing", 'Add "interpreter": "python3".', absent=True
        )


@RUN_RULES.rule("error")
def run_release(spec: dict[str, Any]) -> Iterator[Fault]:
    """The runSpec has distribution and release, which older apps lack; `dx build` stops otherwise.

    `dx-local run` goes on.
    """
    for key, example in (("distribution", "Ubuntu"), ("release", "24.04")):
        if "runSpec" in spec and key not in hash_at(spec, "runSpec"):
            yield Fault(("runSpec",), f"runSpec.{key} is missing", f'Add "{key}": "{example}".', absent=True)


@RUN_RULES.rule("error")
def run_source(spec: dict[str, Any]) -> Iterator[Fault]:
    """The source is given once: as `file`, or inline as `code`."""
    run = hash_at(spec, "runSpec")
    if "runSpec" in spec and "file" not in run and "code" not in run:
        yield Fault(("runSpec",), "runSpec has neither file nor code", 'Add "file": "src/…".', absent=True)
    if "file" in run and "code" in run:
        yield Fault(("runSpec", "code"), "runSpec has both file and code", "Remove one of the two.")


@RUN_RULES.rule("error")
def interpreter(spec: dict[str, Any]) -> Iterator[Fault]:
    """The interpreter is `python3` or `bash` (`python2.7` in apps of old)."""
    name = hash_at(spec, "runSpec").get("interpreter")
    if isinstance(name, str) and name not in ("python3", "bash", "python2.7"):
        guess = "python3" if "py" in name.lower() else "bash"
        fix = Fix(("runSpec", "interpreter"), guess) if name.lower() == guess else None
        yield Fault(("runSpec", "interpreter"), f"{name!r} is no interpreter", f"Write {guess!r}.", fix=fix)


@RUN_RULES.rule("error")
def release(spec: dict[str, Any]) -> Iterator[Fault]:
    """Distribution and release are ones that DNAnexus has, and its version goes with the release."""
    run = hash_at(spec, "runSpec")
    distribution, number, version = (run.get(key) for key in ("distribution", "release", "version"))
    if isinstance(distribution, str) and distribution != "Ubuntu":
        path: JsonPath = ("runSpec", "distribution")
        fix = Fix(path, "Ubuntu") if distribution.lower() == "ubuntu" else None
        yield Fault(path, f"{distribution!r} is no distribution", "Write 'Ubuntu'.", fix=fix)
    if isinstance(number, str) and number not in CURRENT_RELEASES + OLD_RELEASES:
        hint = f"Write {CURRENT_RELEASES[-1]!r}."
        yield Fault(("runSpec", "release"), f"{number!r} is no release of the worker", hint)
    versions = ("0", "1") if number == "16.04" else ("0",)
    if isinstance(version, str) and version not in versions:
        hint = "Write '0'. The app's own version stands at the top."
        path = ("runSpec", "version")
        fix = Fix(path, "0") if number in CURRENT_RELEASES else None
        what = "no release but 16.04 has a" if number is None else f"release {number} has no"
        yield Fault(path, f"{what} version {version!r}", hint, fix=fix)


@RUN_RULES.rule("warning")
def old_worker(spec: dict[str, Any]) -> Iterator[Fault]:
    """The worker is one that DNAnexus still offers: not Python 2.7, and no release before 20.04."""
    run = hash_at(spec, "runSpec")
    if run.get("interpreter") == "python2.7":
        yield Fault(("runSpec", "interpreter"), "python2.7 is no longer supported", PORTING_HINT)
    if run.get("release") in OLD_RELEASES:
        message = f"release {run['release']} is no longer supported"
        yield Fault(("runSpec", "release"), message, f"Move to {CURRENT_RELEASES[-1]!r}.")


@RUN_RULES.rule("error")
def timeout_policy(spec: dict[str, Any]) -> Iterator[Fault]:
    """Timeouts are whole days, hours and minutes, more than nothing and at most 30 days in all."""
    for entry_point, limit in hash_at(spec, "runSpec", "timeoutPolicy").items():
        path: JsonPath = ("runSpec", "timeoutPolicy", entry_point)
        if not isinstance(limit, dict):
            continue
        for unit in limit.keys() - MINUTES.keys():
            yield Fault((*path, unit), f"{unit!r} is no unit of time", "Units are days, hours and minutes.")
        counts = [(unit, limit[unit]) for unit in MINUTES if unit in limit]
        if all(type(count) is int and count >= 0 for _, count in counts):
            total = sum(MINUTES[unit] * count for unit, count in counts)
            if not 0 < total <= LONGEST_TIMEOUT_MINUTES:
                yield Fault(path, "a timeout is more than nothing and at most 30 days")


@RUN_RULES.rule("error")
def execution_policy(spec: dict[str, Any]) -> Iterator[Fault]:
    """Jobs are restarted at most nine times, for reasons that exist."""
    policy = hash_at(spec, "runSpec", "executionPolicy")
    path: JsonPath = ("runSpec", "executionPolicy")
    counts: dict[JsonPath, Any] = {("maxRestarts",): policy.get("maxRestarts")}
    counts.update({("restartOn", reason): count for reason, count in hash_at(policy, "restartOn").items()})
    for place, count in counts.items():
        if type(count) is int and not 0 <= count <= 9:
            yield Fault((*path, *place), f"{count} restarts are not allowed", "Give a number from 0 to 9.")
    entry_points = hash_at(spec, "runSpec").get("restartableEntryPoints")
    if isinstance(entry_points, str) and entry_points not in ("all", "master"):
        hint = "Write 'all' or 'master'."
        yield Fault(("runSpec", "restartableEntryPoints"), f"{entry_points!r} is not accepted", hint)


@RUN_RULES.rule("error")
def exec_depends(spec: dict[str, Any]) -> Iterator[Fault]:
    """Packages have a name and a package manager that exists; those from git have a URL."""
    for index, package in enumerate(list_of(hash_at(spec, "runSpec").get("execDepends"))):
        if not isinstance(package, dict):
            continue
        path: JsonPath = ("runSpec", "execDepends", index)
        manager = package.get("package_manager", "apt")
        if manager not in PACKAGE_MANAGERS:
            hint = f"They are {', '.join(PACKAGE_MANAGERS)}."
            place = (*path, "package_manager")
            fix = Fix(place, str(manager).lower()) if str(manager).lower() in PACKAGE_MANAGERS else None
            yield Fault(place, f"{manager!r} is no package manager", hint, fix=fix)
        if "name" not in package:
            yield Fault(path, "the package has no name", 'Add "name".')
        if manager == "git" and "url" not in package:
            yield Fault(path, "a package from git needs a URL", 'Add "url".')


@RUN_RULES.rule("error")
def exec_depends_network(spec: dict[str, Any]) -> Iterator[Fault]:
    """An app with packages from elsewhere than apt has access to the network; `dx build` stops otherwise."""
    packages = list_of(hash_at(spec, "runSpec").get("execDepends"))
    managers = [package.get("package_manager", "apt") for package in packages if isinstance(package, dict)]
    foreign = [str(manager) for manager in managers if manager != "apt"]
    if foreign and not hash_at(spec, "access").get("network"):
        message = f"packages from {foreign[0]} cannot be installed without access to the network"
        absent = "network" not in hash_at(spec, "access")
        yield Fault(("runSpec", "execDepends"), message, 'Add "access": {"network": ["*"]}.', absent=absent)


@RUN_RULES.rule("error")
def asset_depends(spec: dict[str, Any]) -> Iterator[Fault]:
    """Each asset is named by its `id`, or by `name`, `project` and `version`."""
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
                message = "the asset is named neither by id nor by name, project and version"
                yield Fault((*path, "assetDepends", index), message)


@RUN_RULES.rule("error")
def access_level(spec: dict[str, Any]) -> Iterator[Fault]:
    """Access to projects is one of NONE, VIEW, UPLOAD, CONTRIBUTE, ADMINISTER."""
    for key in ("project", "allProjects"):
        level = hash_at(spec, "access").get(key)
        if isinstance(level, str) and level not in ACCESS_LEVELS:
            hint = f"Levels are {', '.join(ACCESS_LEVELS)}."
            fix = Fix(("access", key), level.upper()) if level.upper() in ACCESS_LEVELS else None
            yield Fault(("access", key), f"{level!r} is no access level", hint, fix=fix)


@RUN_RULES.rule("error")
def access_network(spec: dict[str, Any]) -> Iterator[Fault]:
    """Access to the network names hosts (`github.com`, `*.example.org`, `*`), not URLs."""
    for index, host in enumerate(list_of(hash_at(spec, "access").get("network"))):
        if isinstance(host, str) and ("/" in host or not host.strip()):
            place: JsonPath = ("access", "network", index)
            named = re.fullmatch(r"(?:[a-z]+://)?([*\w.-]+)(?:[/:].*)?", host.strip(), re.IGNORECASE)
            hint = f"Write {named[1]!r}." if named else "Write a host such as github.com, or * for all."
            yield Fault(place, f"{host!r} is no host", hint, fix=Fix(place, named[1]) if named else None)


@RUN_RULES.rule("error")
def regional_options(spec: dict[str, Any]) -> Iterator[Fault]:
    """Regional options name at least one region, have the same keys in each, and repeat none of runSpec's."""
    regional = spec.get("regionalOptions")
    if regional == {}:
        yield Fault(("regionalOptions",), "regionalOptions names no region", "Remove it, or add a region.")
    key_sets = {region: set(hash_at(options)) for region, options in hash_at(regional).items()}
    first = next(iter(key_sets), None)
    for region, keys in key_sets.items():
        for key in sorted(keys ^ key_sets[str(first)]):
            message = f"{key!r} is set for only one of {first} and {region}"
            yield Fault(("regionalOptions", region), message, "Give all regions the same keys.")
        for key in sorted(keys & hash_at(spec, "runSpec").keys()):
            message = f"{key!r} stands in runSpec too"
            yield Fault(("regionalOptions", region, key), message, "Remove it from runSpec.")


@RUN_RULES.rule("warning")
def region_known(spec: dict[str, Any]) -> Iterator[Fault]:
    """Regions are written `cloud:place`, with a cloud that DNAnexus runs on."""
    for region in hash_at(spec, "regionalOptions"):
        problem = region_problem(region)
        if problem:
            yield Fault(("regionalOptions", region), problem)


@RUN_RULES.rule("error")
def instance_type(spec: dict[str, Any]) -> Iterator[Fault]:
    """No instance type is misspelt: none is within two edits of an existing one."""
    for path, regions, name in _instance_types(spec):
        meant = None
        if all(find_instance_type(name, region) is None for region in regions):
            meant = next((found for region in regions if (found := misspelt(name, region))), None)
        if meant:
            only_case = name.lower() == meant
            fix = Fix(path, meant) if only_case else None
            yield Fault(path, f"{name!r} is no instance type", f"Did you mean {meant!r}?", fix=fix)


@RUN_RULES.rule("warning")
def instance_type_known(spec: dict[str, Any]) -> Iterator[Fault]:
    """Instance types are known, current, and offered in their region; `dx build` may refuse others."""
    for path, regions, name in _instance_types(spec):
        problems = [why_unusable(name, region) for region in regions]
        if all(problems) and not any(misspelt(name, region) for region in regions):
            yield Fault(
                path, str(problems[0]), f"Use {substitute(name, regions[0])!r}, as dx-local run does."
            )


@RUN_RULES.rule("warning")
def instance_type_legacy(spec: dict[str, Any]) -> Iterator[Fault]:
    """No instance type is of an old generation that has a successor (mem1_ssd1_v2_x4 for mem1_ssd1_x4)."""
    for path, region, requirement in requirements(spec):
        name = requirement.get("instanceType")
        successor = str(name).replace("_x", "_v2_x")
        types = {instance.name: instance for instance in instance_types(region or DEFAULT_REGION)}
        if isinstance(name, str) and name in types and types[name].legacy and successor in types:
            yield Fault(
                (*path, "instanceType"), f"{name!r} is of an old generation", f"Move to {successor!r}."
            )


@RUN_RULES.rule("warning")
def interpreter_release(spec: dict[str, Any]) -> Iterator[Fault]:
    """The release has the interpreter: python3 from 16.04 version 1 on, python2.7 before 20.04 only."""
    run = hash_at(spec, "runSpec")
    name, number = run.get("interpreter"), run.get("release")
    path: JsonPath = ("runSpec", "release")
    old = number in OLD_RELEASES and not (number == "16.04" and run.get("version") == "1")
    if name == "python3" and old:
        hint = f"Move to {CURRENT_RELEASES[-1]!r}."
        yield Fault(path, f"release {number} (version 0) does not go with python3", hint)
    if name == "python2.7" and number in CURRENT_RELEASES:
        yield Fault(path, f"release {number} does not go with python2.7", PORTING_HINT)


@RUN_RULES.rule("warning")
def deprecated_field(spec: dict[str, Any]) -> Iterator[Fault]:
    """No field is one that DNAnexus gave up: they moved into regionalOptions.

    Source: https://documentation.dnanexus.com/developer/apps/app-metadata, "Deprecated fields".
    """
    regions = list(hash_at(spec, "regionalOptions")) or [DEFAULT_REGION]
    places = ", ".join(f"regionalOptions[{region!r}]" for region in regions)
    if "systemRequirements" in hash_at(spec, "runSpec"):
        path: JsonPath = ("runSpec", "systemRequirements")
        yield Fault(path, "runSpec.systemRequirements is deprecated", f"Move it into {places}.")
    if "resources" in spec and "regionalOptions" not in spec:
        yield Fault(("resources",), "resources at the top is deprecated", f"Move it into {places}.")


@RUN_RULES.rule("error")
def instance_selector(spec: dict[str, Any]) -> Iterator[Fault]:
    """An instance type selector stands alone: neither with an instance type nor with a cluster."""
    for path, _region, requirement in requirements(spec):
        for other in ("instanceType", "clusterSpec"):
            if "instanceTypeSelector" in requirement and other in requirement:
                yield Fault(
                    (*path, other), f"{other} and instanceTypeSelector exclude each other", "Remove one."
                )


@RUN_RULES.rule("error")
def cluster_spec(spec: dict[str, Any]) -> Iterator[Fault]:
    """A cluster is declared by region, in regionalOptions."""
    for path, region, requirement in requirements(spec):
        if region is None and "clusterSpec" in requirement:
            yield Fault(
                (*path, "clusterSpec"), "clusterSpec is not accepted here", "Move it into regionalOptions."
            )


@RUN_RULES.rule("error")
def resources_region(spec: dict[str, Any]) -> Iterator[Fault]:
    """Resources of the whole app go with at most one region; with several, each region has its own."""
    if "resources" in spec and "regionalOptions" in spec:
        hint = "Move resources into regionalOptions, under every region."
        yield Fault(("resources",), "resources at the top do not go with regionalOptions", hint)
