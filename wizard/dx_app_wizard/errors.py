"""Errors that users can fix, as exceptions that carry data; cli.py turns them into text and exit code.

UserError
├── AnswersError                missing and invalid answers, all of them at once
├── CommandLineError            an unknown flag, or a flag without its value
├── ConflictError               existing files in the way of a new app
│   ├── UpdateBlockedError      files that cannot be updated
│   └── MergeConflictsError     conflicts after an update
├── SpecFileError               a JSON file cannot be read (path, line, column)
│   └── RecordError             the record of an app's origin is missing or cannot be read
├── NotWritableError            the system refuses to write a file
├── DiskFullError               no space left on a disk
├── NoHomeError                 the user has no home folder
├── NoCacheError                no folder for files that can be made again
├── InterruptedByUserError      Ctrl-C, or another signal
├── NothingToResumeError        no saved interview
├── NoTerminalError             no terminal to resume an interview at
└── UnexpectedError             an internal error

Other rooms derive their own errors, such as FindingsError in lint/findings.py.
"""

from __future__ import annotations

import errno
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class UserError(Exception):
    """An error that the user can fix: `message` and `hint` are for people, `code` is stable."""

    code: ClassVar[str] = "user-error"

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def with_hint(message: str, hint: str | None) -> str:
    """Return a message and its hint, if any, as sentences on one line."""
    if not hint:
        return message
    return f"{message} {hint}" if message.endswith("?") else f"{message}. {hint}"


@dataclass(frozen=True)
class Place:
    """The place of an answer: a file, an environment variable, or else the command line."""

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
    """One missing or invalid answer, by the question's key and flag.

    `code` is stable: `missing-answer`, `needs-network`, `unknown-key`, `contradiction`, `invalid-answer`, or
    the ID of a lint rule.
    """

    key: str
    flag: str
    message: str
    hint: str | None = None
    code: str = "invalid-answer"
    place: Place = Place()

    @property
    def sentence(self) -> str:
        """The message and the hint."""
        return with_hint(self.message, self.hint)


class AnswersError(UserError):
    """Answers are missing or invalid; `problems` has all of them, in the order of the questions."""

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
    """A path at which no file can be written, and the reason."""

    path: Path
    reason: str


class ConflictError(UserError):
    """Existing files at or in the target `path` are in the way; nothing was written."""

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
    problem = "{path} cannot be updated; nothing was written"
    usual_hint = (
        "Move these files away, or resolve the conflicts of an earlier merge, then run the command again."
    )


class MergeConflictsError(ConflictError):
    """The app at `path` was updated, and some files have conflict markers around lines of both sides."""

    code = "merge-conflicts"
    problem = "{path} was updated, but you and the template changed the same lines"
    usual_hint = "Between <<<<<<< yours and >>>>>>> template, keep the right lines, and remove the markers."


class SpecFileError(UserError):
    """A JSON file cannot be read; `line` and `column` count from 1, and are None if they are unknown.

    The message is a predicate that follows the name of the file, such as `cannot be read`.
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
        """The position in the form that editors understand: `file:line:column`."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


class RecordError(SpecFileError):
    """The record of an app's origin is missing or cannot be read."""

    code = "invalid-record"

    usual_hint = "Restore it from version control. The app works without it, but cannot be updated."

    def __init__(self, error: SpecFileError, hint: str = usual_hint) -> None:
        super().__init__(error.path, error.message, error.line, error.column, hint=hint)


class CommandLineError(UserError):
    """The command line has an unknown flag, or a flag without its value."""

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
    """No space is left on the disk of `folder`; nothing was written."""

    code = "disk-full"

    def __init__(self, folder: Path, *, has_choice: bool) -> None:
        alternative = ", or choose a folder on another disk with --output-dir" if has_choice else ""
        super().__init__(
            f"no space is left on the disk of {folder}",
            f"Free some space{alternative}. Then run the same command again.",
        )
        self.folder = folder


def is_full_disk(error: OSError) -> bool:
    """Return whether an error means that no space is left, or that a quota is exhausted."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class NoHomeError(UserError, OSError):
    """The user has no home folder: HOME is not set, and the system has no entry for the user.

    This happens in containers. `variable` is the XDG variable that would do instead of HOME.
    """

    code = "no-home"

    def __init__(self, variable: str) -> None:
        super().__init__(
            "this user has no home folder to keep files in", f"Set HOME, or {variable}, to a folder."
        )


class NoCacheError(UserError, OSError):
    """No folder can keep programs and files that can be made again; `problem` is that of the user's own."""

    code = "no-cache"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"no folder for the cache can be used: {problem}, and no private one can be made in TMPDIR",
            "Set XDG_CACHE_HOME to a folder of yours in which programs can be started.",
        )


class InterruptedByUserError(UserError):
    """The user pressed Ctrl-C, or the signal `signal_number` arrived."""

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
    """There is no interview to resume: the saved answers at `path` are missing or cannot be read."""

    code = "nothing-to-resume"

    def __init__(self, path: Path) -> None:
        message = f"no interview can be resumed: there are no saved answers at {path}"
        super().__init__(message, "Start a new interview: dx-app-wizard")
        self.path = path


class NoTerminalError(UserError):
    """An interview cannot be resumed because there is no terminal."""

    code = "nobody-to-ask"

    def __init__(self) -> None:
        super().__init__(
            "--resume needs a terminal, because it continues an interview",
            "Run it at a terminal, without --no-input, --json or CI=true,"
            " or run the command that was printed when the interview ended.",
        )


class UnexpectedError(UserError):
    """An unexpected exception; its traceback is in the file `crash_log`."""

    code = "unexpected"

    def __init__(self, error: Exception, crash_log: Path | None) -> None:
        super().__init__(
            f"unexpected {type(error).__name__}: {error}; this is a bug in dx-app-wizard",
            f"Please report it, with the crash log {crash_log}" if crash_log else "Please report it.",
        )
        self.crash_log = crash_log
