"""Change a test case so that it expects what a run has output: its golden files and its values."""

from __future__ import annotations

import copy
import stat
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.json_edit import rewritten
from dx_app_wizard.files import atomic_write
from dx_local.engine.cases.differences import NewGolden, NewValue
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import JsonPath
    from dx_local.engine.cases.case_files import Case
    from dx_local.engine.cases.differences import Difference

_NEW_FILE = 0o644


def apply_fixes(case: Case, differences: Iterable[Difference]) -> tuple[Path, ...]:
    """Make the changes that remove differences; return the files that were written.

    Raises UsageError if two outputs with different contents have the same golden file, or if something else
    is in its place, and OSError.
    """
    fixes = [difference.fix for difference in differences]
    written: dict[Path, None] = {}
    value = copy.deepcopy(case.document.value)
    for fix in fixes:
        if isinstance(fix, NewGolden):
            content = fix.source.read_bytes()
            if fix.golden in written and fix.golden.read_bytes() != content:
                raise UsageError(
                    f"two outputs with different contents have the golden file {str(fix.golden)!r}",
                    f"Give each a golden file of its own in {str(case.path)!r}.",
                )
            _make_place(fix.golden)
            atomic_write(fix.golden, content, mode=_mode(fix.golden))
            written[fix.golden] = None
        elif isinstance(fix, NewValue):
            _set(value, fix.path, fix.value)
            written[case.path] = None
    if case.path in written:
        mark = "\ufeff" if case.document.has_mark else ""
        atomic_write(case.path, mark + rewritten(case.document.text, value), mode=_mode(case.path))
    return tuple(written)


def _make_place(golden: Path) -> None:
    """Make the folder of a golden file. Raises UsageError if a file or a folder is in the way."""
    folder = golden.parent
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"the folder of golden files {str(folder)!r} is a file", "Remove or rename it.")
    if golden.is_dir():
        raise UsageError(f"the golden file {str(golden)!r} is a folder", "Remove or rename it.")
    folder.mkdir(parents=True, exist_ok=True)


def _mode(path: Path) -> int:
    """Return the permissions of a file, or those of a new one."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else _NEW_FILE


def _set(value: Any, path: JsonPath, new: Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = new
