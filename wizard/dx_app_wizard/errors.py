"""What a user can do wrong, as exceptions that carry data; cli.py turns them into text and exit code.

UserError
├── DiskFullError           no space is left where something was to be written
├── AnswersError            answers missing or invalid, all of them at once
├── ConflictError           the target exists already; or an update cannot be merged, or not without conflicts
├── SpecFileError           a JSON file cannot be read (path, line, column)
├── UnknownClassError       no such I/O class (dx_app_wizard.dxapp.classes)
└── ClassValueError         a text is no value of its I/O class (dx_app_wizard.dxapp.classes)
"""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class UserError(Exception):
    """Something that the user can mend: what is wrong, and how to mend it. `code` is stable."""

    code: ClassVar[str] = "user-error"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Place:
    """Where an answer was given: in a file, in an environment variable, or else on the command line."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.variable:
            return f"the environment variable {self.variable}"
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True)
class Problem:
    """One missing or invalid answer: the question's key, the flag that answers it, what is wrong, and where.

    `code` is stable: `missing-answer`, `needs-network`, `unknown-key`, `contradiction`, `invalid-answer`, or
    the lint rule that is broken.
    """

    key: str
    flag: str
    message: str
    hint: str | None = None
    code: str = "invalid-answer"
    place: Place = Place()

    @property
    def sentence(self) -> str:
        """What is wrong, and how to mend it."""
        return f"{self.message}. {self.hint}" if self.hint else self.message


class AnswersError(UserError):
    """Answers are missing or invalid; `problems` holds every one of them, in the order of the questions."""

    code = "invalid-answers"

    def __init__(self, problems: tuple[Problem, ...], hint: str | None = None) -> None:
        count = "1 answer is" if len(problems) == 1 else f"{len(problems)} answers are"
        usual = "dx-app-wizard --help explains every flag."
        if all(problem.place.file for problem in problems):
            usual = "Correct the file, then run the same command again."
        super().__init__(f"{count} missing or invalid", hint or usual)
        self.problems = problems


@dataclass(frozen=True)
class Conflict:
    """One place where nothing can be written, and why."""

    path: Path
    reason: str


class ConflictError(UserError):
    """What exists at or in the target `path` is in the way, as `conflicts` say; nothing was written."""

    code = "conflict"
    problem = "{path} exists already; nothing was written"
    usual_hint = (
        "Choose another name or --output-dir, pass --on-conflict skip, overwrite or new,"
        " or merge with --update DIR."
    )

    def __init__(self, path: Path, conflicts: tuple[Conflict, ...] = ()) -> None:
        super().__init__(self.problem.format(path=path), self.usual_hint)
        self.path = path
        self.conflicts = conflicts


class UpdateBlockedError(ConflictError):
    """Files of the app at `path` cannot be merged as they are; nothing was written."""

    code = "update-blocked"
    problem = "{path} cannot be updated as it is; nothing was written"
    usual_hint = (
        "Move aside what is in the way, resolve what an earlier merge left, then run the same command again."
    )


class MergeConflictsError(ConflictError):
    """The app at `path` was updated; in some files, lines of both sides stand between conflict markers."""

    code = "merge-conflicts"
    problem = "{path} was updated, but you and the template changed the same lines"
    usual_hint = "Between <<<<<<< yours and >>>>>>> template, keep what is right, and remove the markers."


class SpecFileError(UserError):
    """A JSON file cannot be read: `path`, and `line` and `column` (from 1) where the position is known.

    The message is a predicate, to follow the name of the file: `cannot be read`.
    """

    code = "invalid-file"

    def __init__(
        self,
        path: Path,
        message: str,
        line: int | None = None,
        column: int | None = None,
        *,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.path = path
        self.line = line
        self.column = column

    @property
    def location(self) -> str:
        """The place as editors understand it: `file:line:column`."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


class RecordError(SpecFileError):
    """The record of an app's origin cannot be read, or there is none."""

    code = "invalid-record"

    usual_hint = "Restore it from version control. Without it the app works, but cannot be updated."

    def __init__(self, error: SpecFileError, hint: str = usual_hint) -> None:
        super().__init__(error.path, error.message, error.line, error.column, hint=hint)


class CommandLineError(UserError):
    """The command line has a flag that does not exist, or one that lacks its value."""

    code = "usage"

    def __init__(self, message: str) -> None:
        super().__init__(message, "dx-app-wizard --help lists the flags.")


class NotWritableError(UserError):
    """The operating system refused to write the app."""

    code = "not-writable"

    def __init__(self, error: OSError) -> None:
        known = error.strerror and error.filename
        reason = f"{error.strerror}: {error.filename}" if known else str(error)
        super().__init__(f"the app cannot be written: {reason}", "Choose another --output-dir.")


class DiskFullError(UserError):
    """No space is left on the disk of `folder`; what was to be written is not."""

    code = "disk-full"

    def __init__(self, folder: Path, *, has_choice: bool) -> None:
        again = ", or choose a folder on another disk with --output-dir" if has_choice else ""
        super().__init__(
            f"no space is left on the disk of {folder}", f"Free some space{again}. Then run it again."
        )
        self.folder = folder


def is_full_disk(error: OSError) -> bool:
    """Return whether an error means that there is no space left, or that a quota is used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class NoHomeError(UserError, OSError):
    """The user has no home folder: HOME is not set, and the system has no entry for the user.

    This happens in containers. `variable` is the XDG variable that would do instead of HOME.
    """

    code = "no-home"

    def __init__(self, variable: str) -> None:
        super().__init__("there is no home folder to keep files in", f"Set HOME, or {variable}, to a folder.")


class InterruptedByUserError(UserError):
    """The user pressed Ctrl-C, or the signal `signal_number` ended the command."""

    code = "interrupted"

    def __init__(
        self,
        hint: str | None = None,
        signal_number: int = signal.SIGINT,
        message: str = "interrupted; no app was written",
    ) -> None:
        super().__init__(message, hint)
        self.signal_number = signal_number


class NothingToResumeError(UserError):
    """There is no interview to go on with: no answers at `path`, or none that can be read."""

    code = "nothing-to-resume"

    def __init__(self, path: Path) -> None:
        super().__init__(f"there are no saved answers at {path}", "Start anew: dx-app-wizard")
        self.path = path


class NoTerminalError(UserError):
    """An interview is to go on, but there is no terminal with somebody to ask."""

    code = "nobody-to-ask"

    def __init__(self) -> None:
        super().__init__(
            "--resume goes on with an interview, and there is nobody to ask",
            "Use it at a terminal, without --no-input, --json and CI=true;"
            " or take the command that was printed when the interview ended.",
        )


class UnexpectedError(UserError):
    """An exception that nobody foresaw; its traceback stands in the file `crash_log`."""

    code = "unexpected"

    def __init__(self, error: Exception, crash_log: Path | None) -> None:
        super().__init__(
            f"unexpected {type(error).__name__}: {error}; this is a bug of dx-app-wizard",
            f"Please report it, with the crash log {crash_log}" if crash_log else "Please report it.",
        )
        self.crash_log = crash_log
