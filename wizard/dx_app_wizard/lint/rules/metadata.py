"""Lint rules for metadata: names, texts, versions, users, and misspelt or misplaced keys."""

# ruff: noqa: D401 - the docstring of a rule states the rule

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console.text import without_surrogates
from dx_app_wizard.dxapp.names import app_name_problem, applet_name_problem
from dx_app_wizard.dxapp.versions import is_semantic_version
from dx_app_wizard.lint.rules.rule import Fix, KeyFix, Rules, Violation
from dx_app_wizard.lint.source.spec import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import JsonPath

METADATA_RULES: Rules[dict[str, Any], Violation] = Rules()
"""Rules for the raw hash of a dxapp.json."""

CATEGORIES = (
    "Annotation",
    "Assembly",
    "Debugging",
    "Export",
    "Import",
    "Interactive",
    "Machine Learning",
    "Mappings Manipulation",
    "Read Manipulation",
    "Read Mapping",
    "Reports",
    "RNA-Seq",
    "Statistics",
    "Structural Variation",
    "Translational Informatics",
    "Variation Calling",
)
"""The categories that `dx build` accepts. Source: dxpy 0.417.1, app_categories."""

TOP_KEYS = (
    "name", "title", "summary", "description", "developerNotes", "dxapi", "version", "categories",
    "inputSpec", "outputSpec", "runSpec", "access", "regionalOptions", "authorizedUsers",
    "developers", "openSource", "billTo", "details", "types", "tags", "properties", "hidden",
    "project", "folder", "httpsApp", "ignoreReuse", "treeTurnaroundTimeThreshold", "resources",
    "contactEmail", "upstreamProjects", "whatsNew", "citations", "changeLog", "contactOrgs",
    "testSetup", "pricingPolicy", "license", "licenseUrl", "author",
)  # fmt: skip
RUN_SPEC_KEYS = (
    "interpreter", "file", "code", "distribution", "release", "version", "execDepends",
    "bundledDepends", "bundledDependsByRegion", "assetDepends", "systemRequirements",
    "systemRequirementsByRegion", "timeoutPolicy", "executionPolicy", "headJobOnDemand",
    "inheritParentRestartOnPolicy", "restartableEntryPoints", "buildDepends",
)  # fmt: skip
PARAMETER_KEYS = (
    "name", "class", "optional", "default", "label", "help", "group", "type", "patterns", "choices",
    "suggestions",
)  # fmt: skip
ACCESS_KEYS = ("network", "project", "allProjects", "developer", "projectCreation")


@METADATA_RULES.rule("error")
def text_unicode(spec: dict[str, Any]) -> Iterator[Violation]:
    """Texts have no unpaired surrogates, which the platform does not accept."""
    level: list[tuple[JsonPath, Any]] = [((), spec)]
    while level:
        inside: list[tuple[JsonPath, Any]] = []
        for path, value in level:
            keys = [key for key in value if without_surrogates(key) != key] if isinstance(value, dict) else ()
            if keys or (isinstance(value, str) and without_surrogates(value) != value):
                yield Violation(path, "contains text that is not Unicode", "Remove the unpaired surrogate.")
            if isinstance(value, (dict, list)):
                entries = value.items() if isinstance(value, dict) else enumerate(value)
                inside += [((*path, step), inner) for step, inner in entries]
        level = inside


@METADATA_RULES.rule("error")
def app_name(spec: dict[str, Any]) -> Iterator[Violation]:
    """The name is one line of text."""
    name = spec.get("name")
    if isinstance(name, str) and (problem := applet_name_problem(name)):
        yield Violation(("name",), f"{name!r} {problem}", "Write a name such as count-reads.")


@METADATA_RULES.rule("warning")
def app_name_style(spec: dict[str, Any]) -> Iterator[Violation]:
    """The name consists of lower-case letters, digits, `.`, `_` and `-`.

    An applet may have any other name, but an app may not. `dx build` warns about upper case.
    """
    name = spec.get("name")
    if name is None:
        yield Violation((), "the app has no name", 'Add "name".', absent=True)
    elif isinstance(name, str) and not applet_name_problem(name) and (problem := app_name_problem(name)):
        yield Violation(
            ("name",), f"{name!r} can only be the name of an applet: the name of an app {problem}"
        )
    elif isinstance(name, str) and name != name.lower():
        yield Violation(("name",), f"{name!r} has upper-case letters", f"Rename it to {name.lower()!r}.")


@METADATA_RULES.rule("warning")
def app_version(spec: dict[str, Any]) -> Iterator[Violation]:
    """The version is a semantic version such as 1.0.0; an app cannot be built without one."""
    version = spec.get("version")
    if isinstance(version, str) and not is_semantic_version(version):
        meant = re.fullmatch(r"[vV]?(\d+\.\d+(?:\.\d+)?)", version)
        whole = f"{meant[1]}.0" if meant and meant[1].count(".") == 1 else meant and meant[1]
        fix = Fix(("version",), whole) if whole and is_semantic_version(whole) else None
        hint = f"Write {whole!r}." if fix else "Write a version such as 1.0.0."
        yield Violation(("version",), f"{version!r} is not a semantic version", hint, fix=fix)


