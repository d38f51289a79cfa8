"""The journal that suits the file system of a platform's folder, and its database opened for reading.

On a network file system, the journal is in TRUNCATE mode, since WAL requires memory that all processes share.
Without locks for records (Lustre mounted without `flock`, NFS without its lock service), the process that
owns the folder (`worker.process.locks`) opens the database without any, and readers open a copy.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dx_local.platform.core.context import STORE_NAME
from dx_local.platform.core.store import LONGEST_WAIT, Journal
from dx_local.worker.process import file_systems, locks

if TYPE_CHECKING:
    from collections.abc import Iterator

# From SQLite's file format: the header's counter changes with each transaction in TRUNCATE mode.
_COUNTER = slice(24, 28)
_HEADER_BYTES = 100
_LONGEST_TRANSACTION = 2.0
_PAUSE = 0.002


_warned: set[Place] = set()


class Place(NamedTuple):
    """The type of a folder's file system, None if it is unknown, and the journal of a database in it."""

    file_system: str | None
    journal: Journal

    def first_warning(self, folder: Path) -> str | None:
        """Return a sentence for the user if a platform in the folder is slower here.

        A process prints it once for each type of file system, however many platforms it opens.
        """
        if self in _warned:
            return None
        _warned.add(self)
        return self._warning(folder)

    def _warning(self, folder: Path) -> str | None:
        kind = f"a network file system ({self.file_system})"
        if not self.journal.has_locks:
            kind = kind if file_systems.is_network(self.file_system) else "a file system"
            return (
                f"{str(folder)!r} is on {kind} without file locks: files named *.owner replace them,"
                " and `dx-local runs`, `logs` and `report` read copies of the database."
            )
        if not self.journal.is_wal:
            return (
                f"{str(folder)!r} is on {kind}: the database has no write-ahead log there, so that jobs and"
                " `dx-local logs -f` wait for each other. A local disk is faster."
            )
        return None


def place_of(folder: Path) -> Place:
    """Return the file system of an existing folder and the journal for it."""
    kind = file_systems.type_of(folder)
    has_locks = file_systems.has_record_locks(folder)
    return Place(kind, Journal(is_wal=has_locks and not file_systems.is_network(kind), has_locks=has_locks))


@contextmanager
def readable(folder: Path) -> Iterator[tuple[Path, Journal]]:
    """Yield the path of a platform's database, or of a copy that nobody changes, and how to open it.

    Raises OSError or sqlite3.Error.
    """
    database = folder / STORE_NAME
    if file_systems.has_record_locks(folder):
        yield database, Journal()
        return
    with tempfile.TemporaryDirectory(prefix="dx-local-") as temporary:
        copy = Path(temporary, STORE_NAME)
        _copy(database, copy)
        yield copy, Journal(has_locks=file_systems.has_record_locks(copy.parent))


def _copy(database: Path, copy: Path) -> None:
    """Copy a database between two transactions; after a killed one, with the journal that undoes it.

    Raises sqlite3.OperationalError if one transaction follows the other for long.
    """
    journal, copied_journal = (path.with_name(f"{path.name}-journal") for path in (database, copy))
    began = time.monotonic()
    while True:
        before = _state(database, journal)
        content = database.read_bytes()
        if before is not None and before == _state(database, journal):
            copy.write_bytes(content)
            return
        seconds = time.monotonic() - began
        if seconds > _LONGEST_TRANSACTION and not locks.is_held(database.parent):
            copy.write_bytes(database.read_bytes())
            if journal.exists():
                shutil.copyfile(journal, copied_journal)
            return
        if seconds > LONGEST_WAIT:
            raise sqlite3.OperationalError("its database changes all the time")
        time.sleep(_PAUSE)


def _state(database: Path, journal: Path) -> tuple[bytes, int] | None:
    """Return what differs after each transaction; None during one."""
    if journal.exists() and journal.stat().st_size:
        return None
    with database.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        return header[_COUNTER], os.fstat(file.fileno()).st_size
