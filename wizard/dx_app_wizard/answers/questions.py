"""The questions of the wizard, in the official order: how each answer is read, and what holds without one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers import value_schemas
from dx_app_wizard.answers.readers import (
    NO_ACCESS,
    read_choice,
    read_line,
    read_name,
    read_network,
    read_parameters,
    read_project_access,
    read_region,
    read_requirement,
    read_timeout,
    read_version,
)
from dx_app_wizard.answers.spec_answers import (
    MISSING,
    needs_no_instance_type,
    needs_no_region,
    standing_instance_types,
    standing_language,
    standing_regions,
    standing_timeout,
    under,
)
from dx_app_wizard.dxapp.instances import DEFAULT_REGION, default_instance_type, known_regions
from dx_app_wizard.rendering.plan import CI_SERVICES, LANGUAGES, NO_CI, PATTERNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_app_wizard.answers.sources import Given

JSON_FILE_FLAG = "--json-file"
"""The flag of the given dxapp.json, which answers several questions."""


@dataclass(frozen=True)
class Question:
    """One thing to know: its key in answers files, its flag, and what is said when the answer is missing.

    `read` gets the flag's text or the file's JSON value and raises a UserError. `default` gets the answers so
    far and returns MISSING if they leave no default; it is None if there never is one. `standing` returns the
    answer in a given dxapp.json, or MISSING, or a frozenset of several; with `fixed`, an answer must agree
    with that. If a given dxapp.json `needs_none`, nothing is asked or filled in, but an answer is accepted.
    A question with `asked_when` is asked only if that returns true, and then even with --defaults.
    `about`, `schema` and `examples` say what an answer in a file means and looks like.
    """

    key: str
    flag: str
    read: Callable[[Any], Any]
    default: Callable[[Mapping[str, Any]], Any] | None = None
    standing: Callable[[Mapping[str, Any]], Any] = lambda _spec: MISSING
    fixed: bool = False
    missing: str = ""
    needs_none: Callable[[Mapping[str, Any]], bool] = lambda _spec: False
    asked_when: Callable[[Given], bool] | None = None
    about: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Any, ...] = ()


def readable(name: str) -> str:
    """Return an app's name made readable: `count-reads` becomes `Count reads`."""
    words = " ".join(word for word in re.split(r"[._-]+", name) if word)
    return words[:1].upper() + words[1:]


def _default_ci_package(known: Mapping[str, Any]) -> Any:
    """Return the requirement of the running copy, MISSING if it cannot be pinned, None without CI files."""
    if known.get("ci", NO_CI) == NO_CI:
        return None
    from dx_app_wizard.answers.installed_package import installed_requirement

    return installed_requirement() or MISSING


def _lacks_ci_package(given: Given) -> bool:
    """Return whether the app gets CI files, and nothing determines the package to install there."""
    ci = given.settled("ci") or given.default("ci")
    if ci is None or given.default("ci_package"):
        return False
    return _default_ci_package({"ci": str(ci.value).lower()}) is MISSING


