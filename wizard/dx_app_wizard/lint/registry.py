"""All rules of the linter, by section of their documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.lint.rules.bash import BASH_RULES
from dx_app_wizard.lint.rules.folder import FOLDER_RULES
from dx_app_wizard.lint.rules.io import IO_RULES
from dx_app_wizard.lint.rules.metadata import METADATA_RULES
from dx_app_wizard.lint.rules.python import PYTHON_RULES
from dx_app_wizard.lint.rules.run import RUN_RULES

if TYPE_CHECKING:
    from dx_app_wizard.lint.rules.rule import Rules

CHAPTERS: tuple[tuple[str, Rules[Any, Any]], ...] = (
    ("Metadata", METADATA_RULES),
    ("Inputs and outputs", IO_RULES),
    ("Running", RUN_RULES),
    ("Files of the app", FOLDER_RULES),
    ("Python source", PYTHON_RULES),
    ("Bash source", BASH_RULES),
)


def rule_ids() -> list[str]:
    """Return the ids of all rules, except those of ShellCheck."""
    return ["dxapp-json", "schema", *(rule for _, rules in CHAPTERS for rule in rules.by_id)]
