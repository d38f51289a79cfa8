"""`--update`: render an app anew from its record, and merge what changed into what the user made of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.commands.rerender import rerender
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
    """An app that was updated, or would be with `dry_run`: its origin before and now, and each file."""

    changes: ChangeSet
    former: Origin
    origin: Origin
    dry_run: bool

    @property
    def available(self) -> bool:
        """Whether any file of the app changes, the record aside."""
        return any(change.path != RECORD_PATH for change in self.changes.writes)

    @property
    def conflicted(self) -> tuple[Change, ...]:
        """The files in which both sides changed the same lines."""
        return tuple(change for change in self.changes.changes if change.verdict is Verdict.MERGE_CONFLICT)

    @property
    def error(self) -> UserError | None:
        """What is left for the user to do."""
        if self.dry_run or not self.conflicted:
            return None
        folder = self.changes.folder
        files = (folder / change.path for change in self.conflicted)
        return MergeConflictsError(folder, tuple(Conflict(file, "holds conflict markers") for file in files))

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints of it."""
        update = {
            "path": str(self.changes.folder),
            "dry_run": self.dry_run,
            "available": self.available,
            "from": _origin_json(self.former),
            "to": _origin_json(self.origin),
            "changes": changes_json(self.changes, with_text=self.dry_run),
            "conflicts": [change.path.as_posix() for change in self.conflicted],
        }
        return {"update": update}

    def output(self) -> str:
        """Return what is data: what happens to each file that is not just as it was."""
        return "\n".join(verdict_lines(self.changes))

    def summary(self) -> str:
        """Return what people are told beside it."""
        folder = self.changes.folder
        if not self.available:
            return f"Nothing to do: {folder} is up to date."
        count = sum(change.path != RECORD_PATH for change in self.changes.writes)
        files = f"{count} file" + ("" if count == 1 else "s")
        if self.dry_run:
            told = [
                *differences(self.changes),
                f"An update changes {files} of {folder}. Nothing was written.",
            ]
            return "\n".join(told)
        quoted = shlex.quote(str(folder))
        program = own_commands.dx_local()
        return f"Updated {files} of {folder}.\n\nNext:\n  {program} lint {quoted}\n  {program} run {quoted}"


def update(folder: Path, options: Options, flags: dict[str, Any]) -> UpdatedApp:
    """Bring the app in folder to what its template and its answers give today; flags and files are new ones.

    Files that the user deleted stay deleted, and what only the user changed stays as it is. Raises
    RecordError, AnswersError, and UpdateBlockedError where a file cannot be merged.
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
    # The user named the link; what lies behind it is the app.
    folder = folder.resolve() if folder.is_symlink() else folder
    record = _record(folder)
    origin, files = rerender(folder, record.origin, options, flags)
    _check(folder, record, files)
    merged = ChangeSet(folder, tuple(merge(folder, record, files, _labels(record.origin, origin))))
    changes = with_record(merged, Record(origin, _base(merged, files, record)), record)
    if not options.dry_run:
        changes.apply()
    return UpdatedApp(changes, record.origin, origin, options.dry_run)


def _record(folder: Path) -> Record:
    record = read_record(folder)
    if record is None:
        if not folder.is_dir():
            hint = "Give the folder of an app that dx-app-wizard wrote."
            raise RecordError(SpecFileError(folder, "does not exist, or is no folder"), hint)
        message = "does not exist; --update needs this record of how the app was written"
        raise RecordError(SpecFileError(folder / RECORD_PATH, message))
    return record


def _check(folder: Path, record: Record, files: Mapping[PurePosixPath, FileContent]) -> None:
    """Raise UpdateBlockedError with all that can be no file, and all that an earlier merge left."""
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
    """Return what the files stem from after the update; where they never stemmed from the template, None."""
    base: dict[PurePosixPath, Base] = {}
    for change in changes.changes:
        if change.verdict is not Verdict.OBSOLETE:
            in_the_way = change.verdict in (Verdict.SKIP, Verdict.BESIDE)
            foreign = in_the_way and record.base.get(change.path) is None
            base[change.path] = None if foreign else base_of(files[change.path])
    return base


def _labels(former: Origin, origin: Origin) -> Labels:
    return Labels("yours", f"{_template_name(former)}, before", _template_name(origin))


def _template_name(origin: Origin) -> str:
    return f"template {origin.tool_version if origin.template.source == BUILT_IN else origin.template.source}"


def _origin_json(origin: Origin) -> dict[str, str]:
    return {
        "version": origin.tool_version,
        "template": origin.template.source,
        "hash": origin.template.hash,
    }


def _check_flags(**refused: Any) -> None:
    """Raise CommandLineError where a flag is given that says nothing together with --update."""
    given = [flag for flag, value in refused.items() if value]
    if given:
        names = ", ".join(f"--{flag.replace('_', '-')}" for flag in given)
        raise CommandLineError(f"--update and {names} do not go together.")
