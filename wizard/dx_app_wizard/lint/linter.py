"""The linter: the schema and every rule over a dxapp.json, and over the folder of an app."""

from __future__ import annotations

import codecs
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.classes import describe_value
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.dxapp.shape import conforms
from dx_app_wizard.errors import SpecFileError
from dx_app_wizard.lint.findings import BytesFix, Fault, Finding
from dx_app_wizard.lint.rules.io import IO_RULES
from dx_app_wizard.lint.rules.metadata import METADATA_RULES
from dx_app_wizard.lint.rules.run import RUN_RULES
from dx_app_wizard.policy.rules import POLICY_RULES, RULE_PREFIX, TABLE, GovernedApp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.dxapp.json_document import Document, JsonPath
    from dx_app_wizard.policy.load import Policy

SCHEMA_RULE = "schema"
FILE_RULE = "dxapp-json"

_SPEC_RULES = (METADATA_RULES, IO_RULES, RUN_RULES)


def lint_spec(raw: dict[str, Any], *, absent: bool = True) -> list[Finding]:
    """Return what is wrong with a dxapp.json; without `absent`, not what is merely missing yet."""
    return lint_document(json_document.Document(raw, {}), absent=absent)


def lint_file(path: Path, *, absent: bool = True) -> list[Finding]:
    """Return what is wrong with the dxapp.json at path, with its places; an unreadable one is one finding."""
    try:
        document = json_document.read(path)
    except SpecFileError as error:
        return [_unreadable(path, error)]
    return lint_document(document, absent=absent, file=path.name)


def lint_app(folder: Path, policy: Policy | None = None) -> list[Finding]:
    """Return what is wrong with the app in folder: dxapp.json, source, the one against the other, the policy.

    Findings that comments in the source ignore are left out; what the policy ignores, `judged` leaves out.
    """
    from dx_app_wizard.lint.app_folder import AppFolder
    from dx_app_wizard.lint.ignores import ignores_of
    from dx_app_wizard.lint.rules.folder import lint_folder

    path = folder / FILE_NAME
    try:
        document = json_document.read(path)
    except SpecFileError as error:
        return [_unreadable(path, error)]
    findings = lint_document(document, file=FILE_NAME)
    if document.has_mark:
        hint = "Save it as UTF-8 without BOM."
        message = f"{FILE_NAME} begins with a byte order mark, which `dx build` does not read"
        fix = BytesFix(FILE_NAME, codecs.BOM_UTF8, b"")
        findings.insert(0, Finding(FILE_RULE, "error", "", message, hint, FILE_NAME, 1, 1, fix))
    if not isinstance(document.value, dict):
        return findings
    app = AppFolder(folder, document.value)
    findings += lint_folder(app, document)
    if policy:
        bash = app.source if app.bash else None
        findings += _policy_findings(GovernedApp(document.value, policy, bash), document, FILE_NAME)
    ignores = ignores_of(app)
    return [finding for finding in findings if not ignores.cover(finding)]


def lint_by_policy(raw: dict[str, Any], policy: Policy) -> list[Finding]:
    """Return where a dxapp.json falls short of a policy, as the policy judges it."""
    document = json_document.Document(raw, {})
    return policy.judged(_policy_findings(GovernedApp(raw, policy), document, None))


def _policy_findings(app: GovernedApp, document: Document, file: str | None) -> Iterator[Finding]:
    for rule, fault in POLICY_RULES.faults(app):
        setting = app.policy.settings[TABLE, rule.id.removeprefix(RULE_PREFIX)]
        hint = f"{fault.hint} So says {setting.place}, {TABLE}.{rule.id.removeprefix(RULE_PREFIX)}."
        place = _place(document, fault.path, file)
        yield Finding(rule.id, rule.level, json_document.path_text(fault.path), fault.message, hint, *place)


def _unreadable(path: Path, error: SpecFileError) -> Finding:
    message, hint = f"{path.name} {error.message}", error.hint
    if isinstance(error.__cause__, FileNotFoundError):
        message = f"there is no {path.name} in {path.parent}"
        hint = "Give the folder of an app, or write an app with dx-app-wizard."
    return Finding(FILE_RULE, "error", "", message, hint, path.name, error.line, error.column)


def lint_document(document: Document, *, absent: bool = True, file: str | None = None) -> list[Finding]:
    """Return what is wrong with a dxapp.json that was read, with the places in the file that it came from."""
    schema = list(_schema_findings(document, file=file))
    misshapen = {finding.path for finding in schema}
    found = [
        finding
        for finding, is_absence in _rule_findings(document, file=file)
        if not is_absence or (absent and finding.path not in misshapen)
    ]
    reported = {finding.path for finding in found if finding.level == "error"}
    schema = [finding for finding in schema if finding.path not in reported]
    return sorted([*schema, *found], key=lambda finding: (finding.line or 0, finding.column or 0))


def _rule_findings(document: Document, *, file: str | None) -> Iterator[tuple[Finding, bool]]:
    """Yield what the rules find, and whether it is only that something is not there yet."""
    if not isinstance(document.value, dict):
        return
    for rules in _SPEC_RULES:
        for rule, fault in rules.faults(document.value):
            place = _place(document, fault.path, file)
            path = json_document.path_text(fault.path)
            yield (
                Finding(rule.id, rule.level, path, fault.message, fault.hint, *place, fix=fault.fix),
                fault.absent,
            )


def _schema_findings(document: Document, *, file: str | None) -> Iterator[Finding]:
    for fault in shape_faults(document.value):
        place = _place(document, fault.path, file)
        yield Finding(
            SCHEMA_RULE, "error", json_document.path_text(fault.path), fault.message, fault.hint, *place
        )


def shape_faults(value: Any) -> Iterator[Fault]:
    """Yield where a dxapp.json has not the shape that its schema asks for."""
    if conforms(value, schema()):
        return
    if not isinstance(value, dict):
        yield Fault((), f"must be a JSON object, not {describe_value(value)}", 'Write { "name": …, … }.')
        return
    for error in _validator().iter_errors(value):
        message = (
            error.schema.get("description", error.message) if error.validator != "required" else error.message
        )
        yield Fault(tuple(error.absolute_path), message)


def _place(document: Document, path: JsonPath, file: str | None) -> tuple[str | None, int | None, int | None]:
    position = document.position(path)
    return (file, position.line, position.column) if position else (file, None, None)


@cache
def _validator() -> Any:
    """Return the schema's validator; loading it takes a tenth of a second, so only on demand."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema())


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of dxapp.json."""
    loaded: dict[str, Any] = json.loads(
        (Path(__file__).parents[1] / "dxapp" / "dxapp.schema.json").read_text(encoding="utf-8")
    )
    return loaded
