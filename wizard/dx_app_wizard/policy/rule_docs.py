"""Generate the page docs/reference/lint-rules.md from the docstrings of all rules.

Run `python -m dx_app_wizard.policy.rule_docs FILE`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.files import atomic_write
from dx_app_wizard.lint.registry import CHAPTERS
from dx_app_wizard.policy.rules import POLICY_RULES

if TYPE_CHECKING:
    from dx_app_wizard.lint.rules.rule import Rules

_BEGIN = """# Which mistakes does the linter find?
`dx-local lint APP` checks an app against these rules. `dx-local run` checks them too, and fails only on
errors. Rules that may misjudge a source are warnings.

To ignore a rule, use `--ignore RULE`, or a comment in the source: `# dx-local: ignore[RULE]` after code
applies to that line; on a line of its own, it applies to the whole app, including its dxapp.json. `--fix`
applies the fixes that are certain: misspelt keys, spellings of values, keys without effect, Windows line
endings. A [policy file](../how-to/organisation-policy.md) ignores rules for many apps, changes their levels,
and enables the rules of the last section, which `dx-local run` does not check.

This page is generated from the rules:
`python -m dx_app_wizard.policy.rule_docs docs/reference/lint-rules.md`.

## The file dxapp.json

### dxapp-json

*error.* The dxapp.json exists, is JSON in UTF-8, and has no duplicate keys.

### schema

*error.* Every value has the type that DNAnexus expects, such as a whole number for `hours`.
"""

_END = """
## ShellCheck

If [ShellCheck](https://www.shellcheck.net) is installed, `dx-local lint` reports its findings about bash
sources as warnings, with its own rule ids (`SC2154`). It reports the severities `error` and `warning`, and
with `--shellcheck info` or `style` those severities too, such as unquoted variables (`SC2086`). Variables
that the platform sets for inputs count as assigned, and `~/environment` does not have to exist.
"""


def documentation() -> str:
    """Return the page in Markdown."""
    chapters = (*CHAPTERS, ("Requirements of an organisation", POLICY_RULES))
    return _BEGIN + "".join(_chapter(title, rules) for title, rules in chapters) + _END


def _chapter(title: str, rules: Rules[Any, Any]) -> str:
    text = f"\n## {title}\n"
    for rule in rules.by_id.values():
        paragraphs = "\n".join(line.strip() for line in rule.documentation.strip().split("\n"))
        text += f"\n### {rule.id}\n\n*{rule.level}.* {paragraphs}\n"
    return text


def main(arguments: list[str]) -> None:
    """Write the page to the file named by the argument."""
    atomic_write(Path(arguments[0]), documentation(), mode=0o644)


if __name__ == "__main__":
    main(sys.argv[1:])
