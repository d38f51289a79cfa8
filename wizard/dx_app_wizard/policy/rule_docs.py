"""The page docs/reference/lint-rules.md: every rule with its level, an example and the reason.

Written by `python -m dx_app_wizard.policy.rule_docs FILE`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.lint.rules.bash import BASH_RULES
from dx_app_wizard.lint.rules.folder import FOLDER_RULES
from dx_app_wizard.lint.rules.io import IO_RULES
from dx_app_wizard.lint.rules.metadata import METADATA_RULES
from dx_app_wizard.lint.rules.python import PYTHON_RULES
from dx_app_wizard.lint.rules.run import RUN_RULES
from dx_app_wizard.policy.rules import POLICY_RULES

if TYPE_CHECKING:
    from dx_app_wizard.lint.findings import Rules

_CHAPTERS: tuple[tuple[str, Rules[Any, Any]], ...] = (
    ("What an app says of itself", METADATA_RULES),
    ("Inputs and outputs", IO_RULES),
    ("How an app is run", RUN_RULES),
    ("The files of an app", FOLDER_RULES),
    ("Python source", PYTHON_RULES),
    ("Bash source", BASH_RULES),
    ("What an organisation demands", POLICY_RULES),
)

_BEGIN = """# Lint rules

`dx-local lint APP` checks an app by these rules. `dx-local run` goes by them too, and stops at errors only.
Rules that may be mistaken about what a source does are warnings.

To silence a rule, use `--ignore RULE`, or a comment in the source: `# dx-local: ignore[RULE]` after code
holds for that line; on a line of its own it holds for the whole app, its dxapp.json included. `--fix` applies
the fixes that are certain: misspelt keys, spellings of values, keys without effect, Windows line ends.
A [policy file](../how-to/organisation-policy.md) ignores rules for many apps, changes their levels, and
switches the rules of the last chapter on, which `dx-local run` does not know.

This page is made from the rules themselves:
`python -m dx_app_wizard.policy.rule_docs docs/reference/lint-rules.md`.

## The file dxapp.json

### dxapp-json

*error.* There is a dxapp.json, it is JSON in UTF-8, and no object in it has the same key twice.

### schema

*error.* Every value has the type that DNAnexus expects there, such as a whole number for `hours`.
"""

_END = """
## ShellCheck

If [ShellCheck](https://www.shellcheck.net) is installed, `dx-local lint` reports its findings about bash
sources as warnings, by its own rule ids (`SC2154`): those of its severities `error` and `warning`, and with
`--shellcheck info` or `style` also those, such as unquoted variables (`SC2086`). The variables that the
platform sets for inputs count as assigned, and `~/environment` need not be found.
"""


def documentation() -> str:
    """Return the whole page, in Markdown."""
    return _BEGIN + "".join(_chapter(title, rules) for title, rules in _CHAPTERS) + _END


def rule_ids() -> list[str]:
    """Return the ids of all rules but ShellCheck's."""
    return ["dxapp-json", "schema", *(rule for _, rules in _CHAPTERS for rule in rules.by_id)]


def _chapter(title: str, rules: Rules[Any, Any]) -> str:
    text = f"\n## {title}\n"
    for rule in rules.by_id.values():
        paragraphs = "\n".join(line.strip() for line in rule.documentation.strip().split("\n"))
        text += f"\n### {rule.id}\n\n*{rule.level}.* {paragraphs}\n"
    return text


def main(arguments: list[str]) -> None:
    """Write the page to the file that arguments name; it is there entire or not at all."""
    target = Path(arguments[0])
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as page:
        page.write(documentation())
    Path(page.name).chmod(0o644)
    Path(page.name).replace(target)


if __name__ == "__main__":
    main(sys.argv[1:])
