"""Comments in the source of an app that ignore rules.

`# dx-local: ignore[RULE, …]` after code applies to that line; on a line of its own, it applies to the whole
app, including dxapp.json, which cannot have comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.lint.source.app_folder import AppFolder

_COMMENT = re.compile(r"#\s*dx-local:\s*ignore\[([\w\s,-]*)\]")


@dataclass(frozen=True)
class Ignores:
    """The ignored rules: for the whole app, and by line of one file."""

    everywhere: frozenset[str] = frozenset()
    file: str | None = None
    by_line: dict[int, frozenset[str]] = field(default_factory=dict)

    def cover(self, finding: Finding) -> bool:
        """Return whether a finding is ignored."""
        if finding.rule in self.everywhere:
            return True
        here = self.by_line.get(finding.line or 0, frozenset())
        return finding.file == self.file and finding.rule in here


def ignores_of(app: AppFolder) -> Ignores:
    """Parse the comments in an app's source."""
    everywhere: set[str] = set()
    by_line: dict[int, frozenset[str]] = {}
    for number, line in enumerate((app.source or "").splitlines(), 1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        rules = frozenset(match[1].replace(",", " ").split())
        if line.lstrip().startswith("#"):
            everywhere |= rules
        else:
            by_line[number] = rules
    return Ignores(frozenset(everywhere), app.source_name, by_line)
