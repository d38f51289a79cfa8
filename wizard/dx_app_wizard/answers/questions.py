"""The questions of the wizard, in the official order, with the reader and the default of each answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_app_wizard.answers import value_schemas
from dx_app_wizard.answers.choices import (
    CI_SERVICES,
    DEFAULT_PATTERN,
    LANGUAGES,
    NO_CI,
    PARALLEL_PATTERNS,
    PATTERNS,
)
from dx_app_wizard.answers.question_texts import TEXTS, QuestionText
from dx_app_wizard.answers.readers import (
    NO_ACCESS,
    read_choice,
    read_command,
    read_line,
    read_name,
    read_network,
    read_packages,
    read_parameters,
    read_project_access,
    read_region,
    read_requirement,
    read_scatter,
    read_timeout,
    read_version,
)
from dx_app_wizard.answers.spec_answers import (
    MISSING,
    at_path,
    needs_no_instance_type,
    needs_no_region,
    spec_instance_types,
    spec_language,
    spec_regions,
    spec_timeout,
)
from dx_app_wizard.dxapp.instances import DEFAULT_REGION, default_instance_type, known_regions
from dx_app_wizard.scatter.scatter import EXAMPLES
from dx_app_wizard.scatter.suggestions import default_scatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_app_wizard.answers.sources import AnswerSources

JSON_FILE_FLAG = "--json-file"
"""The flag of the given dxapp.json, which can answer several questions."""


@dataclass(frozen=True)
class Question:
    """One question, by its key in answers files and its flag.

    `read` converts a flag's text or a file's JSON value, and raises a UserError if it is invalid. `default`
    gets the answers so far and returns MISSING if they imply no default; it is None if an answer is required.
    `spec_answer` returns the answer in a given dxapp.json: a value, a frozenset if there are several, or
    MISSING. If `fixed`, other answers must agree with that one. If the given dxapp.json makes the question
    `not_applicable`, it is neither asked nor filled in, but an answer is accepted. A question with
    `asked_when` is asked only if that returns true, and then even with --defaults. `schema` and `examples`
    describe the answer in an answers file.
    """

    key: str
    flag: str
    read: Callable[[Any], Any]
    default: Callable[[Mapping[str, Any]], Any] | None = None
    spec_answer: Callable[[Mapping[str, Any]], Any] = lambda _spec: MISSING
    fixed: bool = False
    not_applicable: Callable[[Mapping[str, Any]], bool] = lambda _spec: False
    asked_when: Callable[[AnswerSources], bool] | None = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[Any, ...] = ()

    @property
    def text(self) -> QuestionText:
        """The prompt, hint, help and description of the question."""
        return TEXTS[self.key]


def readable(name: str) -> str:
    """Return the readable form of an app's name: `count-reads` becomes `Count reads`."""
    words = " ".join(word for word in re.split(r"[._-]+", name) if word)
    return words[:1].upper() + words[1:]


def _default_ci_package(known: Mapping[str, Any]) -> Any:
    """Return the requirement of the running copy, MISSING if it cannot be pinned, None without CI files."""
    if known.get("ci", NO_CI) == NO_CI:
        return None
    from dx_app_wizard.answers.installed_package import installed_requirement

    return installed_requirement() or MISSING


def _lacks_ci_package(sources: AnswerSources) -> bool:
    """Return whether the app gets CI files, and nothing determines the package to install there."""
    ci = sources.resolved("ci") or sources.default("ci")
    if ci is None or sources.default("ci_package"):
        return False
    return _default_ci_package({"ci": str(ci.value).lower()}) is MISSING


def _default_scatter(known: Mapping[str, Any]) -> Any:
    """Return the scatter that fits the inputs; None for a pattern without process jobs."""
    return default_scatter(known.get("inputs", ())) if known.get("template") in PARALLEL_PATTERNS else None


