"""Check an app before anything is written: its dxapp.json by the lint rules, and the path of its source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.json_document import Document, path_text
from dx_app_wizard.dxapp.model import FILE_NAME, SpecShapeError
from dx_app_wizard.lint.findings import DisallowedError, Finding, UnsoundSpecError
from dx_app_wizard.lint.linter import lint_document
from dx_app_wizard.policy.lint import apply_policy, lint_by_policy
from dx_app_wizard.rendering.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dx_app_wizard.answers.sources import Source
    from dx_app_wizard.dxapp.model import AppSpec
    from dx_app_wizard.policy.model import Policy
    from dx_app_wizard.rendering.changes import FileContent
    from dx_app_wizard.rendering.plan import Plan


def render_checked(plan: Plan, name: str, path: Path, base: Source) -> dict[PurePosixPath, FileContent]:
    """Return the files of the app called name, whose dxapp.json will be at path.

    Raises UnsoundSpecError if the given dxapp.json, `base`, names an impossible path for the source.
    """
    try:
        return render(plan, name)
    except SpecShapeError as error:
        at = base.at(("runSpec", "file"))
        message = error.message.removeprefix(f"{error.path}: ")
        finding = Finding("run-source", "error", error.path, message, None, at.file, at.line, at.column)
        raise UnsoundSpecError(path, [finding]) from error


def check_spec(spec: AppSpec, path: Path, base: Source, policy: Policy) -> None:
    """Raise UnsoundSpecError if the linter reports errors in the spec to be written at path.

    Findings in parts of the given dxapp.json, `base`, have their positions there: such a part can be valid by
    itself and still contradict the answers.
    """
    findings = apply_policy(
        lint_document(Document(spec.raw, dict(base.positions)), file=base.place.file), policy
    )
    given = {path_text(at) for at in base.positions}
    errors = [
        finding if finding.path in given else replace(finding, file=None, line=None, column=None)
        for finding in findings
        if finding.level == "error"
    ]
    if errors:
        raise UnsoundSpecError(path, errors)


def check_policy(files: Mapping[PurePosixPath, FileContent], folder: Path, policy: Policy) -> list[Finding]:
    """Return the policy's warnings about the dxapp.json among the files to write to folder.

    Raises DisallowedError for errors, and SpecFileError if a custom template wrote something else than JSON.
    """
    path = folder / FILE_NAME
    spec = json_document.parse(files[PurePosixPath(FILE_NAME)].data.decode(), path).value
    findings = lint_by_policy(spec if isinstance(spec, dict) else {}, policy)
    if any(finding.level == "error" for finding in findings):
        raise DisallowedError(path, findings)
    return findings