QUESTIONS: tuple[Question, ...] = (
    Question(
        "name",
        "NAME",
        read_name,
        standing=under("name"),
        missing="the app's name, such as count-reads",
        about="The app's name and its folder's: letters, digits, `.`, `_` and `-`.",
        schema=value_schemas.NAME,
        examples=("count-reads",),
    ),
    Question(
        "title",
        "--title",
        read_line,
        lambda known: readable(known.get("name", "")),
        under("title"),
        about="The app's name for people. By default, the name made readable.",
        schema=value_schemas.line(),
        examples=("Count reads",),
    ),
    Question(
        "summary",
        "--summary",
        read_line,
        lambda known: known.get("title", ""),
        under("summary"),
        about="What the app does, in one phrase. By default, the title.",
        schema=value_schemas.line(),
        examples=("Counts the reads of FASTQ files",),
    ),
    Question(
        "version",
        "--version",
        read_version,
        lambda _: "0.0.1",
        under("version"),
        about="The app's version, by the rules of https://semver.org.",
        schema={**value_schemas.VERSION, "default": "0.0.1"},
        examples=("1.0.0",),
    ),
    Question(
        "inputs",
        "--input",
        read_parameters(output=False),
        lambda _: (),
        under("inputSpec"),
        fixed=True,
        about="The inputs.",
        schema={**value_schemas.parameters("input"), "default": []},
        examples=(["reads:file", {"name": "k", "class": "int", "default": 31, "help": "Length of k-mers"}],),
    ),
    Question(
        "outputs",
        "--output",
        read_parameters(output=True),
        lambda _: (),
        under("outputSpec"),
        fixed=True,
        about="The outputs.",
        schema={**value_schemas.parameters("output"), "default": []},
        examples=(["report:file", "log:file?"],),
    ),
    Question(
        "timeout",
        "--timeout",
        read_timeout,
        lambda _: {"hours": 48},
        standing_timeout,
        fixed=True,
        about="How long any one job may run, at most 30 days.",
        schema={**value_schemas.TIMEOUT, "default": "48h"},
        examples=("48h", "90m", {"days": 1, "hours": 12}),
    ),
    Question(
        "language",
        "--language",
        read_choice(LANGUAGES),
        standing=standing_language,
        fixed=True,
        missing=" or ".join(LANGUAGES),
        about="What the app is written in.",
        schema=value_schemas.LANGUAGE,
        examples=LANGUAGES,
    ),
    Question(
        "template",
        "--template",
        read_choice(PATTERNS),
        missing=" or ".join(PATTERNS),
        about="How the work is spread over jobs.",
        schema=value_schemas.PATTERN,
        examples=PATTERNS,
    ),
    Question(
        "network",
        "--network",
        read_network,
        lambda _: (),
        under("access", "network"),
        fixed=True,
        about="Whether jobs reach the Internet, or which hosts they reach.",
        schema={**value_schemas.NETWORK, "default": False},
        examples=(True, ["github.com"]),
    ),
    Question(
        "project_access",
        "--project-access",
        read_project_access,
        lambda _: None,
        under("access", "project"),
        fixed=True,
        about="Access to the parent project. Outputs need none of it.",
        schema={**value_schemas.PROJECT_ACCESS, "default": NO_ACCESS},
        examples=("VIEW",),
    ),
    Question(
        "region",
        "--region",
        read_region,
        lambda _: DEFAULT_REGION,
        standing_regions,
        fixed=True,
        needs_none=needs_no_region,
        about="Where the app runs.",
        schema={**value_schemas.REGION, "default": DEFAULT_REGION},
        examples=known_regions(),
    ),
    Question(
        "instance_type",
        "--instance-type",
        read_line,
        lambda known: default_instance_type(known.get("region") or DEFAULT_REGION),
        standing_instance_types,
        fixed=True,
        needs_none=needs_no_instance_type,
        about="What jobs run on. By default four cores, by the region's cloud.",
        schema=value_schemas.line(),
        examples=("mem1_ssd1_v2_x4", "azure:mem1_ssd1_x4"),
    ),
    # Not asked, as the official wizard knows no such question: its transcripts have no line for it.
    Question(
        "ci",
        "--ci",
        read_choice(CI_SERVICES),
        lambda _: NO_CI,
        asked_when=lambda _: False,
        about="Files for CI and pre-commit.",
        schema={"enum": list(CI_SERVICES), "default": NO_CI},
        examples=CI_SERVICES,
    ),
    Question(
        "ci_package",
        "--ci-package",
        read_requirement,
        _default_ci_package,
        missing=(
            "the requirement from which CI installs dx-app-wizard, as this copy was not installed from a git"
            " or archive URL"
        ),
        asked_when=_lacks_ci_package,
        about=(
            "Requirement from which CI installs dx-app-wizard: `NAME @ URL`, `NAME==VERSION`, or the URL of a"
            " wheel. By default, the commit or the archive from which the running copy was installed."
        ),
        schema=value_schemas.PACKAGE,
        examples=("dx-app-wizard @ git+https://git.example.org/dx-app-wizard@COMMIT",),
    ),
)
"""All questions; those that are asked stand in the order in which the official wizard asks them."""
