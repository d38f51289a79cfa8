"""Check a dxapp.json, or the whole folder of an app, by the schema and all rules."""

from __future__ import annotations

import codecs
from functools import cache
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.classes import describe_value
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.dxapp.shape import conforms, schema
from dx_app_wizard.errors import SpecFileError
from dx_app_wizard.lint.findings import Finding
from dx_app_wizard.lint.rules.io import IO_RULES
from dx_app_wizard.lint.rules.metadata import METADATA_RULES
from dx_app_wizard.lint.rules.rule import BytesFix, Violation
from dx_app_wizard.lint.rules.run import RUN_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import Document, JsonPath
    from dx_app_wizard.lint.rules.rule import CodeViolation, Rule
    from dx_app_wizard.lint.source.app_folder import AppFolder

    MoreFindings = Callable[[AppFolder, Document], Iterable[Finding]]

SCHEMA_RULE = "schema"
FILE_RULE = "dxapp-json"

_SPEC_RULES = (METADATA_RULES, IO_RULES, RUN_RULES)


def lint_spec(raw: dict[str, Any], *, absent: bool = True) -> list[Finding]:
    """Return the findings about a raw dxapp.json; without `absent`, ignore parts that are missing."""
    return lint_document(json_document.Document(raw, {}), absent=absent)


def lint_file(path: Path, *, absent: bool = True) -> list[Finding]:
    """Return the findings about the dxapp.json at path; one that cannot be read is a single finding."""
    try:
        document = json_document.read(path)
    except SpecFileError as error:
        return [_unreadable(path, error)]
    return lint_document(document, absent=absent, file=path.name)


def lint_app(folder: Path, more_findings: MoreFindings | None = None) -> list[Finding]:
    """Return the findings about the app in folder: its dxapp.json, its source, and how they agree.

    `more_findings` contributes findings of other rules. Findings that comments in the source ignore are left
    out.
    """
    from dx_app_wizard.lint.ignores import ignores_of
    from dx_app_wizard.lint.source.app_folder import AppFolder

    path = folder / FILE_NAME
    try:
        document = json_document.read(path)
    except SpecFileError as error:
        return [_unreadable(path, error)]
    findings = lint_document(document, file=FILE_NAME)
    if document.has_mark:
        hint = "Save it as UTF-8 without BOM."
        message = f"{FILE_NAME} begins with a byte order mark, which `dx build` rejects"
        fix = BytesFix(FILE_NAME, codecs.BOM_UTF8, b"")
        findings.insert(0, Finding(FILE_RULE, "error", "", message, hint, FILE_NAME, 1, 1, fix))
    if not isinstance(document.value, dict):
        return findings
    app = AppFolder(folder, document.value)
    findings += _folder_findings(app, document)
    if more_findings:
        findings += more_findings(app, document)
    ignores = ignores_of(app)
    return [finding for finding in findings if not ignores.cover(finding)]


def _folder_findings(app: AppFolder, document: Document) -> list[Finding]:
    """Return the findings of the rules about the files of an app and their agreement with its dxapp.json."""
    # Deferred: these rules import the parsers of all languages, which the wizard never needs.
    from dx_app_wizard.lint.rules.bash import BASH_RULES
    from dx_app_wizard.lint.rules.folder import FOLDER_RULES
    from dx_app_wizard.lint.rules.python import PYTHON_RULES

    return [
        _folder_finding(rule, violation, document)
        for rules in (FOLDER_RULES, PYTHON_RULES, BASH_RULES)
        for rule, violation in rules.violations(app)
    ]


def _folder_finding(
    rule: Rule[AppFolder, CodeViolation], violation: CodeViolation, document: Document
) -> Finding:
    line, column = violation.line, violation.column
    if violation.path and (position := document.position(violation.path)):
        line, column = position.line, position.column
    path = json_document.path_text(violation.path)
    place = (violation.file, line, column)
    return Finding(rule.id, rule.level, path, violation.message, violation.hint, *place, fix=violation.fix)


def _unreadable(path: Path, error: SpecFileError) -> Finding:
    message, hint = f"{path.name} {error.message}", error.hint
    if isinstance(error.__cause__, FileNotFoundError):
        message = f"{path.parent} contains no {path.name}"
        hint = "Pass the folder of an app, or create an app with dx-app-wizard."
    return Finding(FILE_RULE, "error", "", message, hint, path.name, error.line, error.column)


def lint_document(document: Document, *, absent: bool = True, file: str | None = None) -> list[Finding]:
    """Return the findings about a parsed dxapp.json, with their positions in file."""
    malformed = list(_schema_findings(document, file=file))
    malformed_paths = {finding.path for finding in malformed}
    found = [
        finding
        for finding, is_absence in _rule_findings(document, file=file)
        if not is_absence or (absent and finding.path not in malformed_paths)
    ]
    reported = {finding.path for finding in found if finding.level == "error"}
    # A rule explains an error better than the schema does.
    malformed = [finding for finding in malformed if finding.path not in reported]
    return sorted([*malformed, *found], key=lambda finding: (finding.line or 0, finding.column or 0))


def _rule_findings(document: Document, *, file: str | None) -> Iterator[tuple[Finding, bool]]:
    """Yield the findings of the rules, and whether each is only about a missing part."""
    if not isinstance(document.value, dict):
        return
    for rules in _SPEC_RULES:
        for rule, violation in rules.violations(document.value):
            yield finding(rule, violation, document, file), violation.absent


def finding(
    rule: Rule[Any, Violation], violation: Violation, document: Document, file: str | None
) -> Finding:
    """Return the finding of a violation in a dxapp.json, with its place in the file."""
    path = json_document.path_text(violation.path)
    place = _place(document, violation.path, file)
    return Finding(rule.id, rule.level, path, violation.message, violation.hint, *place, fix=violation.fix)


def _schema_findings(document: Document, *, file: str | None) -> Iterator[Finding]:
    for violation in shape_violations(document.value):
        place = _place(document, violation.path, file)
        yield Finding(
            SCHEMA_RULE,
            "error",
            json_document.path_text(violation.path),
            violation.message,
            violation.hint,
            *place,
        )


def shape_violations(value: Any) -> Iterator[Violation]:
    """Yield the violations of the JSON Schema by a dxapp.json."""
    if conforms(value, schema()):
        return
    if not isinstance(value, dict):
        yield Violation((), f"must be a JSON object, not {describe_value(value)}", 'Write { "name": …, … }.')
        return
    for error in _validator().iter_errors(value):
        message = (
            error.schema.get("description", error.message) if error.validator != "required" else error.message
        )
        yield Violation(tuple(error.absolute_path), message)


def _place(document: Document, path: JsonPath, file: str | None) -> tuple[str | None, int | None, int | None]:
    position = document.position(path)
    return (file, position.line, position.column) if position else (file, None, None)


@cache
def _validator() -> Any:
    """Return the schema's validator. The import is deferred because it takes 0.1 s."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())
