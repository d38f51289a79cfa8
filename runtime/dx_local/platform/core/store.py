"""The store: the whole state of the platform in one SQLite database, except the bytes of files.

Times are integers in milliseconds since the epoch, UTC. The columns in `JSON_COLUMNS` hold JSON in the
database and Python values in rows. The bytes of files are in files beside the database.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, overload

from dx_local.platform.core import regexps
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.large_values import FOLDER, LargeValues, is_large
from dx_local.platform.core.schema import JSON_COLUMNS, LARGE_COLUMNS, SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dx_local.platform.core.schema import (
        AppNameRow,
        AppRow,
        JobRow,
        ObjectRow,
        ProjectRow,
        TokenRow,
        UserRow,
    )

Row = dict[str, Any]
"""A row of any query; most queries name the type of their rows, one of those in `schema`."""

R = TypeVar("R")
T = TypeVar("T")

# The cache (in kB, allocated as needed) holds the pages that searches in 100,000 files read. Requests wait
# while the log is written into the database; a long log (in pages) makes that rare.
_PRAGMAS = ("temp_store = MEMORY", "cache_size = -65536", "wal_autocheckpoint = 4000")

LONGEST_WAIT = 60.0
"""Seconds to wait for other processes and threads: without WAL, a commit waits until nobody reads."""


class Journal(NamedTuple):
    """The kind of journal that suits the file system of a database.

    A journal in WAL mode needs memory that all processes share, so these must be on one host. Source:
    https://www.sqlite.org/wal.html
    """

    is_wal: bool = True
    """False for one in TRUNCATE mode, in which readers and the writer wait for each other."""
    has_locks: bool = True
    """False if the file system has none: then the caller sees to it that nobody else opens the database."""

    def connect(
        self, path: Path, *, is_read_only: bool = False, is_shared: bool = False, **options: Any
    ) -> sqlite3.Connection:
        """Open a database. Raises sqlite3.Error.

        Without locks, threads that share a database lock it by a folder, FILE.lock, which a killed process
        leaves behind.
        """
        locks = [] if self.has_locks else ["vfs=unix-dotfile" if is_shared else "vfs=unix-none"]
        query = [*(["mode=ro"] if is_read_only else []), *locks]
        place = f"{path.absolute().as_uri()}?{'&'.join(query)}" if query else path
        connection: sqlite3.Connection = sqlite3.connect(place, uri=bool(query), **options)
        return connection

    def set_up(self, connection: sqlite3.Connection) -> None:
        """Choose the mode of an open database; SQLite may refuse WAL and keep another one."""
        if self.is_wal and self.has_locks:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode == "wal":
                return
        connection.execute("PRAGMA journal_mode = TRUNCATE")


# Searches compose new queries all the time, so that the number of remembered ones must be limited.
_MAX_SHAPES = 1000

# Applets with their code are the largest values that are remembered, and a process runs few of them.
_MAX_CONSTANTS = 250


class UnknownSchema(Exception):  # noqa: N818 - the name describes the finding
    """The database has the tables of another version, or none yet."""

    def __init__(self, version: int) -> None:
        super().__init__(f"its tables are of version {version}, not {SCHEMA_VERSION}")
        self.is_empty = version == 0


class Store:
    """An open database; like the whole platform, it is used by one thread only.

    If the process is killed, no committed row is lost. A power cut may undo the transactions since the last
    checkpoint, or destroy a database that is not persistent, for which no write waits for the disk. Raises
    UnknownSchema if the database was created by an incompatible version. A read-only store never changes the
    rows of the database, and blocks a process that does only while it reads and if that has no WAL; opening
    one raises UnknownSchema for an empty database as well.
    """

    def __init__(
        self,
        path: Path,
        *,
        is_persistent: bool = True,
        is_read_only: bool = False,
        journal: Journal = Journal(),  # noqa: B008  (it cannot be changed)
        large_values: Path | None = None,
    ) -> None:
        """`large_values` is the folder of large values if that is not beside the database."""
        if is_read_only:
            _finish_journal(path, journal)
        self._connection = journal.connect(
            path,
            is_read_only=is_read_only,
            timeout=LONGEST_WAIT,
            isolation_level=None,
            cached_statements=512,
        )
        self._large = LargeValues(large_values or path.parent / FOLDER)
        self._shapes: dict[str, _Shape[Any]] = {}
        self._others: dict[tuple[str, str], str] = {}
        self._constants: dict[tuple[str, str], Any] = {}
        self.job_tokens: dict[str, TokenRow] = {}
        """The tokens of jobs by their digests, which are not stored: no job outlives this process."""
        self._is_in_transaction = False
        self._actions = _Actions()
        try:
            if not is_read_only:
                journal.set_up(self._connection)
            self._set_up(is_persistent=is_persistent, is_read_only=is_read_only)
        except BaseException:
            self._connection.close()
            raise

    def _set_up(self, *, is_persistent: bool, is_read_only: bool) -> None:
        self._connection.create_function("regexp", 2, regexps.matches, deterministic=True)
        self._connection.create_function("backwards", 1, _backwards, deterministic=True)
        if not is_read_only:
            for pragma in (*_PRAGMAS, f"synchronous = {'NORMAL' if is_persistent else 'OFF'}"):
                self._connection.execute(f"PRAGMA {pragma}")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not is_read_only:
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise UnknownSchema(version)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block in one transaction; a nested transaction joins the outer one.

        If the block or the commit raises an error, all changes are undone, and only the actions passed to
        `after_rollback` are called.
        """
        if self._is_in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._is_in_transaction = True
            try:
                yield
            finally:
                self._is_in_transaction = False
            self._connection.execute("COMMIT")
        except BaseException:
            undoing = self._take_actions().after_rollback
            with _calling_all(undoing):
                # If the disk is full, SQLite has already rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise
        if committed := self._take_actions().after_commit:
            with _calling_all(committed):
                pass

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call action once the current transaction is committed, or now if there is none."""
        if self._is_in_transaction:
            self._actions.after_commit.append(action)
        else:
            action()

    def after_rollback(self, action: Callable[[], None]) -> None:
        """Call action if the current transaction is rolled back."""
        if self._is_in_transaction:
            self._actions.after_rollback.append(action)

    def _take_actions(self) -> _Actions:
        """Return the actions of the transaction that ends, and start a new list."""
        actions, self._actions = self._actions, _Actions()
        return actions

    def execute(self, sql: str, *values: Any) -> int:
        """Run a statement and return the number of changed rows."""
        return self._connection.execute(sql, values).rowcount

    def one(self, row_type: type[R], sql: str, *values: Any) -> R | None:
        """Return the first row of a query, or None.

        `row_type` is one of the types in `schema`. Raises TypeError if the query lacks columns of that type.
        """
        cursor = self._connection.execute(sql, values)
        found = cursor.fetchone()
        return None if found is None else self._shape(row_type, sql, cursor).row(found)

    def all(self, row_type: type[R], sql: str, *values: Any) -> list[R]:
        """Return all rows of a query; otherwise the same as `one`."""
        return list(self.each(row_type, sql, *values))

    def each(self, row_type: type[R], sql: str, *values: Any) -> Iterator[R]:
        """Yield the rows of a query, whose tables must not change meanwhile; otherwise the same as `one`."""
        cursor = self._connection.execute(sql, values)
        row = self._shape(row_type, sql, cursor).row
        for found in cursor:
            yield row(found)

    def exists(self, sql: str, *values: Any) -> bool:
        """Return whether a query has any row."""
        return self._connection.execute(sql, values).fetchone() is not None

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row of a query, or None."""
        cursor = self._connection.execute(sql, values)
        found = cursor.fetchone()
        return None if found is None else self._decoded(cursor.description[0][0], found[0])

    def column(self, sql: str, *values: Any) -> list[Any]:
        """Return the first column of all rows of a query."""
        cursor = self._connection.execute(sql, values)
        name = cursor.description[0][0]
        return [self._decoded(name, found[0]) for found in cursor]

    def constant(self, kind: str, entity_id: str, read: Callable[[], T | None]) -> T | None:
        """Return read(), for a value that never changes: it is remembered unless it is None.

        `kind` names the value among those of the entity. The caller must not change the value.
        """
        key = (kind, entity_id)
        found: T | None = self._constants.get(key)
        if found is None and (found := read()) is not None:
            if len(self._constants) >= _MAX_CONSTANTS:
                self._constants.clear()
            self._constants[key] = found
        return found

    @overload
    def get(self, table: Literal["app"], entity_id: str) -> AppRow | None: ...
    @overload
    def get(self, table: Literal["app_name"], entity_id: str) -> AppNameRow | None: ...
    @overload
    def get(self, table: Literal["job"], entity_id: str, *, without: str | None = None) -> JobRow | None: ...
    @overload
    def get(self, table: Literal["object"], entity_id: str) -> ObjectRow | None: ...
    @overload
    def get(self, table: Literal["project"], entity_id: str) -> ProjectRow | None: ...
    @overload
    def get(self, table: Literal["user"], entity_id: str) -> UserRow | None: ...

    def get(self, table: str, entity_id: str, *, without: str | None = None) -> Any:
        """Return the row with this `id`, or None; `without` omits a column that can be large."""
        columns = "*" if without is None else self._columns_without(table, without)
        return self.one(Row, f"SELECT {columns} FROM {table} WHERE id = ?", entity_id)

    def _columns_without(self, table: str, column: str) -> str:
        if (table, column) not in self._others:
            names = self.column("SELECT name FROM pragma_table_info(?)", table)
            self._others[table, column] = ", ".join(name for name in names if name != column)
        return self._others[table, column]

    def insert(self, table: str, **columns: Any) -> int:
        """Insert a row and return its rowid."""
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
        """Change columns of the copy of a data object in a project."""
        changes = ", ".join(f"{name} = ?" for name in columns)
        self._connection.execute(
            f"UPDATE placement SET {changes} WHERE project = ? AND object = ?",
            (*self._encode(columns), project, object_id),
        )

    def _shape(self, row_type: type[R], sql: str, cursor: sqlite3.Cursor) -> _Shape[R]:
        shape = self._shapes.get(sql)
        if shape is None:
            if len(self._shapes) >= _MAX_SHAPES:
                self._shapes.clear()
            names = tuple(column[0] for column in cursor.description)
            shape = self._shapes[sql] = _Shape(row_type, names, self._large)
        return shape

    def _decoded(self, name: str, value: Any) -> Any:
        return value if value is None or name not in JSON_COLUMNS else _value_of(value, self._large)

    def _encode(self, columns: dict[str, Any]) -> Sequence[Any]:
        return [self._encoded(name, value) for name, value in columns.items()]

    def _encoded(self, name: str, value: Any) -> Any:
        if value is None or name not in JSON_COLUMNS:
            return value
        if name in LARGE_COLUMNS:
            return self._large.text_of(value, self.after_rollback)
        return to_json(value)

    def close(self) -> None:
        """Close the database; all committed changes are kept."""
        self._connection.close()


