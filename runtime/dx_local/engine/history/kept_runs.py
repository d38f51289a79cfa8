"""The kept runs of an app: the folders in test-job-workspaces that dx-local created and named by their time.

Reading a run changes nothing in it, and does not disturb a run in progress.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dx_local.engine.job_labels import job_path, with_job_paths
from dx_local.engine.run_folder import INTERRUPTED, RUNNING, WORKSPACES, is_in_use, reading
from dx_local.errors import UsageError
from dx_local.platform.core.context import STORE_NAME
from dx_local.platform.core.states import FINAL, State
from dx_local.platform.core.store import UnknownSchema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.store import Store

_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)(?:-(\d+))?", re.ASCII)
_TIME = "%Y-%m-%dT%H-%M-%S"
_POSITION = re.compile(r"-([1-9]\d*)", re.ASCII)
_BLOCK = 512  # bytes, the unit of st_blocks on every system
_NOT_BEGUN = "it has not begun"
_FINAL = frozenset(state.value for state in FINAL)

LAST = "last"
"""The name of the latest run."""

UNREADABLE = "unreadable"
"""The state of a run that another version of dx-local kept, or whose database is damaged."""


class UnreadableRunError(UsageError):
    """A run whose jobs cannot be read."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"run {name} cannot be read: {reason}", "Its files are still in its folder.")
        self.reason = reason


@dataclass(frozen=True)
class Failure:
    """The cause of a failed run: the path of the first job that failed, its reason and message.

    `explanation` is the message for people, with the paths of jobs in place of their IDs.
    """

    job_path: str
    reason: str
    message: str
    explanation: str

    def to_json(self) -> JSON:
        """Return the cause for programs."""
        return {"path": self.job_path, "reason": self.reason, "message": self.message}


@dataclass(frozen=True)
class RunSummary:
    """The state, jobs and size of a run.

    `started` is in ms since the epoch. `repeats` is the path of the job that a rerun has run again. `problem`
    explains a run that is unreadable, of which only the size is known.
    """

    state: str
    jobs: int
    done: int
    size: int
    started: int | None = None
    seconds: float | None = None
    failure: Failure | None = None
    repeats: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class KeptRun:
    """The folder of an earlier run, or of one in progress, and the local time at which it began."""

    folder: Path
    began: datetime

    @property
    def name(self) -> str:
        """The name of the folder: the local time at which the run began."""
        return self.folder.name

    def is_in_use(self) -> bool:
        """Return whether the run is in progress."""
        return is_in_use(self.folder)

    @contextmanager
    def opened(self) -> Iterator[Platform]:
        """Open the platform of the run for reading. Raises UnreadableRunError."""
        try:
            with reading(self.folder) as platform:
                yield platform
        except UnknownSchema as error:
            reason = _NOT_BEGUN if error.is_empty else "another version of dx-local made it"
            raise UnreadableRunError(self.name, reason) from None
        except sqlite3.Error as error:
            raise UnreadableRunError(self.name, str(error)) from None

    def is_whole(self, function: str | None = None) -> bool:
        """Return whether the run has jobs, and is not one job of an earlier run, run again.

        With a function, only a run that began at this entry point counts. Raises UnreadableRunError, unless
        the process was killed before the run had begun.
        """
        try:
            with self.opened() as platform:
                return platform.store.exists(
                    "SELECT 1 FROM (SELECT requested, function FROM job ORDER BY sequence LIMIT 1) AS root"
                    " WHERE json_extract(root.requested, '$.repeats') IS NULL"
                    " AND root.function = coalesce(?, root.function)",
                    function,
                )
        except UnreadableRunError as error:
            if error.reason == _NOT_BEGUN:
                return False
            raise

    def summary(self) -> RunSummary:
        """Return the state, jobs and size of the run; an unreadable one is described, not an error."""
        size = _size_on_disk(self.folder)
        is_busy = self.is_in_use()
        try:
            with self.opened() as platform:
                return _summary(platform.store, is_busy=is_busy, size=size)
        except UnreadableRunError as error:
            state = RUNNING if is_busy else UNREADABLE
            return RunSummary(state=state, jobs=0, done=0, size=size, problem=error.reason)


