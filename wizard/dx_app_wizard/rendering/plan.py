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
NO_CI: CiService = "none"
CI_SERVICES: tuple[CiService, ...] = (NO_CI, "github", "gitlab")


@dataclass(frozen=True)
class Plan:
    """One app to write, with the files that continuous integration by the service `ci` needs.

    `ci_package` is the requirement from which that service installs dx-app-wizard.

    `template` is the user's own that writes it, None for ours.
    """

    spec: AppSpec
    language: Language
    pattern: Pattern
    ci: CiService = NO_CI
    ci_package: str | None = None
    template: OwnTemplate | None = None
