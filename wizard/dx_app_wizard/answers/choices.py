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
    "basic": "choose if one job can do all the work",
    "parallelized": "choose if pieces of the input can run in parallel",
    "scatter-process-gather": "choose if splitting the input takes long, too",
}
PATTERNS = tuple(PATTERN_TEXTS)
PARALLEL_PATTERNS: tuple[Pattern, ...] = ("parallelized", "scatter-process-gather")
"""The patterns with process jobs, whose share of the work is the scatter."""
DEFAULT_PATTERN: Pattern = "basic"
"""The pattern that the official wizard uses without asking."""

PATTERN_SKETCH = """
Each word is a job on a worker of its own:
  basic
    main
  parallelized
           +-> process -+
    main --+-> process -+-> postprocess
  scatter-process-gather
                            +-> process -+
    main -> scatter -> map -+-> process -+-> postprocess"""
"""The jobs of each pattern, less than 60 characters wide."""


class Choice(NamedTuple):
    """One of the answers to choose from, and its description."""

    text: str
    meaning: str = ""


def one_of(choices: tuple[str, ...]) -> str:
    """Return the choices as text: `basic, parallelized or scatter-process-gather`."""
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
