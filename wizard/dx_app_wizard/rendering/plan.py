"""What the templates are given: the app's spec, its language, and how its work is spread over jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_app_wizard.rendering.template_choice import OwnTemplate

Language = Literal["python", "bash"]
Pattern = Literal["basic", "parallelized", "scatter-process-gather"]
CiService = Literal["none", "github", "gitlab"]

LANGUAGES: tuple[Language, ...] = ("python", "bash")
PATTERNS: tuple[Pattern, ...] = ("basic", "parallelized", "scatter-process-gather")
CI_SERVICES: tuple[CiService, ...] = ("none", "github", "gitlab")


@dataclass(frozen=True)
class Plan:
    """One app to write, with the files that continuous integration by the service `ci` needs.

    `template` is the user's own that writes it, None for ours.
    """

    spec: AppSpec
    language: Language
    pattern: Pattern
    ci: CiService = "none"
    template: OwnTemplate | None = None
