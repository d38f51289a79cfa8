"""Report changes to an app: a tree with the verdict on every file, the text of the files, and JSON."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from dx_app_wizard.console import own_commands
from dx_app_wizard.dxapp.model import FILE_NAME
from dx_app_wizard.importing.programs import version_of
from dx_app_wizard.rendering.changes import Verdict
from dx_app_wizard.rendering.provenance import RECORD_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import PurePath

    from dx_app_wizard.rendering.changes import Change, ChangeSet

_CASE = re.compile(r"test/cases/[^/]+\.json")
"""The paths of the cases that `dx-local test` runs."""

_TEST = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py")
"""The paths of test files, by the defaults of pytest."""

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
"""Names of Debian packages: https://www.debian.org/doc/debian-policy/ch-controlfields.html#source"""


def written_text(changes: ChangeSet, *, was_new: bool) -> str:
    """Return the report of an app that was written, and the commands to run next."""
    count = len(changes.writes)
    files = f"{count} file" + ("" if count == 1 else "s")
    if not count:
        kept = any(change.verdict is Verdict.SKIP for change in changes.changes)
        state = "has its own versions of some files, which are kept" if kept else "is up to date"
        return f"Nothing to do: {changes.folder} {state}."
    verb = "created" if was_new else "updated"
    lines = [f"App directory {verb}: {changes.folder}, {files}:"]
    lines += tree((change.target for change in changes.changes), None if was_new else notes(changes))
    lines += ["", "Next:", *(f"  {command}" for command in next_commands(changes))]
    if missing := missing_packages(changes):
        lines += ["", f"--install-depends is there because this machine lacks {', '.join(missing)}."]
    return "\n".join(lines)


def preview_text(changes: ChangeSet) -> str:
    """Return the tree with the verdict on every file, and the text of the files that would be written.

    The text of the record is omitted because it repeats all others.
    """
    paths = (change.target for change in changes.changes)
    lines = [f"{changes.folder}/", *tree(paths, notes(changes))]
    for change in (change for change in changes.writes if change.path != RECORD_PATH):
        lines += ["", f"==> {changes.folder / change.target} <==", *_body(change)]
    return "\n".join(lines)


def verdict_lines(changes: ChangeSet) -> Iterator[str]:
    """Yield the verdict and the path of each file that an update changes or skips."""
    reported = [change for change in changes.changes if change.path != RECORD_PATH]
    for change in reported:
        if change.verdict is not Verdict.UNCHANGED:
            yield f"{change.verdict.value:<14}  {change.target.as_posix()}"


def differences(changes: ChangeSet) -> Iterator[str]:
    """Yield the unified diffs of the files that would be written, except for the record."""
    for change in (change for change in changes.writes if change.path != RECORD_PATH):
        file = changes.folder / change.target
        try:
            old = file.read_text(encoding="utf-8") if file.exists() else ""
        except UnicodeDecodeError:
            continue
        new = change.content.text or ""
        names = (f"{file} now" if old else "/dev/null", str(file))
        yield from difflib.unified_diff(old.splitlines(), new.splitlines(), *names, lineterm="")


def changes_json(changes: ChangeSet, *, with_text: bool) -> list[dict[str, Any]]:
    """Return one object per file: `path`, `verdict`, `target`, and the `text` to write (null if none)."""
    return [_change_json(change, with_text=with_text) for change in changes.changes]


def next_commands(changes: ChangeSet) -> list[str]:
    """Return the commands to type next: go there, run the app, and test it if it has cases or tests."""
    dx_local = own_commands.dx_local()
    installs = " --install-depends" if missing_packages(changes) else ""
    test = (
        f"{dx_local} test{installs}"
        if _has(changes, _CASE)
        else own_commands.pytest()
        if _has(changes, _TEST)
        else None
    )
    return [
        f"cd {shlex.quote(str(changes.folder))}",
        f"{dx_local} run{installs}",
        *([test] if test else []),
    ]


def missing_packages(changes: ChangeSet) -> list[str]:
    """Return the Debian packages in execDepends of the app's dxapp.json that this machine lacks."""
    texts = [change.content.text for change in changes.changes if change.path.as_posix() == FILE_NAME]
    try:
        run_spec = json.loads(texts[0] or "{}")["runSpec"] if texts else {}
        entries = run_spec.get("execDepends", [])
        named = [entry["name"] for entry in entries if entry.get("package_manager", "apt") == "apt"]
    except (ValueError, KeyError, AttributeError, TypeError):
        return []
    valid = [name for name in named if isinstance(name, str) and _PACKAGE.fullmatch(name)]
    return [name for name in valid if version_of(name) is None]


def _has(changes: ChangeSet, path: re.Pattern[str]) -> bool:
    return any(path.fullmatch(change.path.as_posix()) for change in changes.changes)


def tree(paths: Iterable[PurePath], notes: Mapping[PurePath, str] | None = None) -> Iterator[str]:
    """Yield one line per folder and file, indented by depth, folders before the files in them.

    A file's note follows its name.
    """
    shown: set[PurePath] = set()
    for path in sorted(paths):
        for folder in reversed(path.parents[:-1]):
            if folder not in shown:
                shown.add(folder)
                yield f"{'  ' * len(folder.parts)}{folder.name}/"
        note = (notes or {}).get(path)
        yield f"{'  ' * len(path.parts)}{path.name}{f'  ({note})' if note else ''}"


def _change_json(change: Change, *, with_text: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": change.path.as_posix(),
        "verdict": change.verdict.value,
        "target": change.target.as_posix(),
    }
    return {**row, "text": change.content.text} if with_text else row


def notes(changes: ChangeSet) -> dict[PurePath, str]:
    """Return the verdict on each file as text, by its target path."""
    return {change.target: _note(change) for change in changes.changes}


def _note(change: Change) -> str:
    if change.verdict is Verdict.BESIDE:
        return f"beside {change.path.name}, which differs"
    return str(change.verdict.value)


def _body(change: Change) -> Iterator[str]:
    text = change.content.text
    yield f"({len(change.content.data)} bytes, not text)" if text is None else text.removesuffix("\n")
