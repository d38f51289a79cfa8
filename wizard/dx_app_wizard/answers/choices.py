"""The languages, execution patterns and CI services to choose from."""

from __future__ import annotations

from typing import Literal

Language = Literal["python", "bash"]
Pattern = Literal["basic", "parallelized", "scatter-process-gather"]
CiService = Literal["none", "github", "gitlab"]

LANGUAGES: tuple[Language, ...] = ("python", "bash")
PATTERNS: tuple[Pattern, ...] = ("basic", "parallelized", "scatter-process-gather")
NO_CI: CiService = "none"
CI_SERVICES: tuple[CiService, ...] = (NO_CI, "github", "gitlab")
