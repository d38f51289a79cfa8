"""The plan of an app, from which the templates are rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_app_wizard.answers.choices import CiService, Language, Pattern
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_app_wizard.rendering.template_choice import CustomTemplate
    from dx_app_wizard.scatter.scatter import Scatter


@dataclass(frozen=True)
class Plan:
    """An app to write, with files for the CI service `ci`.

    `ci_package` is the requirement from which that service installs dx-app-wizard. `command` is the command
    template that the app runs, None for an app with the pattern's own code.

    `template` is the custom template, None for the built-in one. `scatter` is the share of a process job,
    None for the default of the inputs.
    """

    spec: AppSpec
    language: Language
    pattern: Pattern
    ci: CiService = "none"
    ci_package: str | None = None
    command: str | None = None
    template: CustomTemplate | None = None
    scatter: Scatter | None = None