@METADATA_RULES.rule("warning")
def app_texts(spec: dict[str, Any]) -> Iterator[Violation]:
    """The app has a title and a summary of one line each.

    The summary does not end with a period, but the description does.
    """
    for key in ("title", "summary"):
        if key not in spec:
            yield Violation((), f"the app has no {key}", f'Add "{key}".', absent=True)
        elif isinstance(spec[key], str) and len(spec[key].splitlines()) > 1:
            yield Violation((key,), f"the {key} has a line break", "Write it in one line.")
    summary = spec.get("summary")
    if isinstance(summary, str) and summary.rstrip().endswith("."):
        fix = Fix(("summary",), summary.rstrip().rstrip("."))
        yield Violation(
            fix.path, "the summary ends with a period", "Make it a short phrase without one.", fix=fix
        )
    description = spec.get("description")
    if isinstance(description, str) and not description.strip().endswith("."):
        yield Violation(
            ("description",), "the description does not end with a period", "Write complete sentences."
        )


@METADATA_RULES.rule("warning")
def app_category(spec: dict[str, Any]) -> Iterator[Violation]:
    """Categories exist on DNAnexus; the titles of apps in Import and Export end in Importer and Exporter."""
    categories = spec.get("categories")
    for index, category in enumerate(categories if isinstance(categories, list) else []):
        if category not in CATEGORIES:
            near = get_close_matches(str(category), CATEGORIES, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Categories are {', '.join(CATEGORIES)}."
            place: JsonPath = ("categories", index)
            fix = Fix(place, near[0]) if near else None
            yield Violation(place, f"{category!r} is not a category", hint, fix=fix)
        title = spec.get("title")
        ending = {"Import": "Importer", "Export": "Exporter"}.get(str(category))
        if ending and isinstance(title, str) and not title.endswith(ending):
            yield Violation(
                ("title",), f"the title of an app of category {category} should end in {ending!r}"
            )


@METADATA_RULES.rule("error")
def authorized_users(spec: dict[str, Any]) -> Iterator[Violation]:
    """Authorized users are `PUBLIC`, or IDs of users and orgs."""
    users = spec.get("authorizedUsers")
    for index, user in enumerate(users if isinstance(users, list) else []):
        if user != "PUBLIC" and not (isinstance(user, str) and user.startswith(("user-", "org-"))):
            hint = 'Write "PUBLIC", "user-NAME" or "org-NAME".'
            place: JsonPath = ("authorizedUsers", index)
            fix = Fix(place, "PUBLIC") if str(user).upper() == "PUBLIC" else None
            yield Violation(place, f"{user!r} is not a user or org", hint, fix=fix)


@METADATA_RULES.rule("error")
def pricing_policy(spec: dict[str, Any]) -> Iterator[Violation]:
    """A pricing policy is in regionalOptions, never at the top level."""
    if "pricingPolicy" in spec:
        hint = "Move it into regionalOptions, under every region."
        yield Violation(("pricingPolicy",), "pricingPolicy is not accepted at the top level", hint)


@METADATA_RULES.rule("warning")
def io_declared(spec: dict[str, Any]) -> Iterator[Violation]:
    """Inputs and outputs are declared, even if as empty arrays.

    Otherwise they are not checked, and only an applet can be built, not an app.
    """
    for key, noun in (("inputSpec", "inputs"), ("outputSpec", "outputs")):
        if key not in spec:
            hint = f'Add "{key}": [] if there are no {noun}.'
            yield Violation((), f"{key} is absent, so {noun} are not checked", hint, absent=True)


@METADATA_RULES.rule("warning")
def misspelt_key(spec: dict[str, Any]) -> Iterator[Violation]:
    """No key looks like a misspelt one.

    The platform ignores unknown keys, so a typo has no effect and causes no error.
    """
    for path, mapping, known in _mappings(spec):
        taken = set(mapping)
        for key in mapping:
            if key in known:
                continue
            near = get_close_matches(key, known, n=1, cutoff=0.8)
            if near and near[0] not in taken:
                taken.add(near[0])
                fix = KeyFix((*path, key), near[0])
                yield Violation(
                    fix.path, f"the key {key!r} is unknown", f"Did you mean {near[0]!r}?", fix=fix
                )


@METADATA_RULES.rule("warning")
def misplaced_key(spec: dict[str, Any]) -> Iterator[Violation]:
    """No key of runSpec is at the top level, where it has no effect."""
    for key in RUN_SPEC_KEYS:
        if key in spec and key not in TOP_KEYS:
            run_spec = spec.get("runSpec")
            is_free = isinstance(run_spec, dict) and key not in run_spec
            fix = KeyFix((key,), into=("runSpec",)) if is_free else None
            yield Violation(
                (key,), f"{key!r} has no effect at the top level", "Move it into runSpec.", fix=fix
            )


def _mappings(spec: dict[str, Any]) -> Iterator[tuple[JsonPath, dict[str, Any], tuple[str, ...]]]:
    """Yield the path of each hash with a known set of keys, the hash, and these keys."""
    yield (), spec, (*TOP_KEYS, *RUN_SPEC_KEYS)
    for key, known in (("runSpec", RUN_SPEC_KEYS), ("access", ACCESS_KEYS)):
        if isinstance(spec.get(key), dict):
            yield (key,), spec[key], known
    for parameter in parameters(spec):
        yield parameter.path, parameter.raw, PARAMETER_KEYS
