"""The table [lint] of a policy file: rules to ignore, and levels of rules."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from dx_app_wizard.policy.readers import SettingError, one_of, read_line, read_lines, read_table, suggestion

LEVELS = ("error", "warning")
UNTOUCHABLE_RULES = ("dxapp-json", "schema")
"""Rules that cannot be ignored: if they fail, no other finding can be trusted."""


def read_rule_patterns(value: Any) -> tuple[str, ...]:
    """Read an array of rule ids and patterns of ids."""
    return tuple(_rule_pattern(pattern) for pattern in read_lines(value))


def read_levels(value: Any) -> dict[str, str]:
    """Read a table from rule ids, or patterns of ids, to levels."""
    read_level = one_of(*LEVELS)
    return {_rule_pattern(pattern): read_level(level) for pattern, level in read_table(value).items()}


def _rule_pattern(value: Any) -> str:
    """Read a rule id, or a pattern of ids such as `policy-*`; any id of ShellCheck is accepted."""
    # Deferred, as it imports the parsers of all languages.
    from dx_app_wizard.lint.registry import rule_ids
    from dx_app_wizard.policy.rules import POLICY_RULES

    pattern = read_line(value)
    if pattern in UNTOUCHABLE_RULES:
        raise SettingError(f"the rule {pattern!r} cannot be changed")
    ids = [*rule_ids(), *POLICY_RULES.by_id]
    if not (pattern.startswith("SC") or any(fnmatchcase(rule, pattern) for rule in ids)):
        hint = suggestion(pattern, ids, "dx-local lint prints the names of rules in brackets")
        raise SettingError(f"no rule is called {pattern!r}; {hint}")
    return pattern
