"""Check the dxapp.json of an app before anything is written, by the linter's own rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dx_app_wizard.errors import UnsoundSpecError
from dx_app_wizard.spec.jsonfile import Document, path_text
from dx_app_wizard.spec.lint import lint_document

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.answering.sources import Source
    from dx_app_wizard.spec.model import AppSpec
    from dx_app_wizard.spec.policy import Policy


def check_spec(spec: AppSpec, path: Path, base: Source, policy: Policy) -> None:
    """Raise UnsoundSpecError if the linter refuses the spec to be written at path.

    Findings in a part of the given dxapp.json, `base`, name its place there: valid by itself, that part may
    not go with what was answered or filled in.
    """
    findings = policy.judged(lint_document(Document(spec.raw, dict(base.positions)), file=base.place.file))
    given = {path_text(at) for at in base.positions}
    errors = [
        finding if finding.path in given else replace(finding, file=None, line=None, column=None)
        for finding in findings
        if finding.level == "error"
    ]
    if errors:
        raise UnsoundSpecError(path, errors)
