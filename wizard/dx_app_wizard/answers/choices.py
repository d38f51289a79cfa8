"""The languages, execution patterns and CI services to choose from, and how menus describe them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Language = Literal["python", "bash"]
Pattern = Literal["basic", "parallelized", "scatter-process-gather"]
CiService = Literal["none", "github", "gitlab"]

LANGUAGES: tuple[Language, ...] = ("python", "bash")
NO_CI: CiService = "none"
CI_SERVICES: tuple[CiService, ...] = (NO_CI, "github", "gitlab")

PATTERN_TEXTS: dict[Pattern, str] = {
    "basic": "one job",
    "parallelized": "process pieces in parallel, then join the results",
    "scatter-process-gather": "the same, with a job for each phase",
}
PATTERNS = tuple(PATTERN_TEXTS)
PARALLEL_PATTERNS: tuple[Pattern, ...] = ("parallelized", "scatter-process-gather")
"""The patterns with process jobs, whose share of the work is the scatter."""


class Choice(NamedTuple):
    """One of the answers to choose from, and its description."""

    text: str
    meaning: str = ""


def one_of(choices: tuple[str, ...]) -> str:
    """Return the choices as text: `basic, parallelized or scatter-process-gather`."""
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
