"""Lint an app by a policy: its own rules, and [lint] over the findings of all rules."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.lint import linter
from dx_app_wizard.policy.model import LINT_TABLE, POLICY_TABLE
from dx_app_wizard.policy.rules import POLICY_RULES, RULE_PREFIX, GovernedApp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import Document
    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.lint.source.app_folder import AppFolder
    from dx_app_wizard.policy.model import Policy


def lint_app(folder: Path, policy: Policy) -> list[Finding]:
    """Return the findings about the app in folder, among them those of the policy's own rules.

    Findings that comments in the source ignore are left out; [lint] of the policy is not applied yet.
    """

    def findings(app: AppFolder, document: Document) -> Iterator[Finding]:
        return _findings(GovernedApp(app.spec, policy, app.source if app.bash else None), document, FILE_NAME)

    return linter.lint_app(folder, findings)


def lint_by_policy(raw: dict[str, Any], policy: Policy) -> list[Finding]:
    """Return the findings of the policy's own rules about a dxapp.json, with [lint] applied."""
    return apply_policy(_findings(GovernedApp(raw, policy), json_document.Document(raw, {}), None), policy)


def apply_policy(findings: Iterable[Finding], policy: Policy) -> list[Finding]:
    """Return findings with [lint] applied: without those it ignores, and on the levels that it sets."""
    ignored = policy.value(LINT_TABLE, "ignore") or ()
    levels = policy.value(LINT_TABLE, "levels") or {}
    return [
        replace(finding, level=_level(finding, levels))
        for finding in findings
        if not any(fnmatchcase(finding.rule, pattern) for pattern in ignored)
    ]


def _level(finding: Finding, levels: dict[str, Any]) -> Any:
    """Return the level set for the rule id or for a pattern that matches it, else the finding's own."""
    patterns = [finding.rule, *levels]
    matching = (levels[one] for one in patterns if one in levels and fnmatchcase(finding.rule, one))
    return next(matching, finding.level)


def _findings(app: GovernedApp, document: Document, file: str | None) -> Iterator[Finding]:
    for rule, violation in POLICY_RULES.violations(app):
        key = rule.id.removeprefix(RULE_PREFIX)
        place = app.policy.settings[POLICY_TABLE, key].place
        hint = f"{violation.hint} {place} requires this ({POLICY_TABLE}.{key})."
        yield linter.finding(rule, replace(violation, hint=hint), document, file)
