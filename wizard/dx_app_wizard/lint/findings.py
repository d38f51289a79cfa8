"""The findings of the linter, and the errors that carry them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import UserError
from dx_app_wizard.lint.rules.rule import BytesFix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_app_wizard.lint.rules.rule import AnyFix, Level


@dataclass(frozen=True)
class Finding:
    """A violation of a rule: its level, its place, and a hint at the fix.

    `path` is the JSON path in dxapp.json (`inputSpec[0].class`), empty for a source file. `file` is relative
    to the app's folder; `line` and `column` count from 1 and are None if unknown.
    """

    rule: str
    level: Level
    path: str
    message: str
    hint: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None
    fix: AnyFix | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        fields = asdict(replace(self, fix=None))
        return {**fields, "fix": None if self.fix is None else _fix_json(self.fix)}

    def __str__(self) -> str:
        names_itself = not self.path or self.message.startswith(self.path)
        subject = "" if names_itself else f"{self.path}: "
        lines = [f"{self.level}: {subject}{self.message} [{self.rule}]"]
        if self.file:
            place = (self.file, self.line, self.column)
            lines.append("  at " + ":".join(str(part) for part in place if part is not None))
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


def _fix_json(fix: AnyFix) -> dict[str, Any]:
    if isinstance(fix, BytesFix):
        return {"file": fix.file, "old": fix.old.decode(), "new": fix.new.decode()}
    return asdict(fix)


class FindingsError(UserError):
    """The dxapp.json at `path` has errors; `findings` lists them."""

    code = "invalid-spec"

    def __init__(self, path: Path, findings: Sequence[Finding]) -> None:
        super().__init__(f"{path} has errors", "Correct them, then run the same command again.")
        self.path = path
        self.findings = findings


class UnsoundSpecError(FindingsError):
    """The dxapp.json to be written to `path` would have errors; `findings` lists them."""

    def __init__(self, path: Path, findings: Sequence[Finding]) -> None:
        super().__init__(path, findings)
        self.message = f"{path} would have errors; nothing was written"


class DisallowedError(FindingsError):
    """A policy rejects the app to be written to `path`; `findings` lists the reasons."""

    code = "disallowed"

    def __init__(self, path: Path, findings: Sequence[Finding]) -> None:
        super().__init__(path, findings)
        self.message = f"the policy does not allow {path}; nothing was written"
        self.hint = "Run `dx-local doctor` to list the policy's settings."