def kept_runs(app: Path) -> list[KeptRun]:
    """Return the kept runs of an app, the oldest first.

    Folders without a database, or with another name than dx-local gives, are not kept runs. Raises UsageError
    if the app's folder is missing.
    """
    if not app.is_dir():
        raise UsageError(f"there is no folder {str(app)!r}", "Pass the folder that holds dxapp.json.")
    parent = app / WORKSPACES
    folders = parent.iterdir() if parent.is_dir() else ()
    found = ((name, folder) for folder in folders if (name := _parsed(folder.name)) and _is_run(folder))
    return [KeptRun(folder, began) for (began, _), folder in sorted(found)]


def choose_run(app: Path, wanted: str = LAST) -> KeptRun:
    """Return the run of an app that a user names: `last`, `-2`, or the beginning of its folder's name.

    Raises UsageError if there is no such run, or more than one.
    """
    runs = kept_runs(app)
    if not runs:
        raise UsageError(f"{str(app)!r} has no kept runs", "Start one with `dx-local run`.")
    position = 1 if wanted == LAST else int(match[1]) if (match := _POSITION.fullmatch(wanted)) else None
    if position is None:
        found = [run for run in runs if run.name == wanted] or [
            run for run in runs if run.name.startswith(wanted)
        ]
    else:
        found = runs[-position:][:1] if position <= len(runs) else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(run.name for run in found)
        raise UsageError(f"more than one run begins with {wanted!r}: {names}")
    raise UsageError(f"there is no run {wanted!r}", "`dx-local runs` lists the kept runs.")


def choose_whole_run(app: Path, wanted: str = LAST, function: str | None = None) -> KeptRun | None:
    """Return the run of an app that a user names.

    `last` is the latest one with jobs that is not a rerun, and that began at the entry point, if one is
    given; None if there is none. Raises UsageError if there is no run of any other name, or more than one,
    and UnreadableRunError.
    """
    if wanted != LAST:
        return choose_run(app, wanted)
    return next((run for run in reversed(kept_runs(app)) if run.is_whole(function)), None)


def choose_run_to_repeat(app: Path, wanted: str = LAST) -> KeptRun:
    """Return the run whose jobs a user runs again: `choose_whole_run`'s, else `choose_run`'s."""
    return choose_whole_run(app, wanted) or choose_run(app, wanted)


def _parsed(name: str) -> tuple[datetime, int] | None:
    """Return the time and number in a folder name that dx-local gives, or None for any other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], _TIME).astimezone(), int(match[2] or 1)
    except ValueError:  # such as the 30th of February
        return None


def _is_run(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and (folder / STORE_NAME).is_file()


def _summary(store: Store, *, is_busy: bool, size: int) -> RunSummary:
    first = store.value("SELECT id FROM job ORDER BY sequence LIMIT 1")
    root = store.get("job", first, without="output") if first else None
    if root is None:
        return RunSummary(state=RUNNING if is_busy else INTERRUPTED, jobs=0, done=0, size=size)
    is_final = root["state"] in _FINAL
    state = root["state"] if is_final else RUNNING if is_busy else INTERRUPTED
    # A run that was killed has no end; the last change of a job is the nearest time.
    last_change = store.value("SELECT MAX(modified) FROM job")
    end = root["stopped"] or (time.time_ns() // 1_000_000 if state == RUNNING else last_change)
    return RunSummary(
        state=state,
        jobs=store.value("SELECT COUNT(*) FROM job"),
        done=store.value("SELECT COUNT(*) FROM job WHERE state = ?", State.DONE.value),
        size=size,
        started=root["created"],
        seconds=(end - root["created"]) / 1000,
        failure=_failure(store, root["id"]) if state == State.FAILED.value else None,
        repeats=root["requested"].get("repeats", {}).get("path"),
    )


def _failure(store: Store, root_id: str) -> Failure | None:
    root = store.get("job", root_id)
    if root is None:
        return None
    cause = (store.get("job", root["failure_from"]["id"]) if root["failure_from"] else None) or root
    message = cause["failure_message"] or ""
    return Failure(
        job_path=job_path(store, cause),
        reason=cause["failure_reason"] or "",
        message=message,
        explanation=with_job_paths(store, message),
    )


def _size_on_disk(folder: Path) -> int:
    """Return the bytes that a folder occupies; hard links count once, targets of symbolic links never."""
    blocks: dict[tuple[int, int], int] = {}
    folders = [os.fspath(folder)]
    while folders:
        # A run in progress removes files; the path of a very deep one is too long.
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    blocks[status.st_dev, status.st_ino] = status.st_blocks
    return sum(blocks.values()) * _BLOCK