def _finish_journal(path: Path, journal: Journal) -> None:
    """Undo the change that a killed process began while the database was not in WAL mode, if there is one.

    SQLite undoes it at the next access, for which a read-only one has no right.
    """
    changes = path.with_name(f"{path.name}-journal")
    if not changes.exists() or not changes.stat().st_size:
        return
    connection = journal.connect(path, timeout=LONGEST_WAIT)
    try:
        connection.execute("PRAGMA user_version").fetchone()
    finally:
        connection.close()


def _backwards(text: str) -> str:
    """Implement the SQL function `backwards(text)`; its index finds names by their endings."""
    return text[::-1]


@dataclass
class _Actions:
    """The actions to call at the end of a transaction."""

    after_commit: list[Callable[[], None]] = field(default_factory=list)
    after_rollback: list[Callable[[], None]] = field(default_factory=list)


@contextmanager
def _calling_all(actions: list[Callable[[], None]]) -> Iterator[None]:
    """Call every action in order at the end, even if the block or an action raises an error."""
    with ExitStack() as stack:
        for action in reversed(actions):
            stack.callback(action)
        yield


class _Shape(Generic[R]):
    """The columns of one query, which are determined once.

    mypy cannot check that a query selects the columns of its row type; so this raises TypeError if it does
    not.
    """

    def __init__(self, row_type: type[R], names: tuple[str, ...], large: LargeValues) -> None:
        self._names = names
        self._large = large
        self._json = [name for name in names if name in JSON_COLUMNS]
        expected: frozenset[str] = getattr(row_type, "__required_keys__", frozenset())
        if missing := expected.difference(names):
            raise TypeError(f"a query for {row_type.__name__} lacks the columns {', '.join(sorted(missing))}")

    def row(self, values: tuple[Any, ...]) -> R:
        row = dict(zip(self._names, values))  # noqa: B905 - they are of one length
        for name in self._json:
            if (text := row[name]) is not None:
                row[name] = _value_of(text, self._large)
        return row  # type: ignore[return-value]  # a TypedDict is a dict


_raw_decode = json.JSONDecoder().raw_decode


def _value_of(text: str, large: LargeValues) -> Any:
    """Return the value of a JSON column that is not null."""
    # Most stored values are empty.
    if text == "[]":
        return []
    if text == "{}":
        return {}
    return large.value_of(text) if is_large(text) else _raw_decode(text)[0]
