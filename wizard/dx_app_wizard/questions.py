"""The questions of the wizard, in the official order: how each answer is read, and what holds without one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_app_wizard.plan import CI_SERVICES, LANGUAGES, PATTERNS
from dx_app_wizard.readers import (
    read_choice,
    read_line,
    read_name,
    read_network,
    read_parameters,
    read_project_access,
    read_region,
    read_timeout,
    read_version,
)
from dx_app_wizard.spec.instances import DEFAULT_REGION, default_instance_type
from dx_app_wizard.standing import (
    MISSING,
    has_regions,
    has_requirements,
    standing_instance_types,
    standing_language,
    standing_regions,
    standing_timeout,
    under,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Question:
    """One thing to know: its key in answers files, its flag, and what is said when the answer is missing.

    `read` gets the flag's text or the file's JSON value and raises a UserError; `default` gets the answers
    so far, and is None where there has to be an answer. `standing` returns what a given dxapp.json says, or
    MISSING, or a frozenset where it says several things; with `fixed`, an answer must agree with that.
    Where a given dxapp.json `needs_none`, nothing is asked or filled in; an answer can still be given.
    What is not `asked` of people is for flags and files alone, and has a default.
    """

    key: str
    flag: str
    read: Callable[[Any], Any]
    default: Callable[[Mapping[str, Any]], Any] | None = None
    standing: Callable[[Mapping[str, Any]], Any] = lambda _spec: MISSING
    fixed: bool = False
    missing: str = ""
    needs_none: Callable[[Mapping[str, Any]], bool] = lambda _spec: False
    asked: bool = True


def readable(name: str) -> str:
    """Return an app's name made readable: `count-reads` becomes `Count reads`."""
    words = " ".join(word for word in re.split(r"[._-]+", name) if word)
    return words[:1].upper() + words[1:]


QUESTIONS: tuple[Question, ...] = (
    Question("name", "NAME", read_name, None, under("name"), missing="the app's name, such as count-reads"),
    Question("title", "--title", read_line, lambda known: readable(known.get("name", "")), under("title")),
    Question("summary", "--summary", read_line, lambda known: known.get("title", ""), under("summary")),
    Question("version", "--version", read_version, lambda _: "0.0.1", under("version")),
    Question(
        "inputs", "--input", read_parameters(output=False), lambda _: (), under("inputSpec"), fixed=True
    ),
    Question(
        "outputs", "--output", read_parameters(output=True), lambda _: (), under("outputSpec"), fixed=True
    ),
    Question("timeout", "--timeout", read_timeout, lambda _: {"hours": 48}, standing_timeout, fixed=True),
    Question(
        "language",
        "--language",
        read_choice(LANGUAGES),
        None,
        standing_language,
        fixed=True,
        missing=" or ".join(LANGUAGES),
    ),
    Question("template", "--template", read_choice(PATTERNS), missing=" or ".join(PATTERNS)),
    Question("network", "--network", read_network, lambda _: (), under("access", "network"), fixed=True),
    Question(
        "project_access",
        "--project-access",
        read_project_access,
        lambda _: None,
        under("access", "project"),
        fixed=True,
    ),
    Question(
        "region",
        "--region",
        read_region,
        lambda _: DEFAULT_REGION,
        standing_regions,
        fixed=True,
        needs_none=has_requirements,
    ),
    Question(
        "instance_type",
        "--instance-type",
        read_line,
        lambda known: default_instance_type(known.get("region", DEFAULT_REGION)),
        standing_instance_types,
        fixed=True,
        needs_none=has_regions,
    ),
    # Not asked, as the official wizard knows no such question: its transcripts have no line for it.
    Question("ci", "--ci", read_choice(CI_SERVICES), lambda _: "none", asked=False),
)
"""All questions; those that are asked stand in the order in which the official wizard asks them."""