QUESTIONS: tuple[Question, ...] = (
    Question(
        "name",
        "NAME",
        read_name,
        spec_answer=at_path("name"),
        schema=value_schemas.NAME,
        examples=("count-reads",),
    ),
    Question(
        "title",
        "--title",
        read_line,
        lambda known: readable(known.get("name", "")),
        at_path("title"),
        schema=value_schemas.line(),
        examples=("Count reads",),
    ),
    Question(
        "summary",
        "--summary",
        read_line,
        lambda known: known.get("title", ""),
        at_path("summary"),
        schema=value_schemas.line(),
        examples=("Counts the reads of FASTQ files",),
    ),
    Question(
        "version",
        "--version",
        read_version,
        lambda _: "0.0.1",
        at_path("version"),
        schema={**value_schemas.VERSION, "default": "0.0.1"},
        examples=("1.0.0",),
    ),
    Question(
        "inputs",
        "--input",
        read_parameters(output=False),
        lambda _: (),
        at_path("inputSpec"),
        fixed=True,
        schema={**value_schemas.parameters("input"), "default": []},
        examples=(["reads:file", {"name": "k", "class": "int", "default": 31, "help": "Length of k-mers"}],),
    ),
    Question(
        "outputs",
        "--output",
        read_parameters(output=True),
        lambda _: (),
        at_path("outputSpec"),
        fixed=True,
        schema={**value_schemas.parameters("output"), "default": []},
        examples=(["report:file", "log:file?"],),
    ),
    Question(
        "timeout",
        "--timeout",
        read_timeout,
        lambda _: {"hours": 48},
        spec_timeout,
        fixed=True,
        schema={**value_schemas.TIMEOUT, "default": "48h"},
        examples=("48h", "90m", {"days": 1, "hours": 12}),
    ),
    Question(
        "language",
        "--language",
        read_choice(LANGUAGES),
        spec_answer=spec_language,
        fixed=True,
        schema=value_schemas.LANGUAGE,
        examples=LANGUAGES,
    ),
    Question(
        "template",
        "--template",
        read_choice(PATTERNS),
        lambda _: DEFAULT_PATTERN,
        schema={**value_schemas.PATTERN, "default": DEFAULT_PATTERN},
        examples=PATTERNS,
    ),
    Question(
        "scatter",
        "--scatter",
        read_scatter,
        _default_scatter,
        schema=value_schemas.SCATTER,
        examples=EXAMPLES,
    ),
    Question(
        "network",
        "--network",
        read_network,
        lambda _: (),
        at_path("access", "network"),
        fixed=True,
        schema={**value_schemas.NETWORK, "default": False},
        examples=(True, ["github.com"]),
    ),
    Question(
        "project_access",
        "--project-access",
        read_project_access,
        lambda _: None,
        at_path("access", "project"),
        fixed=True,
        schema={**value_schemas.PROJECT_ACCESS, "default": NO_ACCESS},
        examples=("VIEW",),
    ),
    Question(
        "region",
        "--region",
        read_region,
        lambda _: DEFAULT_REGION,
        spec_regions,
        fixed=True,
        not_applicable=needs_no_region,
        schema={**value_schemas.REGION, "default": DEFAULT_REGION},
        examples=known_regions(),
    ),
    Question(
        "instance_type",
        "--instance-type",
        read_line,
        lambda known: default_instance_type(known.get("region") or DEFAULT_REGION),
        spec_instance_types,
        fixed=True,
        not_applicable=needs_no_instance_type,
        schema=value_schemas.line(),
        examples=("mem1_ssd1_v2_x4", "azure:mem1_ssd1_x4"),
    ),
    # The official wizard has no such question, so its scripts have no line for an answer.
    Question(
        "ci",
        "--ci",
        read_choice(CI_SERVICES),
        lambda _: NO_CI,
        asked_when=lambda _: False,
        schema={"enum": list(CI_SERVICES), "default": NO_CI},
        examples=CI_SERVICES,
    ),
    Question(
        "ci_package",
        "--ci-package",
        read_requirement,
        _default_ci_package,
        asked_when=_lacks_ci_package,
        schema=value_schemas.REQUIREMENT_LINE,
        examples=("dx-app-wizard @ git+https://git.example.org/dx-app-wizard@COMMIT",),
    ),
    Question(
        "command",
        "--from-command",
        read_command,
        lambda _: None,
        asked_when=lambda _: False,
        schema=value_schemas.COMMAND,
        examples=("samtools sort -@ {cpus} -o {>sorted_bam:file:*.bam} {bam:file:*.bam}",),
    ),
    Question(
        "packages",
        "--package",
        read_packages,
        lambda _: None,
        asked_when=lambda _: False,
        schema=value_schemas.PACKAGES,
        examples=(["samtools", "bcftools"],),
    ),
)
"""All questions; the order is that in which the official wizard asks them."""
