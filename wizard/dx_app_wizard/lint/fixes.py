"""Apply the certain fixes of findings as edits in place, which preserve all other text."""

from __future__ import annotations

import json
import re
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_app_wizard.dxapp import json_document, regular_file
from dx_app_wizard.dxapp.json_edit import rewritten
from dx_app_wizard.files import atomic_write
from dx_app_wizard.lint.rules.rule import BytesFix, Fix, KeyFix

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import Document, JsonPath
    from dx_app_wizard.lint.findings import Finding

_MARK = "\ufeff"
"""A byte order mark, which is not part of the JSON."""


def apply_fixes(path: Path, findings: Iterable[Finding]) -> list[Finding]:
    """Apply the fixes of findings to the dxapp.json at path and its app; return the fixed findings.

    Each file is replaced atomically, and none outside the app's folder. Raises SpecFileError if dxapp.json
    cannot be read, OSError if a file cannot be written.
    """
    listed = list(findings)
    return [*_fix_bytes(path.parent, listed), *_fix_dxapp_json(path, listed)]


def _fix_bytes(folder: Path, findings: list[Finding]) -> list[Finding]:
    fixed = []
    for finding in findings:
        if not isinstance(finding.fix, BytesFix):
            continue
        target = (folder / finding.fix.file).resolve()
        data = regular_file.read(target) if target.is_relative_to(folder.resolve()) else b""
        if finding.fix.old in data:
            text = data.replace(finding.fix.old, finding.fix.new).decode()
            atomic_write(target, text, mode=stat.S_IMODE(target.stat().st_mode))
            fixed.append(finding)
    return fixed


def _fix_dxapp_json(path: Path, findings: list[Finding]) -> list[Finding]:
    fixes = [finding for finding in findings if isinstance(finding.fix, (Fix, KeyFix))]
    if not fixes:
        return []
    document = json_document.read(path)
    # Reading bytes preserves the line endings.
    whole = path.read_bytes().decode()
    text = whole.removeprefix(_MARK)
    tokens = _Tokens(text, document)
    edits: list[_Edit] = []
    fixed = []
    for finding in fixes:
        edit = tokens.edit(finding.fix)
        if edit and not any(edit.start < other.end and other.start < edit.end for other in edits):
            edits.append(edit)
            fixed.append(finding)
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    for finding in fixed:
        if isinstance(finding.fix, KeyFix) and finding.fix.into is not None:
            text = _with_member(
                text, finding.fix.into, str(finding.fix.path[-1]), document.at(finding.fix.path)
            )
    if fixed:
        json_document.parse(text, path)
        mark = _MARK if whole.startswith(_MARK) else ""
        target = path.resolve()
        atomic_write(target, mark + text, mode=stat.S_IMODE(target.stat().st_mode))
    return fixed


def _with_member(text: str, place: JsonPath, key: str, value: Any) -> str:
    """Return JSON text with a member added to the object at place."""
    whole = json.loads(text)
    target = whole
    for step in place:
        target = target[step]
    target[key] = value
    return rewritten(text, whole)


class _Edit(NamedTuple):
    """A replacement of a span of the text."""

    start: int
    end: int
    text: str


class _Tokens:
    """The tokens of a valid JSON text, looked up by the path of the value that they begin."""

    def __init__(self, text: str, document: Document) -> None:
        self._document = document
        self._tokens = list(json_document.TOKEN.finditer(text))
        self._by_start = {token.start(): index for index, token in enumerate(self._tokens)}
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def edit(self, fix: object) -> _Edit | None:
        """Return the edit for a fix; None if its value does not exist or is an object or array to replace."""
        if isinstance(fix, Fix):
            return self._replaced(fix)
        if isinstance(fix, KeyFix) and fix.path and isinstance(fix.path[-1], str):
            return self._removed(fix.path) if fix.key is None else self._renamed(fix.path, fix.key)
        return None

    def _index(self, path: JsonPath) -> int | None:
        """Return the index of the token that begins the value at path."""
        place = self._document.positions.get(path)
        if place is None:
            return None
        return self._by_start.get(self._line_starts[place.line - 1] + place.column - 1)

    def _replaced(self, fix: Fix) -> _Edit | None:
        index = self._index(fix.path)
        if index is None or self._tokens[index][0] in "{[":
            return None
        token = self._tokens[index]
        return _Edit(token.start(), token.end(), json.dumps(fix.value, ensure_ascii=False, allow_nan=False))

    def _renamed(self, path: JsonPath, key: str) -> _Edit | None:
        index = self._index(path)
        if index is None:
            return None
        token = self._tokens[index - 2]
        return _Edit(token.start(), token.end(), json.dumps(key, ensure_ascii=False))

    def _removed(self, path: JsonPath) -> _Edit | None:
        """Return the edit that removes a key, its value, and the comma next to them."""
        index = self._index(path)
        if index is None:
            return None
        last = self._last_of_value(index)
        key, after, before = self._tokens[index - 2], self._tokens[last + 1], self._tokens[index - 3]
        if after[0] == ",":
            return _Edit(key.start(), self._tokens[last + 2].start(), "")
        start = before.start() if before[0] == "," else before.end()
        return _Edit(start, self._tokens[last].end(), "")

    def _last_of_value(self, index: int) -> int:
        depth = 0
        for position in range(index, len(self._tokens)):
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(self._tokens[position][0], 0)
            if depth == 0:
                return position
        return index
