"""What the templates are given: the app's spec, its language, and how its work is spread over jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_app_wizard.answers.choices import CiService, Language, Pattern
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_app_wizard.rendering.template_choice import CustomTemplate


@dataclass(frozen=True)
class Plan:
    """One app to write, with the files that continuous integration by the service `ci` needs.

    `ci_package` is the requirement from which that service installs dx-app-wizard.

    `template` is the user's own that writes it, None for ours.
    """

    spec: AppSpec
    language: Language
    pattern: Pattern
    ci: CiService = "none"
    ci_package: str | None = None
    template: CustomTemplate | None = None
