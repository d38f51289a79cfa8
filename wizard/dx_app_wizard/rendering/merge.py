"""Merge three versions of a file: as rendered before, as the user has it, and as rendered now.

JSON is merged value by value, other text line by line with `git merge-file`. If both sides changed the same
value or lines, the file gets both versions between conflict markers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.dxapp.json_edit import rewritten
from dx_app_wizard.errors import SpecFileError, UserError
from dx_app_wizard.rendering.changes import Change, FileContent, Verdict, change_beside
from dx_app_wizard.rendering.json_merge import merge_json
from dx_app_wizard.rendering.provenance import Digest, base_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import PurePosixPath

    from dx_app_wizard.rendering.provenance import Record

_MARKER = re.compile(rb"^(<{7} |>{7} )", re.MULTILINE)
_BYTE_ORDER_MARK = "\ufeff"
_MOST_CONFLICTS = 127
"""The highest exit code of `git merge-file` that counts conflicts; higher ones mean failure."""


class GitError(UserError):
    """Git is not installed, or it failed."""

    code = "git"


@dataclass(frozen=True)
class Labels:
    """The names of the versions in conflict markers."""

    yours: str
    base: str
    template: str


def merge(
    folder: Path, record: Record, files: Mapping[PurePosixPath, FileContent], labels: Labels
) -> Iterator[Change]:
    """Yield the change that an update to these rendered files makes to each file of the app in folder.

    Files that the user deleted stay deleted; files that the template no longer has stay. Raises GitError.
    """
    for path in sorted({*record.base, *files}):
        theirs = files.get(path)
        if theirs is None:
            ours = _read_file(folder / path)
            if ours is not None:
                yield Change(path, Verdict.OBSOLETE, ours, path)
        elif path in record.base and record.base[path] == base_of(theirs):
            is_there = os.path.lexists(folder / path)
            yield Change(path, Verdict.UNCHANGED if is_there else Verdict.DELETED, theirs, path)
        else:
            yield _merge_file(_File(folder, path, _read_file(folder / path), theirs), record, labels)


def changed_paths(record: Record, files: Mapping[PurePosixPath, FileContent]) -> set[PurePosixPath]:
    """Return the paths of the files that are rendered differently from the record."""
    return {
        path
        for path, content in files.items()
        if path not in record.base or record.base[path] != base_of(content)
    }


def marked_lines(folder: Path, paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, int]]:
    """Yield the files that contain conflict markers, with the line (from 1) of the first."""
    for path in sorted(paths):
        content = _read_file(folder / path)
        match = _MARKER.search(content.data) if content else None
        if content and match:
            yield path, content.data.count(b"\n", 0, match.start()) + 1


@dataclass(frozen=True)
class _File:
    """One file of the template: `ours` as in the folder, `theirs` as rendered now."""

    folder: Path
    path: PurePosixPath
    ours: FileContent | None
    theirs: FileContent

    def change(self, verdict: Verdict, content: FileContent | None = None) -> Change:
        return Change(self.path, verdict, content or self.theirs, self.path)


def _merge_file(file: _File, record: Record, labels: Labels) -> Change:
    is_known = file.path in record.base
    if file.ours is None:
        return file.change(Verdict.DELETED if is_known else Verdict.CREATE)
    if file.ours.data == file.theirs.data:
        return file.change(Verdict.UNCHANGED)
    if not is_known:
        return change_beside(file.folder, file.path, file.theirs)
    base = record.base[file.path]
    return file.change(Verdict.SKIP) if base is None else _merge_known(file, file.ours, base, labels)


def _merge_known(file: _File, ours: FileContent, base: str | Digest, labels: Labels) -> Change:
    """Merge a file that changed; if it is not text and both sides changed it, write it next to the user's."""
    if base == base_of(ours):
        return file.change(Verdict.REPLACE)
    if isinstance(base, Digest) or ours.text is None or file.theirs.text is None:
        return change_beside(file.folder, file.path, file.theirs)
    merged = None
    if file.path.suffix == ".json":
        merged = _merge_json(file.path, (ours.text, base, file.theirs.text), labels)
    if merged is None:
        merged = _merge_lines(ours.data, base.encode(), file.theirs.data, labels)
    data, conflicts = merged
    if data == ours.data:
        return file.change(Verdict.UNCHANGED)
    verdict = Verdict.MERGE_CONFLICT if conflicts else Verdict.MERGE
    return file.change(verdict, FileContent(data, file.theirs.executable))


def _merge_json(path: PurePosixPath, texts: Sequence[str], labels: Labels) -> tuple[bytes, int] | None:
    """Return the merged text and the number of conflicts marked in it; None if one of the texts is not JSON.

    The texts are ours, whose layout is kept, the base, and theirs.
    """
    bare = [text.removeprefix(_BYTE_ORDER_MARK) for text in texts]
    try:
        ours, base, theirs = (json_document.parse(text, Path(path)).value for text in bare)
        merged = merge_json(base, ours, theirs)
        mine, yours = (rewritten(bare[0], value) for value in merged)
    except (SpecFileError, RecursionError):
        return None
    mark = _BYTE_ORDER_MARK if bare[0] != texts[0] else ""
    marked, conflicts = (mine, 0) if merged.is_clean else _with_markers(mine, yours, labels)
    return (mark + marked).encode(), conflicts


def _with_markers(ours: str, theirs: str, labels: Labels) -> tuple[str, int]:
    """Return both texts as one, with conflict markers around differing lines, and the number of conflicts."""
    mine, yours = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (ours, theirs))
    end = "\r\n" if "\r\n" in ours else "\n"
    parts: list[str] = []
    conflicts = 0
    for tag, *span in SequenceMatcher(None, mine, yours, autojunk=False).get_opcodes():
        if tag == "equal":
            parts += mine[span[0] : span[1]]
            continue
        conflicts += 1
        sides = ("".join(mine[span[0] : span[1]]), "".join(yours[span[2] : span[3]]))
        first, second = (side if not side or side.endswith(end) else side + end for side in sides)
        parts += [f"<<<<<<< {labels.yours}{end}", first, f"======={end}", second]
        parts.append(f">>>>>>> {labels.template}{end}")
    return "".join(parts), conflicts


def _merge_lines(ours: bytes, base: bytes, theirs: bytes, labels: Labels) -> tuple[bytes, int]:
    """Return the merged text, and the number of conflicts marked in it."""
    git = shutil.which("git")
    if git is None:
        raise GitError("git is not installed; it is needed to merge files", "Install git, then try again.")
    with tempfile.TemporaryDirectory(prefix="dx-app-wizard-") as scratch:
        names = ("yours", "base", "template")
        for name, data in zip(names, (ours, base, theirs), strict=True):
            (Path(scratch) / name).write_bytes(data)
        flags = ["-L", labels.yours, "-L", labels.base, "-L", labels.template]
        done = subprocess.run(
            [git, "merge-file", "--stdout", "--quiet", *flags, *names],
            cwd=scratch,
            env={**os.environ, "GIT_CEILING_DIRECTORIES": scratch},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if not 0 <= done.returncode <= _MOST_CONFLICTS:
        raise GitError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode


def _read_file(path: Path) -> FileContent | None:
    if path.is_symlink() or not path.is_file():
        return None
    return FileContent(path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))
