"""The store: one SQLite file in WAL mode that holds all that the platform knows.

Times are integers in milliseconds since the epoch, UTC. Columns that hold JSON are named in `JSON_COLUMNS`
and travel as Python values. Bytes of files are not here; they lie as files beside the database.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.large_values import FOLDER, LargeValues, is_large
from dx_local.platform.core.schema import JSON_COLUMNS, LARGE_COLUMNS, SCHEMA, SCHEMA_VERSION
from dx_local.platform.requests import regexps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Row = dict[str, Any]

# The cache, in kB, holds what searches in 100,000 files read; it is taken as it is needed. Everybody waits
# while the log, in pages, is brought into the database, which is rare this way.
_PRAGMAS = ("journal_mode = WAL", "temp_store = MEMORY", "cache_size = -65536", "wal_autocheckpoint = 4000")


# Queries of searches are put together anew each time, and are not all to be remembered.
_MOST_SHAPES = 1000


class UnknownSchema(Exception):  # noqa: N818 - named for what was found
    """The database has tables of another version than this code's."""


class Store:
    """One open database; used from one thread, as the whole platform is.

    When this process is killed, no committed row is lost. Only a power cut takes some: whole transactions
    from the end, or anything where the database is not kept for later and so nobody waits for the disk.
    Opening one raises UnknownSchema when another version of this code has made it.
    """

    def __init__(self, path: Path, *, is_kept: bool = True) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=512)
        self._large = LargeValues(path.parent / FOLDER)
        self._shapes: dict[str, _Shape] = {}
        self._others: dict[tuple[str, str], str] = {}
        self._depth = 0
        self._actions = _Actions()
        try:
            self._set_up(is_kept=is_kept)
        except BaseException:
            self._connection.close()
            raise

    def _set_up(self, *, is_kept: bool) -> None:
        self._connection.create_function("regexp", 2, regexps.matches, deterministic=True)
        self._connection.create_function("backwards", 1, _backwards, deterministic=True)
        for pragma in (*_PRAGMAS, f"synchronous = {'NORMAL' if is_kept else 'OFF'}"):
            self._connection.execute(f"PRAGMA {pragma}")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise UnknownSchema(f"its tables are of version {version}, not {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside one transaction; a transaction within another is part of it.

        If the block or the commit raises, all changes are undone, only the actions given to `after_rollback`
        are called, and the error is raised.
        """
        if self._depth:
            with self._nested():
                yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            with self._nested():
                yield
            self._connection.execute("COMMIT")
        except BaseException:
            undoing = self._take_actions().after_rollback
            with _calling_all(undoing):
                # On a full disk, SQLite has rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise
        with _calling_all(self._take_actions().after_commit):
            pass

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call action once the transaction under way is committed, or now if there is none."""
        if self._depth:
            self._actions.after_commit.append(action)
        else:
            action()

    def after_rollback(self, action: Callable[[], None]) -> None:
        """Call action if the transaction under way is undone."""
        if self._depth:
            self._actions.after_rollback.append(action)

    @contextmanager
    def _nested(self) -> Iterator[None]:
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _take_actions(self) -> _Actions:
        """Return the actions of the transaction that ends, and forget them."""
        actions, self._actions = self._actions, _Actions()
        return actions

    def execute(self, sql: str, *values: Any) -> int:
        """Run one statement and return the number of rows that it changed."""
        return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        cursor = self._connection.execute(sql, values)
        found = cursor.fetchone()
        return None if found is None else self._shape(sql, cursor).row(found)

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        cursor = self._connection.execute(sql, values)
        found = cursor.fetchall()
        if not found:
            return []
        row = self._shape(sql, cursor).row
        return [row(each) for each in found]

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row of a query, or None."""
        row = self.one(sql, *values)
        return next(iter(row.values())) if row else None

    def get(self, table: str, entity_id: str, *, without: str | None = None) -> Row | None:
        """Return the row with this `id`, without one of its columns if that is known already."""
        columns = "*" if without is None else self._columns_without(table, without)
        return self.one(f"SELECT {columns} FROM {table} WHERE id = ?", entity_id)

    def _columns_without(self, table: str, column: str) -> str:
        if (table, column) not in self._others:
            names = (row["name"] for row in self.all("SELECT name FROM pragma_table_info(?)", table))
            self._others[table, column] = ", ".join(name for name in names if name != column)
        return self._others[table, column]

    def insert(self, table: str, **columns: Any) -> int:
        """Insert one row and return its rowid."""
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        values = self._encode(columns)
        cursor = self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
        return cursor.lastrowid or 0

    def update(self, table: str, entity_id: str, **columns: Any) -> None:
        """Change columns of the row with this `id`."""
        changes = ", ".join(f"{name} = ?" for name in columns)
        values = (*self._encode(columns), entity_id)
        self._connection.execute(f"UPDATE {table} SET {changes} WHERE id = ?", values)

    def change_placement(self, project: str, object_id: str, **columns: Any) -> None:
        """Change columns of one copy of a data object."""
        changes = ", ".join(f"{name} = ?" for name in columns)
        self._connection.execute(
            f"UPDATE placement SET {changes} WHERE project = ? AND object = ?",
            (*self._encode(columns), project, object_id),
        )

    def _shape(self, sql: str, cursor: sqlite3.Cursor) -> _Shape:
        shape = self._shapes.get(sql)
        if shape is None:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            names = tuple(column[0] for column in cursor.description)
            shape = self._shapes[sql] = _Shape(names, self._large)
        return shape

    def _encode(self, columns: dict[str, Any]) -> Sequence[Any]:
        return [self._encoded(name, value) for name, value in columns.items()]

    def _encoded(self, name: str, value: Any) -> Any:
        if value is None or name not in JSON_COLUMNS:
            return value
        if name in LARGE_COLUMNS:
            return self._large.text_of(value, self.after_rollback)
        return to_json(value)

    def close(self) -> None:
        """Close the database; a later Store on the same path finds everything that was committed."""
        self._connection.close()


def _backwards(text: str) -> str:
    """Answer SQL's `backwards(text)`, by which an index finds names by how they end."""
    return text[::-1]


@dataclass
class _Actions:
    """The actions that wait for the end of a transaction, by how it may end."""

    after_commit: list[Callable[[], None]] = field(default_factory=list)
    after_rollback: list[Callable[[], None]] = field(default_factory=list)


@contextmanager
def _calling_all(actions: list[Callable[[], None]]) -> Iterator[None]:
    """Call every action in order at the end, even if one of them or the block raises."""
    with ExitStack() as stack:
        for action in reversed(actions):
            stack.callback(action)
        yield


class _Shape:
    """What the rows of one query look like, worked out once."""

    def __init__(self, names: tuple[str, ...], large: LargeValues) -> None:
        self._names = names
        self._large = large
        self._json = [name for name in names if name in JSON_COLUMNS]

    def row(self, values: tuple[Any, ...]) -> Row:
        row = dict(zip(self._names, values))  # noqa: B905 - they are of one length
        for name in self._json:
            if (text := row[name]) is not None:
                row[name] = self._large.value_of(text) if is_large(text) else _from_json(text)
        return row


_raw_decode = json.JSONDecoder().raw_decode


def _from_json(text: str) -> Any:
    # Most of what is kept is empty.
    if text == "[]":
        return []
    if text == "{}":
        return {}
    return _raw_decode(text)[0]
