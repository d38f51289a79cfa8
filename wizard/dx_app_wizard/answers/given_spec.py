"""The dxapp.json to start from: a file of its own, or the part `json_file` of an answers file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.answers.sources import Source
from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import AppSpec
from dx_app_wizard.errors import FindingsError, Place, SpecFileError
from dx_app_wizard.lint.linter import lint_document

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.answers.answers_file import AnswersFile
    from dx_app_wizard.dxapp.json_document import Document
    from dx_app_wizard.policy.load import Policy


def spec_to_start_from(
    json_file: Path | None, answers: AnswersFile | None, policy: Policy
) -> tuple[AppSpec, Source] | None:
    """Return the given dxapp.json, and the same as a source of answers; None if there is none.

    A file of its own takes precedence. Raises SpecFileError if it cannot be read, and FindingsError if more
    is wrong with it than things being absent, as the policy judges it.
    """
    if json_file is not None:
        return _checked(json_document.read_given(json_file), json_file, policy)
    if answers is not None and answers.spec is not None:
        return _checked(answers.spec, answers.spec_path, policy)
    return None


def _checked(document: Document, path: Path, policy: Policy) -> tuple[AppSpec, Source]:
    if not isinstance(document.value, dict):
        raise SpecFileError(path, "must hold a JSON object", 1, 1)
    findings = policy.judged(lint_document(document, absent=False, file=str(path)))
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        raise FindingsError(path, errors)
    spec = AppSpec(document.value, document.text)
    return spec, Source(document.value, Place(str(path)), positions=document.positions)
