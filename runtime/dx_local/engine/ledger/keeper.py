"""The thread that keeps the ledger of a run, and brings what jobs have made to the disk once a second.

New outputs are synced and their digests recorded, then the database is checkpointed. So a power cut loses at
most the jobs of the last two seconds. The digests of the user's inputs, whose bytes are safe, are computed
in the time that is left.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from dx_local.engine.ledger import ledger
from dx_local.platform.core import large_values
from dx_local.platform.core.context import STORE_NAME
from dx_local.platform.core.ids import class_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.engine.ledger.ledger import Content

_PERIOD = 1.0  # seconds
_PATIENCE = 0.5  # seconds of a period in which inputs are read
_LAST_BYTES = 256 << 20  # read at most so much when the run ends, in a quarter of a second
_TRIES = 3


class LedgerKeeper:
    """Keeps the ledger in the folder of a run; `trees` has the folders on which all jobs depend, by name.

    Errors, such as a full disk, leave the ledger incomplete: then jobs run again that could be taken over.
    """

    def __init__(self, folder: Path, trees: dict[str, Path]) -> None:
        self._folder = folder
        self._trees = trees
        self._lines: deque[str] = deque([ledger.line_of_run()])
        self._outputs: deque[tuple[str, int]] = deque()
        self._inputs: deque[str] = deque()
        self._contents: dict[str, Content] = {}
        self._pythons: dict[str, str] = {}
        self._last_change: tuple[int, int] | None = None
        self._seen_values: set[str] = set()
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="ledger", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def on_closed(self, object_id: str) -> None:
        """Record a file or table whose bytes are complete; other objects have none."""
        if class_of(object_id) in ("file", "gtable"):
            self._outputs.append((object_id, _TRIES))

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
        """Wait until the thread has ended."""
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        for name, path in self._trees.items():
            with suppress(OSError):
                self._lines.append(ledger.line_of_tree(name, ledger.tree_of(path)))
        self._write_lines(syncs=False)  # with the first outputs
        while not self._is_ending.wait(_PERIOD):
            self._record_outputs()
            with suppress(OSError, sqlite3.Error):
                self._checkpoint()
            self._record_trees()
            self._record_inputs(time.monotonic() + _PATIENCE)
        self._record_outputs(_LAST_BYTES)

    def _record_outputs(self, most: int | None = None) -> None:
        """Sync new outputs and record their content; if `most` bytes are reached, leave out the others."""
        again: list[tuple[str, int]] = []
        read = 0
        while self._outputs:
            object_id, tries = self._outputs.popleft()
            if object_id in self._contents:
                continue
            try:
                read += self._record_output(object_id, None if most is None else most - read)
            except OSError:  # the parts of a file have just become one
                again += [(object_id, tries - 1)] if tries > 1 else []
        self._outputs.extend(again)
        with suppress(OSError):
            self._sync_values()
            for folder in (self._folder / "gtables", self._folder / "files", self._folder):
                if folder.is_dir():
                    _sync(folder)
        self._write_lines()

    def _record_output(self, object_id: str, most: int | None) -> int:
        """Sync an output of at most so many bytes and record its content; return the number of bytes read."""
        paths = paths_of(self._folder, object_id)
        if _is_users_file(paths):
            self._inputs.append(object_id)
            return 0
        size = sum(path.stat().st_size for path in paths)
        if not paths or (most is not None and size > most):
            return 0
        for path in paths:
            _sync(path)
        content = ledger.content_of(paths)
        if content is not None:
            self.note(object_id, content)
        return size

    def _record_inputs(self, until: float) -> None:
        """Record the content of user's files as long as there is time; a large one takes several attempts."""
        while self._inputs and time.monotonic() < until:
            object_id = self._inputs.popleft()
            with suppress(OSError):
                content = ledger.content_of(
                    paths_of(self._folder, object_id), lambda: not self._is_waited_for()
                )
                if content is None:
                    self._inputs.append(object_id)
                    return
                self.note(object_id, content)
        self._write_lines()

    def _is_waited_for(self) -> bool:
        return self._is_ending.is_set() or len(self._outputs) > 0

    def _record_trees(self) -> None:
        while self._trees and not self._is_ending.is_set():
            name, path = self._trees.popitem()
            with suppress(OSError):
                tree = ledger.with_digests(path, ledger.tree_of(path))
                self._lines.append(ledger.line_of_tree(name, tree))

    def _write_lines(self, *, syncs: bool = True) -> None:
        text = "".join(self._taken_lines())
        if not text:
            return
        with suppress(OSError), (self._folder / ledger.FILE_NAME).open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if syncs:
                os.fsync(file.fileno())

    def _taken_lines(self) -> Iterator[str]:
        while self._lines:
            yield self._lines.popleft()

    def _checkpoint(self) -> None:
        """Copy committed transactions from the log into the database; both are synced by SQLite."""
        database = self._folder / STORE_NAME
        status = database.with_name(f"{STORE_NAME}-wal").stat()
        change = (status.st_size, status.st_mtime_ns)
        if change != self._last_change:
            with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._last_change = change

    def _sync_values(self) -> None:
        """Sync the files of large values, which never change."""
        folder = self._folder / large_values.FOLDER
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            if path.name not in self._seen_values and not path.name.startswith("."):
                _sync(path)
                self._seen_values.add(path.name)
        _sync(folder)


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


def _is_users_file(paths: list[Path]) -> bool:
    """Return whether the bytes are a link to a file outside of the run."""
    return len(paths) == 1 and (paths[0].is_symlink() or paths[0].stat().st_nlink > 1)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
