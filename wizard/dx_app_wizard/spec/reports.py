"""Findings as other programs read them: annotations of GitHub, and SARIF 2.1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_app_wizard.spec.findings import Finding

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def github(finding: Finding, folder: str) -> str:
    """Return a finding as a workflow command; folder is the app's, relative to the repository.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    properties = {
        "file": _path(folder, finding.file),
        "line": finding.line,
        "col": finding.column,
        "title": finding.rule,
    }
    given = ",".join(
        f"{key}={_escaped(value, ',:')}" for key, value in properties.items() if value is not None
    )
    return f"::{finding.level} {given}::{_escaped(_message(finding))}"


def sarif(findings: Iterable[Finding], folder: str) -> dict[str, Any]:
    """Return findings as one SARIF log; folder is the app's, relative to the repository."""
    listed = list(findings)
    rules = [{"id": rule} for rule in sorted({finding.rule for finding in listed})]
    driver = {"name": "dx-local lint", "version": __version__, "rules": rules}
    results = [_sarif_result(finding, folder) for finding in listed]
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _sarif_result(finding: Finding, folder: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _path(folder, finding.file)}}
    if finding.line is not None:
        location["region"] = {"startLine": finding.line, "startColumn": finding.column or 1}
    return {
        "ruleId": finding.rule,
        "level": finding.level,
        "message": {"text": _message(finding)},
        "locations": [{"physicalLocation": location}],
    }


def _message(finding: Finding) -> str:
    subject = f"{finding.path}: " if finding.path else ""
    hint = f" ({finding.hint})" if finding.hint else ""
    return f"{subject}{finding.message}{hint}"


def _path(folder: str, file: str | None) -> str:
    name = file or "dxapp.json"
    return name if folder in ("", ".") else f"{folder.rstrip('/')}/{name}"


def _escaped(value: object, more: str = "") -> str:
    """Escape text as workflow commands want it."""
    text = str(value).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for character in more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
