"""Load the dxapp.json to start from: a file, or the key `json_file` of an answers file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.answers.sources import Source
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.errors import Place, SpecFileError
from dx_app_wizard.lint.findings import FindingsError
from dx_app_wizard.lint.linter import lint_document
from dx_app_wizard.policy.lint import apply_policy

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.answers.files.answers_file import AnswersFile
    from dx_app_wizard.dxapp.json_document import Document
    from dx_app_wizard.policy.model import Policy


def load_given_spec(
    json_file: Path | None, answers: AnswersFile | None, policy: Policy
) -> tuple[AppSpec, Source] | None:
    """Return the given dxapp.json, and the same as a source of answers; None if there is none.

    `json_file` takes precedence over the answers file. Raises SpecFileError if it cannot be read, and
    FindingsError if it has errors under the policy other than absent parts.
    """
    if json_file is not None:
        return _checked(json_document.read_given(json_file), json_file, policy)
    if answers is not None and answers.spec is not None:
        return _checked(answers.spec, answers.spec_path, policy)
    return None


def _checked(document: Document, path: Path, policy: Policy) -> tuple[AppSpec, Source]:
    if not isinstance(document.value, dict):
        raise SpecFileError(path, "must contain a JSON object", 1, 1)
    findings = apply_policy(lint_document(document, absent=False, file=str(path)), policy)
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        raise FindingsError(path, errors)
    spec = AppSpec(document.value, document.text)
    return spec, Source(document.value, Place(str(path)), positions=document.positions)
