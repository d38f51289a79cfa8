"""What writing an app would do to each file of its folder; and doing it, file by file or all at once.

Nothing is ever deleted, no symbolic link is followed, and no file is ever half written: all is staged on the
same file system first and then renamed into place. A new folder appears complete or not at all.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.errors import Conflict, ConflictError, DiskFullError, is_full_disk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import PurePosixPath

_STAGE_PREFIX = ".dx-app-wizard-"
_FEW = 5


class OnConflict(Enum):
    """What happens to a file that exists and holds something else."""

    ABORT = "abort"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    NEW = "new"


class Verdict(Enum):
    """What happens to one file."""

    CREATE = "create"
    UNCHANGED = "unchanged"
    REPLACE = "replace"
    SKIP = "skip"
    BESIDE = "beside"
    CONFLICT = "conflict"
    """It differs, and so nothing at all is written."""

    # Of updates only.
    MERGE = "merge"
    MERGE_CONFLICT = "merge-conflict"
    DELETED = "deleted"
    """The user deleted it; it stays so."""
    OBSOLETE = "obsolete"
    """The template has it no longer; it is the user's now."""


_WRITTEN = (Verdict.CREATE, Verdict.REPLACE, Verdict.BESIDE, Verdict.MERGE, Verdict.MERGE_CONFLICT)
_VERDICTS = {
    OnConflict.ABORT: Verdict.CONFLICT,
    OnConflict.SKIP: Verdict.SKIP,
    OnConflict.OVERWRITE: Verdict.REPLACE,
}


@dataclass(frozen=True)
class FileContent:
    """What a file holds, and whether it is a program."""

    data: bytes
    executable: bool = False

    @property
    def text(self) -> str | None:
        """The content as UTF-8 text; None where it is not."""
        try:
            return None if b"\0" in self.data else self.data.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True)
class Change:
    """What happens to the file `path` of an app; where something is written, `target` will hold `content`."""

    path: PurePosixPath
    verdict: Verdict
    content: FileContent
    target: PurePosixPath

    @property
    def writes(self) -> bool:
        """Whether a file is written."""
        return self.verdict in _WRITTEN


