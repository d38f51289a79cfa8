"""Mend a dxapp.json where it is certain how: each wrong value is replaced in place, all other text stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from dx_app_wizard.spec import jsonfile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dx_app_wizard.spec.findings import Finding, Fix

_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')


def apply_fixes(path: Path, findings: Iterable[Finding]) -> list[Finding]:
    """Apply the fixes of findings to the dxapp.json at path; return the findings that are mended so.

    Only text, numbers, booleans and null are replaced. The file is written entire or not at all; raises
    SpecFileError where it is not readable, OSError where it cannot be written.
    """
    document = jsonfile.read(path)
    text = document.text
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    edits: dict[int, tuple[int, str]] = {}
    mended = []
    for finding in findings:
        if finding.fix is None or finding.fix.path not in document.positions:
            continue
        place = document.positions[finding.fix.path]
        token = _SCALAR.match(text, starts[place.line - 1] + place.column - 1)
        if token and token.start() not in edits:
            edits[token.start()] = (token.end(), _replacement(finding.fix))
            mended.append(finding)
    for start in sorted(edits, reverse=True):
        end, replacement = edits[start]
        text = text[:start] + replacement + text[end:]
    if mended:
        jsonfile.parse(text, path)
        jsonfile.write_text(path.resolve(), text, keep_mode=True)
    return mended


def _replacement(fix: Fix) -> str:
    return json.dumps(fix.value, ensure_ascii=False, allow_nan=False)
