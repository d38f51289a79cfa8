"""Three versions of a file to one: as it was rendered, as the user has it, as it is rendered now.

Lines are merged by `git merge-file`; where both sides changed the same lines, both stand in the file, between
conflict markers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.errors import UserError
from dx_app_wizard.writing.changes import Change, FileContent, Verdict, beside
from dx_app_wizard.writing.provenance import Digest, base_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import PurePosixPath

    from dx_app_wizard.writing.provenance import Record

_MARKER = re.compile(rb"^(<{7} |>{7} )", re.MULTILINE)
_MOST_CONFLICTS = 127
"""What `git merge-file` exits with for this many conflicts and more; beyond, it failed."""


class GitError(UserError):
    """Git is missing, or failed."""

    code = "git"


@dataclass(frozen=True)
class Labels:
    """What the conflict markers call the versions."""

    yours: str
    base: str
    template: str


def merge(
    folder: Path, record: Record, files: Mapping[PurePosixPath, FileContent], labels: Labels
) -> Iterator[Change]:
    """Yield what an update to these rendered files does to each file of the app in folder.

    What the user deleted stays deleted, what the template has no longer stays. Raises GitError.
    """
    for path in sorted({*record.base, *files}):
        theirs = files.get(path)
        if theirs is None:
            ours = _on_disk(folder / path)
            if ours is not None:
                yield Change(path, Verdict.OBSOLETE, ours, path)
        elif path in record.base and record.base[path] == base_of(theirs):
            is_there = os.path.lexists(folder / path)
            yield Change(path, Verdict.UNCHANGED if is_there else Verdict.DELETED, theirs, path)
        else:
            yield _merge_file(_File(folder, path, _on_disk(folder / path), theirs), record, labels)


def changed_paths(record: Record, files: Mapping[PurePosixPath, FileContent]) -> set[PurePosixPath]:
    """Return the paths of the files that are rendered otherwise than recorded."""
    return {
        path
        for path, content in files.items()
        if path not in record.base or record.base[path] != base_of(content)
    }


def marked_lines(folder: Path, paths: Iterable[PurePosixPath]) -> Iterator[tuple[PurePosixPath, int]]:
    """Yield the files that hold conflict markers, with the line (from 1) of the first."""
    for path in sorted(paths):
        content = _on_disk(folder / path)
        match = _MARKER.search(content.data) if content else None
        if content and match:
            yield path, content.data.count(b"\n", 0, match.start()) + 1


@dataclass(frozen=True)
class _File:
    """One file of the template, as it lies in the folder and as it is rendered now."""

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
        return beside(file.folder, file.path, file.theirs)
    base = record.base[file.path]
    return file.change(Verdict.SKIP) if base is None else _merge_known(file, file.ours, base, labels)


def _merge_known(file: _File, ours: FileContent, base: str | Digest, labels: Labels) -> Change:
    """Merge what changed; a file that is no text is written beside the user's when both sides changed it."""
    if base == base_of(ours):
        return file.change(Verdict.REPLACE)
    if isinstance(base, Digest) or ours.text is None or file.theirs.text is None:
        return beside(file.folder, file.path, file.theirs)
    merged, conflicts = _merge_lines(ours.data, base.encode(), file.theirs.data, labels)
    verdict = Verdict.MERGE_CONFLICT if conflicts else Verdict.MERGE
    return file.change(verdict, FileContent(merged, file.theirs.executable))


def _merge_lines(ours: bytes, base: bytes, theirs: bytes, labels: Labels) -> tuple[bytes, int]:
    """Return the merged text, and how many conflicts are marked in it."""
    git = shutil.which("git")
    if git is None:
        raise GitError("git is not installed, which merges the files", "Install git, then try again.")
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


def _on_disk(path: Path) -> FileContent | None:
    if path.is_symlink() or not path.is_file():
        return None
    return FileContent(path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))
