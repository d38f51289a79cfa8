"""Turn answers into the draft of an app: its spec, checked by the linter, and the record of its origin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.rendering.compose import compose
from dx_app_wizard.rendering.provenance import Origin
from dx_app_wizard.rendering.render import template_of
from dx_app_wizard.rendering.spec_check import check_spec, render_checked

if TYPE_CHECKING:
    from pathlib import Path, PurePosixPath

    from dx_app_wizard.answers.answers import Answers
    from dx_app_wizard.answers.sources import Source
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_app_wizard.policy.model import Policy
    from dx_app_wizard.rendering.changes import FileContent
    from dx_app_wizard.rendering.plan import Plan
    from dx_app_wizard.rendering.template_choice import CustomTemplate


@dataclass(frozen=True)
class Basis:
    """Everything except the answers that determines an app.

    `spec` is the given dxapp.json, None if there is none; `source` is the same as a source of answers.
    `template` is None for the built-in one.
    """

    spec: AppSpec | None
    source: Source
    policy: Policy
    template: CustomTemplate | None = None


@dataclass(frozen=True)
class Draft:
    """An app called `name` that is ready to be rendered for `folder`."""

    name: str
    folder: Path
    basis: Basis
    plan: Plan
    origin: Origin

    def render(self) -> dict[PurePosixPath, FileContent]:
        """Return the files of the app, by their paths in its folder.

        Raises UnsoundSpecError if the given dxapp.json names an impossible path for the source, and
        TemplateError if a custom template cannot be rendered.
        """
        return render_checked(self.plan, self.name, self.folder / FILE_NAME, self.basis.source)


def draft_app(answers: Answers, folder: Path, basis: Basis) -> Draft:
    """Return the draft of the app for folder; raise UnsoundSpecError if the linter rejects its spec."""
    plan = replace(compose(answers, basis.spec, basis.policy), template=basis.template)
    check_spec(plan.spec, folder / FILE_NAME, basis.source, basis.policy)
    given_text = basis.spec.text if basis.spec else None
    origin = Origin(template_of(plan, folder), answers.to_json(basis.source.answers), given_text)
    return Draft(answers.name, folder, basis, plan, origin)
