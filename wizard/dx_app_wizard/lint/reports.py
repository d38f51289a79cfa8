"""Format findings for other programs: GitHub annotations and SARIF 2.1.0."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard import __version__
from dx_app_wizard.dxapp.model import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dx_app_wizard.lint.findings import Finding

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def located(finding: Finding, folder: Path) -> Finding:
    """Return a finding whose file includes the folder of its app."""
    return replace(finding, file=(folder / (finding.file or FILE_NAME)).as_posix())


def github(finding: Finding) -> str:
    """Return a finding as a workflow command; its file is relative to the repository.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    properties = {
        "file": finding.file,
        "line": finding.line,
        "col": finding.column,
        "title": finding.rule,
    }
    given = ",".join(
        f"{key}={_escaped(value, ',:')}" for key, value in properties.items() if value is not None
    )
    return f"::{finding.level} {given}::{_escaped(_message(finding))}"


def sarif(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as one SARIF log; their files are relative to the repository."""
    listed = list(findings)
    rules = [{"id": rule} for rule in sorted({finding.rule for finding in listed})]
    driver = {"name": "dx-local lint", "version": __version__, "rules": rules}
    results = [_sarif_result(finding) for finding in listed]
    return {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _sarif_result(finding: Finding) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": finding.file}}
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


def _escaped(value: object, more: str = "") -> str:
    """Escape text for a workflow command."""
    text = str(value).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    for character in more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
