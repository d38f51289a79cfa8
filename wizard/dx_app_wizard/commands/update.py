"""Update an app: re-render it from its record, and merge the changes into the user's files."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.commands.rerender import rerender
from dx_app_wizard.commands.rescattered_cases import with_own_samples
from dx_app_wizard.console import own_commands
from dx_app_wizard.errors import (
    CommandLineError,
    Conflict,
    InterruptedByUserError,
    MergeConflictsError,
    RecordError,
    SpecFileError,
    UpdateBlockedError,
)
from dx_app_wizard.interview.interruption import RERUN_COMPLETES_IT, interruptible
from dx_app_wizard.rendering.change_report import changes_json, differences, verdict_lines
from dx_app_wizard.rendering.changes import ChangeSet, Verdict, obstacles
from dx_app_wizard.rendering.merge import Labels, changed_paths, marked_lines, merge
from dx_app_wizard.rendering.provenance import (
    BUILT_IN,
    RECORD_PATH,
    Record,
    base_of,
    read_record,
    with_record,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import PurePosixPath

    from dx_app_wizard.commands.create import Options
    from dx_app_wizard.errors import UserError
    from dx_app_wizard.rendering.changes import Change, FileContent
    from dx_app_wizard.rendering.provenance import Base, Origin


@dataclass(frozen=True)
class UpdatedApp:
    """An app that was updated, or would be with `dry_run`: its previous and new origin, and its files."""

    changes: ChangeSet
    previous: Origin
    origin: Origin
    dry_run: bool

    @property
    def available(self) -> bool:
        """True if any file of the app changes, apart from the record."""
        return any(change.path != RECORD_PATH for change in self.changes.writes)

    @property
    def conflicted(self) -> tuple[Change, ...]:
        """The files in which both sides changed the same lines."""
        return tuple(change for change in self.changes.changes if change.verdict is Verdict.MERGE_CONFLICT)

    @property
    def error(self) -> UserError | None:
        """The conflicts that the user has to resolve."""
        if self.dry_run or not self.conflicted:
            return None
        folder = self.changes.folder
        files = (folder / change.path for change in self.conflicted)
        return MergeConflictsError(
            folder, tuple(Conflict(file, "contains conflict markers") for file in files)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the part of the object that `--json` prints."""
        update = {
            "path": str(self.changes.folder),
            "dry_run": self.dry_run,
            "available": self.available,
            "from": _origin_json(self.previous),
            "to": _origin_json(self.origin),
            "changes": changes_json(self.changes, with_text=self.dry_run),
            "conflicts": [change.path.as_posix() for change in self.conflicted],
        }
        return {"update": update}

    def output(self) -> str:
        """Return the text for stdout: the verdict on each file that is not unchanged."""
        return "\n".join(verdict_lines(self.changes))

    def summary(self) -> str:
        """Return the text for stderr."""
        folder = self.changes.folder
        if not self.available:
            return f"Nothing to do: {folder} is up to date."
        count = sum(change.path != RECORD_PATH for change in self.changes.writes)
        files = f"{count} file" + ("" if count == 1 else "s")
        if self.dry_run:
            lines = [
                *differences(self.changes),
                f"An update would change {files} of {folder}. Nothing was written.",
            ]
            return "\n".join(lines)
        quoted = shlex.quote(str(folder))
        program = own_commands.dx_local()
        return f"Updated {files} of {folder}.\n\nNext:\n  {program} lint {quoted}\n  {program} run {quoted}"


def update(folder: Path, options: Options, flags: dict[str, Any]) -> UpdatedApp:
    """Update the app in folder to today's template, with the new answers in flags and files.

    Files that the user deleted stay deleted, and changes that only the user made are kept. Raises
    RecordError, AnswersError, and UpdateBlockedError if a file cannot be merged.
    """
    elsewhere = options.output_dir != Path()
    _check_flags(resume=options.resume, on_conflict=options.on_conflict, output_dir=elsewhere)
    with interruptible() as interruption:
        try:
            return _updated(folder, options, flags)
        except KeyboardInterrupt:
            number = interruption.signal_number
            raise InterruptedByUserError(RERUN_COMPLETES_IT, number, "interrupted") from None


def _updated(folder: Path, options: Options, flags: dict[str, Any]) -> UpdatedApp:
    # A link to the app may be named, although no links inside the app are followed.
    folder = folder.resolve() if folder.is_symlink() else folder
    record = _record(folder)
    origin, files = rerender(folder, record.origin, options, flags)
    _check(folder, record, files)
    merged = ChangeSet(folder, tuple(merge(folder, record, files, _labels(record.origin, origin))))
    merged = with_own_samples(merged, record, origin.answers)
    changes = with_record(merged, Record(origin, _base(merged, files, record)), record)
    if not options.dry_run:
        changes.apply()
    return UpdatedApp(changes, record.origin, origin, options.dry_run)


def _record(folder: Path) -> Record:
    record = read_record(folder)
    if record is None:
        if not folder.is_dir():
            hint = "Name the folder of an app that dx-app-wizard wrote."
            raise RecordError(SpecFileError(folder, "does not exist, or is not a folder"), hint)
        message = "does not exist; --update needs this record of the app's origin"
        raise RecordError(SpecFileError(folder / RECORD_PATH, message))
    return record


def _check(folder: Path, record: Record, files: Mapping[PurePosixPath, FileContent]) -> None:
    """Raise UpdateBlockedError for paths that cannot be written, and for leftover conflict markers."""
    blocked = obstacles(folder, (*changed_paths(record, files), RECORD_PATH))
    marked = tuple(
        Conflict(folder / path, f"has a conflict marker in line {line}")
        for path, line in marked_lines(folder, {*record.base, *files})
    )
    if blocked or marked:
        raise UpdateBlockedError(folder, blocked + marked)


def _base(
    changes: ChangeSet, files: Mapping[PurePosixPath, FileContent], record: Record
) -> dict[PurePosixPath, Base]:
    """Return the bases to record after the update; None for files that never came from the template."""
    base: dict[PurePosixPath, Base] = {}
    for change in changes.changes:
        if change.path in files and change.verdict is not Verdict.OBSOLETE:
            is_kept = change.verdict in (Verdict.SKIP, Verdict.BESIDE)
            foreign = is_kept and record.base.get(change.path) is None
            own = record.base.get(change.path, "") is None
            base[change.path] = None if foreign or own else base_of(files[change.path])
    return base


def _labels(previous: Origin, origin: Origin) -> Labels:
    return Labels("yours", f"{_template_name(previous)}, before", _template_name(origin))


def _template_name(origin: Origin) -> str:
    return f"template {origin.tool_version if origin.template.source == BUILT_IN else origin.template.source}"


def _origin_json(origin: Origin) -> dict[str, str]:
    return {
        "version": origin.tool_version,
        "template": origin.template.source,
        "hash": origin.template.hash,
    }


def _check_flags(**excluded: Any) -> None:
    """Raise CommandLineError for flags that cannot be combined with --update."""
    given = [flag for flag, value in excluded.items() if value]
    if given:
        names = ", ".join(f"--{flag.replace('_', '-')}" for flag in given)
        raise CommandLineError(f"--update cannot be combined with {names}.")
