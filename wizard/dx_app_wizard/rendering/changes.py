"""Determine and apply the changes that writing an app makes to its folder.

Nothing is deleted, symbolic links are not followed, and no file is ever half written: files are staged on the
same file system and then renamed into place. A new folder appears complete or not at all.
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
    """The treatment of files that exist with other content."""

    ABORT = "abort"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    NEW = "new"


class Verdict(Enum):
    """The outcome for one file."""

    CREATE = "create"
    UNCHANGED = "unchanged"
    REPLACE = "replace"
    SKIP = "skip"
    BESIDE = "beside"
    CONFLICT = "conflict"
    """The file differs, so nothing is written at all."""

    # Updates only:
    MERGE = "merge"
    MERGE_CONFLICT = "merge-conflict"
    DELETED = "deleted"
    """The user deleted the file; it stays deleted."""
    OBSOLETE = "obsolete"
    """The template no longer has the file; it is the user's now."""


_WRITTEN = (Verdict.CREATE, Verdict.REPLACE, Verdict.BESIDE, Verdict.MERGE, Verdict.MERGE_CONFLICT)
_VERDICTS = {
    OnConflict.ABORT: Verdict.CONFLICT,
    OnConflict.SKIP: Verdict.SKIP,
    OnConflict.OVERWRITE: Verdict.REPLACE,
}


@dataclass(frozen=True)
class FileContent:
    """The content of a file, and whether it is executable."""

    data: bytes
    executable: bool = False

    @property
    def text(self) -> str | None:
        """The content as text, None if it is not UTF-8."""
        try:
            return None if b"\0" in self.data else self.data.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True)
class Change:
    """The change to the file `path` of an app; if it writes a file, `target` gets the `content`."""

    path: PurePosixPath
    verdict: Verdict
    content: FileContent
    target: PurePosixPath

    @property
    def writes(self) -> bool:
        """True if a file is written."""
        return self.verdict in _WRITTEN


@dataclass(frozen=True)
class ChangeSet:
    """All changes that writing an app to `folder` makes; with conflicts, nothing is written."""

    folder: Path
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...] = ()

    @property
    def is_new(self) -> bool:
        """True if the folder does not exist yet."""
        return not os.path.lexists(self.folder)

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that write a file."""
        return tuple(change for change in self.changes if change.writes)

    def conflict(self) -> ConflictError | None:
        """Return an error with all conflicts, None if there are none."""
        return ConflictError(self.folder, self.conflicts) if self.conflicts else None

    def apply(self) -> None:
        """Write the files; raise ConflictError or DiskFullError.

        An interruption leaves each file either unchanged or complete; applying the changes again finishes.
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
    """Return the changes that writing these files, by their paths in the folder, makes.

    Symbolic links, folders instead of files and files instead of folders are always conflicts. With ABORT,
    so are files that differ, and other files in a folder that lacks some of these, except for `own`.
    """
    blocked = obstacles(folder, (*files, *own))
    if blocked:
        unknown = tuple(Change(path, Verdict.CONFLICT, files[path], path) for path in sorted(files))
        return ChangeSet(folder, unknown, blocked)
    changes = tuple(_change(folder, path, files[path], on_conflict) for path in sorted(files))
    conflicts = tuple(
        Conflict(folder / change.path, "differs from the file to be written")
        for change in changes
        if change.verdict is Verdict.CONFLICT
    )
    if on_conflict is OnConflict.ABORT and any(change.writes for change in changes):
        conflicts += _foreign_files(folder, (*files, *own))
    return ChangeSet(folder, changes, conflicts)


def obstacles(folder: Path, paths: Iterable[PurePosixPath]) -> tuple[Conflict, ...]:
    """Return a conflict for each of the paths at which no file can be written."""
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
    """Return whether folder exists and is not an empty folder."""
    if folder.is_symlink() or not folder.is_dir():
        return os.path.lexists(folder)
    return any(folder.iterdir())


def change_beside(folder: Path, path: PurePosixPath, content: FileContent) -> Change:
    """Return the change that writes content next to the file at path, as NAME.new, NAME.new.2 and so on.

    If one of these has the content already, nothing is written.
    """
    target = path.with_name(f"{path.name}.new")
    number = 1
    while os.path.lexists(folder / target):
        if _has_content(folder / target, content):
            return Change(path, Verdict.SKIP, content, target)
        number += 1
        target = path.with_name(f"{path.name}.new.{number}")
    return Change(path, Verdict.BESIDE, content, target)


def _change(folder: Path, path: PurePosixPath, content: FileContent, on_conflict: OnConflict) -> Change:
    if not os.path.lexists(folder / path):
        return Change(path, Verdict.CREATE, content, path)
    if _has_content(folder / path, content):
        return Change(path, Verdict.UNCHANGED, content, path)
    if on_conflict is OnConflict.NEW:
        return change_beside(folder, path, content)
    return Change(path, _VERDICTS[on_conflict], content, path)


def _has_content(file: Path, content: FileContent) -> bool:
    return not file.is_symlink() and file.is_file() and file.read_bytes() == content.data


def _obstacle(place: Path, *, is_file: bool) -> str | None:
    try:
        mode = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(mode):
        return "is a symbolic link"
    if is_file and not stat.S_ISREG(mode):
        return "is a folder" if stat.S_ISDIR(mode) else "is not a regular file"
    return None if is_file or stat.S_ISDIR(mode) else "is not a folder"


def _foreign_files(folder: Path, files: Iterable[PurePosixPath]) -> tuple[Conflict, ...]:
    """Return a conflict for other files in an existing folder, except those that an interruption left."""
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
    return (Conflict(folder, f"contains other files: {', '.join([*names[:_FEW], *more])}"),)


def _stage(change: Change, stage: Path, folder: Path) -> None:
    """Write a file to the stage, with the permissions of an existing file if there is one."""
    staged = stage / change.target
    staged.parent.mkdir(parents=True, exist_ok=True)
    staged.write_bytes(change.content.data)
    if (folder / change.target).exists():
        shutil.copymode(folder / change.target, staged)
    mode = staged.stat().st_mode
    if change.content.executable:
        # Grant execution to everybody with read permission, as umask has limited that already.
        staged.chmod(mode | (mode & 0o444) >> 2)
