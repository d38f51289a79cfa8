"""The rows of one GTable, in an SQLite file of its own: unordered parts while it is open, then ordered rows.

A row's ID is its position, from 0. The time to read a range of rows depends on the size of the range, not on
that of the table.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.store import LONGEST_WAIT, Journal
from dx_local.platform.gtables.columns import ROW_ID
from dx_local.platform.gtables.indices import GenomicIndex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dx_local.platform.gtables.columns import Column
    from dx_local.platform.gtables.indices import Index, RowCondition

_SQL_TYPES = {"string": "TEXT", "float": "REAL", "double": "REAL"}


class RowsAreClosedError(Exception):
    """The rows of a table are being sorted, or already are; none can be added."""


class TableFile:
    """The file of a table with these columns and indices; it is created on first use."""

    def __init__(
        self,
        path: Path,
        columns: tuple[Column, ...] = (),
        indices: tuple[Index, ...] = (),
        journal: Journal = Journal(),  # noqa: B008  (it cannot be changed)
    ) -> None:
        self._path = path
        self._journal = journal
        self.columns = columns
        self.indices = indices

    def next_part(self) -> int:
        """Return a part number that has been neither returned nor used before. Raises RowsAreClosedError."""
        with self._adding() as database:
            row = database.execute(
                "UPDATE counter SET part = MAX(part, (SELECT IFNULL(MAX(number), 0) FROM part)) + 1"
                " RETURNING part"
            ).fetchone()
            return int(row[0])

    def put_part(self, number: int, rows: Sequence[Sequence[Any]]) -> None:
        """Store rows as a part, and replace its earlier rows. Raises RowsAreClosedError."""
        marks = ", ".join("?" * (len(self.columns) + 2))
        with self._adding() as database:
            database.execute("DELETE FROM incoming WHERE part = ?", (number,))
            database.execute("INSERT OR REPLACE INTO part VALUES (?, ?)", (number, len(rows)))
            database.executemany(
                f"INSERT INTO incoming VALUES ({marks})",
                ((number, position, *row) for position, row in enumerate(rows)),
            )

    def parts(self) -> dict[int, int]:
        """Return the number of rows of each part."""
        with self._transaction() as database:
            return dict(database.execute("SELECT number, length FROM part ORDER BY number").fetchall())

    def is_finished(self) -> bool:
        """Return whether the rows are sorted."""
        with self._transaction() as database:
            return _has(database, "row")

    def finish(self) -> None:
        """Sort all rows: by the first index, or else by part. Raises RowsAreClosedError."""
        with self._adding() as database:
            names = ", ".join(self._names())
            order = ", ".join(column.order for index in self.indices[:1] for column in index.columns)
            by = f"{order}, part, position" if order else "part, position"
            database.execute(f"CREATE TABLE row (id INTEGER PRIMARY KEY, {self._definitions()})")
            database.execute(f"INSERT INTO row ({names}) SELECT {names} FROM incoming ORDER BY {by}")
            database.execute("DROP TABLE incoming")
            for number, index in enumerate(self.indices):
                indexed = ", ".join(column.order for column in index.columns)
                database.execute(f"CREATE INDEX by{number} ON row ({indexed})")
                if isinstance(index, GenomicIndex):
                    chrom, low, high = (column.sql for column in index.columns)
                    database.execute(
                        f"CREATE TABLE longest{number} AS SELECT {chrom} AS chromosome,"
                        f" MAX({high} - {low}) AS length FROM row GROUP BY {chrom}"
                    )

    def length(self) -> int:
        """Return the number of rows of a finished table."""
        with self._transaction() as database:
            return int(database.execute("SELECT IFNULL(MAX(id), 0) FROM row").fetchone()[0])

    def rows(
        self, columns: Sequence[str], *, starting: int, limit: int, condition: RowCondition | None
    ) -> tuple[list[list[Any]], int | None]:
        """Return up to `limit` rows from the ID `starting`, and the ID at which to continue, or None."""
        chosen = ["id - 1", *(self._source(name) for name in columns)]
        where, values = (condition.sql, condition.values) if condition else ("1", ())
        with self._transaction() as database:
            found = database.execute(
                f"SELECT {', '.join(chosen)} FROM row WHERE id > ? AND {where} ORDER BY id LIMIT ?",
                (starting, *values, limit + 1),
            ).fetchall()
        following = found[limit - 1][0] + 1 if len(found) > limit else None
        rows = [list(row[1:]) for row in found[:limit]]
        for position in self._booleans(columns):
            for row in rows:
                row[position] = bool(row[position])
        return rows, following

    def longest(self, index: Index, chromosome: Any) -> int:
        """Return the length of the longest interval of a genomic index on a chromosome, or 0 if none."""
        number = self.indices.index(index)
        with self._transaction() as database:
            row = database.execute(
                f"SELECT length FROM longest{number} WHERE chromosome = ?", (chromosome,)
            ).fetchone()
        return max(0, row[0]) if row else 0

    def size(self) -> int:
        """Return the size of the table on disk, in bytes."""
        return self._path.stat().st_size if self._path.exists() else 0

    def remove(self) -> None:
        """Remove the file and the auxiliary files of SQLite."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def _adding(self) -> Iterator[sqlite3.Connection]:
        with self._transaction(writing=True) as database:
            if _has(database, "row"):
                raise RowsAreClosedError
            yield database

    @contextmanager
    def _transaction(self, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(exist_ok=True)
        database = self._journal.connect(
            self._path,
            is_shared=True,
            timeout=LONGEST_WAIT,
            isolation_level=None,
        )
        try:
            # With WAL, readers need not wait for a table that is being sorted.
            self._journal.set_up(database)
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA busy_timeout = 0")
            try:
                database.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                # Only the thread that sorts the rows holds a write lock beyond one call.
                raise RowsAreClosedError from error
            database.execute(f"PRAGMA busy_timeout = {LONGEST_WAIT * 1000:.0f}")
            # The file may be empty if its first transaction was killed or the disk was full.
            if not _has(database, "counter"):
                self._create(database)
            yield database
            database.execute("COMMIT")
        finally:
            database.close()

    def _create(self, database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE counter (part INTEGER NOT NULL)")
        database.execute("INSERT INTO counter VALUES (0)")
        database.execute("CREATE TABLE part (number INTEGER PRIMARY KEY, length INTEGER NOT NULL)")
        database.execute(
            f"CREATE TABLE incoming (part INTEGER NOT NULL, position INTEGER NOT NULL, {self._definitions()},"
            " PRIMARY KEY (part, position)) WITHOUT ROWID"
        )

    def _names(self) -> list[str]:
        return [f"c{position}" for position in range(len(self.columns))]

    def _definitions(self) -> str:
        types = (_SQL_TYPES.get(column.type, "INTEGER") for column in self.columns)
        return ", ".join(f"{name} {kind} NOT NULL" for name, kind in zip(self._names(), types, strict=True))

    def _source(self, name: str) -> str:
        return "id - 1" if name == ROW_ID else f"c{self._place(name)}"

    def _place(self, name: str) -> int:
        return next(position for position, column in enumerate(self.columns) if column.name == name)

    def _booleans(self, names: Sequence[str]) -> list[int]:
        """Return the positions of the names whose columns are booleans, which are stored as integers."""
        booleans = {column.name for column in self.columns if column.type == "boolean"}
        return [position for position, name in enumerate(names) if name in booleans]


def _has(database: sqlite3.Connection, table: str) -> bool:
    found = database.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None