@dataclass(frozen=True)
class ChangeSet:
    """All that writing an app into `folder` would do; with conflicts, it is not done."""

    folder: Path
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_new(self) -> bool:
        """Whether the folder is yet to be made."""
        return not os.path.lexists(self.folder)

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that write a file."""
        return tuple(change for change in self.changes if change.writes)

    def conflict(self) -> ConflictError | None:
        """Return why nothing may be written, naming all that is in the way."""
        return ConflictError(self.folder, self.conflicts) if self.conflicts else None

    def apply(self) -> None:
        """Write the files. Raise ConflictError if they are in the way of others, and DiskFullError.

        If interrupted, each file is either as it was or as it shall be, and doing it again completes it.
        """
        error = self.conflict()
        if error:
            raise error
        if not self.writes:
            return
        is_new = self.is_new
        try:
            self._write()
        except OSError as full:
            if not is_full_disk(full):
                raise
            raise DiskFullError(self.folder, has_choice=is_new) from full

    def _write(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        is_new = self.is_new
        near = self.folder.parent if is_new else self.folder
        with tempfile.TemporaryDirectory(prefix=_STAGE_PREFIX, dir=near) as scratch:
            stage = Path(scratch) / "app"
            stage.mkdir()
            for change in self.writes:
                _stage(change, stage, self.folder)
            if is_new:
                stage.rename(self.folder)
                return
            for change in self.writes:
                target = self.folder / change.target
                target.parent.mkdir(parents=True, exist_ok=True)
                (stage / change.target).replace(target)


def change_set(
    folder: Path,
    files: Mapping[PurePosixPath, FileContent],
    on_conflict: OnConflict,
    own: tuple[PurePosixPath, ...] = (),
) -> ChangeSet:
    """Return what writing these files (by their paths in the folder) would do.

    Symbolic links, folders in the place of files and files in the place of folders are always conflicts.
    With ABORT, so is every file that differs, and anything else that lies in a folder which lacks files,
    but for the `own` files.
    """
    blocked = obstacles(folder, (*files, *own))
    if blocked:
        unknown = tuple(Change(path, Verdict.CONFLICT, files[path], path) for path in sorted(files))
        return ChangeSet(folder, unknown, blocked)
    changes = tuple(_change(folder, path, files[path], on_conflict) for path in sorted(files))
    conflicts = tuple(
        Conflict(folder / change.path, "differs from what would be written")
        for change in changes
        if change.verdict is Verdict.CONFLICT
    )
    if on_conflict is OnConflict.ABORT and any(change.writes for change in changes):
        conflicts += _foreign_files(folder, (*files, *own))
    return ChangeSet(folder, changes, conflicts)


def obstacles(folder: Path, paths: Iterable[PurePosixPath]) -> tuple[Conflict, ...]:
    """Return every place in folder where no file can be written, for what stands there."""
    found: dict[Path, str] = {}
    for path in sorted(paths):
        places = [folder, *(folder / parent for parent in reversed(path.parents[:-1])), folder / path]
        for place in places:
            reason = _obstacle(place, is_file=place == places[-1])
            if reason:
                found[place] = reason
                break
    return tuple(Conflict(place, reason) for place, reason in found.items())


def is_in_use(folder: Path) -> bool:
    """Return whether something stands at folder, other than an empty folder."""
    if folder.is_symlink() or not folder.is_dir():
        return os.path.lexists(folder)
    return any(folder.iterdir())


def beside(folder: Path, path: PurePosixPath, content: FileContent) -> Change:
    """Return how to write content beside the file at path: to a free one of NAME.new, NAME.new.2 and so on.

    Where one of these holds it already, nothing is to be written.
    """
    target = path.with_name(f"{path.name}.new")
    number = 1
    while os.path.lexists(folder / target):
        if _holds(folder / target, content):
            return Change(path, Verdict.SKIP, content, target)
        number += 1
        target = path.with_name(f"{path.name}.new.{number}")
    return Change(path, Verdict.BESIDE, content, target)


def _change(folder: Path, path: PurePosixPath, content: FileContent, on_conflict: OnConflict) -> Change:
    if not os.path.lexists(folder / path):
        return Change(path, Verdict.CREATE, content, path)
    if _holds(folder / path, content):
        return Change(path, Verdict.UNCHANGED, content, path)
    if on_conflict is OnConflict.NEW:
        return beside(folder, path, content)
    return Change(path, _VERDICTS[on_conflict], content, path)


def _holds(file: Path, content: FileContent) -> bool:
    return not file.is_symlink() and file.is_file() and file.read_bytes() == content.data


def _obstacle(place: Path, *, is_file: bool) -> str | None:
    try:
        mode = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if is_file and not stat.S_ISREG(mode):
        return "is a folder" if stat.S_ISDIR(mode) else "is no regular file"
    return None if is_file or stat.S_ISDIR(mode) else "is no folder"


def _foreign_files(folder: Path, files: Iterable[PurePosixPath]) -> tuple[Conflict, ...]:
    """Return what lies in an existing folder that is not ours to write; not what an interruption left."""
    ours = {folder / path for file in files for path in (file, *file.parents)}
    names = [
        place.relative_to(folder).as_posix()
        for parent in sorted(ours)
        if parent.is_dir()
        for place in sorted(parent.iterdir())
        if place not in ours and not place.name.startswith(_STAGE_PREFIX)
    ]
    if not names:
        return ()
    more = ["…"] if len(names) > _FEW else []
    return (Conflict(folder, f"holds other files: {', '.join([*names[:_FEW], *more])}"),)


def _stage(change: Change, stage: Path, folder: Path) -> None:
    """Write the file into the stage, with the permissions that it has or shall have."""
    staged = stage / change.target
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.write_bytes(change.content.data)
    if (folder / change.target).exists():
        shutil.copymode(folder / change.target, staged)
    mode = staged.stat().st_mode
    if change.content.executable:
        # Whoever may read it may run it.
        staged.chmod(mode | (mode & 0o444) >> 2)
