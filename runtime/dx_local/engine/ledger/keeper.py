"""The thread that keeps the ledger of a run, and brings what jobs have made to the disk once a second.

New outputs are synced and their digests recorded, then the database is checkpointed. So a power cut loses at
most the jobs of the last two seconds. The digests of the user's inputs, whose bytes are safe, are computed
in the time that is left.
"""

from __future__ import annotations

import math
import os
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from dx_local.engine.ledger import ledger
from dx_local.engine.ledger.disk_sync import sync, sync_file_system
from dx_local.platform.core import large_values
from dx_local.platform.core.context import STORE_NAME
from dx_local.platform.core.ids import class_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.ledger.ledger import Content

_PERIOD = 1.0  # seconds
_PATIENCE = 0.2  # seconds of a period in which inputs are read
_LARGE = 256 << 20  # bytes of an output after which the ledger is written at once
_LAST_BYTES = _LARGE  # read at most so much when the run ends, in a quarter of a second
_LONGEST_END = 2.0  # seconds
_TRIES = 3
_LAST_PATIENCE = 0.03  # seconds at the end in which inputs are read


class _Input(NamedTuple):
    """A user's file: its ID, size, and time of change (ns)."""

    file_id: str
    size: int
    changed: int


class LedgerKeeper:
    """Keeps the ledger in the folder of a run; `trees` has the folders on which all jobs depend, by name.

    Errors, such as a full disk, leave the ledger incomplete: then jobs run again that could be taken over.
    """

    def __init__(self, folder: Path, trees: dict[str, Path]) -> None:
        self._folder = folder
        self._trees = trees
        self._described: dict[str, ledger.Tree] = {}  # as long as digests are missing
        self._lines: deque[str] = deque([ledger.line_of_run()])
        self._outputs: deque[tuple[str, int]] = deque()
        self._inputs: deque[_Input] = deque()
        self._reading: tuple[_Input, Iterator[Content | None]] | None = None
        self._contents: dict[str, Content] = {}
        self._pythons: dict[str, str] = {}
        self._last_change: tuple[int, int] | None = None
        self._seen_values: set[Path] = set()
        self._writing = threading.Lock()
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="ledger", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def on_output(self, object_id: str) -> None:
        """Record a file or table that is complete; other objects have no bytes."""
        if class_of(object_id) in ("file", "gtable"):
            self._outputs.append((object_id, _TRIES))

    def on_input(self, file_id: str, size: int, changed: int) -> None:
        """Record a link to a file of the user, whose bytes need not be synced.

        If the file has another size or time of change (ns) by then, its bytes are not those that jobs got.
        """
        self._inputs.append(_Input(file_id, size, changed))

    def note(self, object_id: str, content: Content) -> None:
        """Record an object whose content is known already, as it was taken over from an earlier run."""
        self._contents[object_id] = content
        self._lines.append(ledger.line_of_content(object_id, content))

    def note_python(self, release: str, version: str) -> None:
        """Record the Python of jobs of a release at once: a job that starts next may end in no time."""
        if self._pythons.get(release) != version:
            self._pythons[release] = version
            self._lines.append(ledger.line_of_python(release, version))
            self._write_lines(syncs=False)

    def content(self, object_id: str) -> Content | None:
        """Return the content of an object if it is known by now."""
        return self._contents.get(object_id)

    def end(self) -> None:
        """Tell the thread to record the last outputs and to end; the owner of the database closes that."""
        self._is_ending.set()

    def join(self) -> None:
        """Wait until the thread has ended, though not long for a slow disk.

        Jobs whose outputs are not recorded then run again if the machine is started before they are resumed.
        """
        if self._thread.is_alive():
            self._thread.join(_LONGEST_END)

    def _keep(self) -> None:
        for name, path in self._trees.items():
            with suppress(OSError):
                self._described[name] = ledger.tree_of(path)
                self._lines.append(ledger.line_of_tree(name, self._described[name]))
        self._write_lines(syncs=False)  # with the first outputs
        while not self._is_ending.wait(_PERIOD):
            self._record_outputs()
            with suppress(OSError, sqlite3.Error):
                self._checkpoint()
            self._record_trees()
            self._record_inputs(time.monotonic() + _PATIENCE)
        self._record_outputs(_LAST_BYTES)
        self._record_inputs(time.monotonic() + _LAST_PATIENCE)

    def _record_outputs(self, most: float = math.inf) -> None:
        """Sync new outputs and record their content, small ones first, up to a number of bytes in all."""
        found = sorted(self._taken_outputs())
        if not found and self._is_ending.is_set():
            self._write_lines()
            return
        with suppress(OSError):
            paths = [path for _, object_id, _ in found for path in paths_of(self._folder, object_id)]
            sync([*paths, *self._new_values(), *self._folders()], self._folder)
            self._read_outputs(found, most)
        self._write_lines()

    def _taken_outputs(self) -> Iterator[tuple[int, str, int]]:
        """Take the outputs that wait now; yield the size, the ID, and the number of tries that are left."""
        for _ in range(len(self._outputs)):
            object_id, tries = self._outputs.popleft()
            size = 0
            with suppress(OSError):
                size = sum(path.stat().st_size for path in paths_of(self._folder, object_id))
            if object_id not in self._contents:
                yield size, object_id, tries

    def _read_outputs(self, found: list[tuple[int, str, int]], most: float) -> None:
        """Record the content of outputs that are on the disk."""
        read = 0
        for size, object_id, tries in found:
            read += size
            if read > most:
                return
            try:
                paths = paths_of(self._folder, object_id)
                if paths:
                    self.note(object_id, ledger.content_of(paths))
            except OSError:
                paths = []
            if not paths and tries > 1:  # the parts of a file have just become one
                self._outputs.append((object_id, tries - 1))
            if size > _LARGE:
                self._write_lines()

    def _record_inputs(self, until: float) -> None:
        """Read on in the user's files as long as there is time, and record the content of those that end."""
        while time.monotonic() < until:
            if self._reading is None:
                if not self._inputs:
                    break
                found = self._inputs.popleft()
                self._reading = found, ledger.reading(paths_of(self._folder, found.file_id))
            found, blocks = self._reading
            try:
                content = next(blocks)
                if content is not None and _is_unchanged(found, paths_of(self._folder, found.file_id)):
                    self.note(found.file_id, content)
            except OSError:
                self._reading = None
                continue
            if content is not None:
                self._reading = None
        self._write_lines()

    def _record_trees(self) -> None:
        """Record the digests of files that are still as they were when the run began."""
        while self._described and not self._is_ending.is_set():
            name, tree = self._described.popitem()
            with suppress(OSError):
                tree = ledger.with_digests(self._trees[name], tree)
                self._lines.append(ledger.line_of_tree(name, tree))

    def _write_lines(self, *, syncs: bool = True) -> None:
        """Append the new lines to the ledger, in order; may be called in any thread."""
        if not self._lines:
            return
        with suppress(OSError), (self._folder / ledger.FILE_NAME).open("a", encoding="utf-8") as file:
            with self._writing:
                file.writelines(self._taken_lines())
                file.flush()
            if syncs:
                os.fsync(file.fileno())

    def _taken_lines(self) -> Iterator[str]:
        while self._lines:
            yield self._lines.popleft()

    def _checkpoint(self) -> None:
        """Copy committed transactions from the log into the database; both are synced by SQLite.

        Without a log, sync the file system: closing a file of the database would give up SQLite's locks.
        """
        database = self._folder / STORE_NAME
        log = database.with_name(f"{STORE_NAME}-wal")
        status = (log if (has_log := log.exists()) else database).stat()
        change = (status.st_size, status.st_mtime_ns)
        if change != self._last_change and not has_log:
            sync_file_system(self._folder)
            self._last_change = change
        elif change != self._last_change:
            with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._last_change = change

    def _new_values(self) -> list[Path]:
        """Return the new files of large values, which never change."""
        folder = self._folder / large_values.FOLDER
        if not folder.is_dir():
            return []
        new = [path for path in folder.iterdir() if path not in self._seen_values]
        self._seen_values.update(new)
        return new

    def _folders(self) -> list[Path]:
        """Return the folders whose entries are to be synced."""
        names = ("", "files", "gtables", large_values.FOLDER)
        return [folder for name in names if (folder := self._folder / name).is_dir()]


def paths_of(folder: Path, object_id: str) -> list[Path]:
    """Return the files with the bytes of a file or table of a run, in order; none if they are missing."""
    if object_id.startswith("gtable-"):
        table = folder / "gtables" / f"{object_id}.sqlite"
        return [table] if table.exists() else []
    whole = folder / "files" / object_id
    if whole.exists():
        return [whole]
    parts = folder / "files" / f"{object_id}.parts"
    if not parts.is_dir():
        return []
    return sorted((path for path in parts.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))


def _is_unchanged(found: _Input, paths: list[Path]) -> bool:
    """Return whether a user's file is as it was when it was linked. Raises OSError."""
    return [(each.st_size, each.st_mtime_ns) for each in (path.stat() for path in paths)] == [found[1:]]
