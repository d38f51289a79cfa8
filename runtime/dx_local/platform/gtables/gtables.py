"""GTables: data objects with rows that are added in parts while open, and read in ranges once closed.

The platform has retired the class, but older apps and the tutorial "Parallelize Your App" still use it.

Source: the GenomicTables API of 2013, as its clients used it.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.errors import InvalidInput, InvalidState
from dx_local.platform.data import objects
from dx_local.platform.data.describe import wanted_fields
from dx_local.platform.gtables.columns import ROW_ID, check_rows, read_columns, to_json
from dx_local.platform.gtables.indices import read_indices
from dx_local.platform.gtables.rows import RowsAreClosedError, TableFile
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any

    from dx_local.platform.core.context import JSON, Context, Platform
    from dx_local.platform.core.schema import ObjectRow
    from dx_local.platform.gtables.indices import Index, RowCondition

MAX_PARTS = 250_000
MAX_ROWS_PER_ANSWER = 100_000
"""The most rows in one answer; its `next` is the row at which to continue."""

_ROWS_PER_PART = 10_000


def new(context: Context, _class: str, request: JSON) -> JSON:
    """Create an open table; `initializeFrom` copies another table's metadata and columns, but no rows."""
    metadata, fields = objects.initialized_from(context, "gtable", request)
    request = {**metadata, **fields, **request}
    columns = read_columns(request.get("columns"))
    indices = request.get("indices") or []
    read_indices(indices, columns)
    fields = {"columns": to_json(columns), "indices": indices}
    return {"id": objects.create(context, "gtable", request, fields=fields, state="open")}


def next_part(context: Context, table_id: str, _request: JSON) -> JSON:
    """Return a part number that no other caller gets."""
    table = _table(context.platform, _open_table(context, table_id))
    with _refusing_late_rows(table_id):
        return {"part": table.next_part()}


def add_rows(context: Context, table_id: str, request: JSON) -> JSON:
    """Add the rows of a part; they replace earlier rows of the same part."""
    row = _open_table(context, table_id)
    number = read.integer(request, "part")
    if not 1 <= number <= MAX_PARTS:
        raise InvalidInput(f'"part" must be from 1 to {MAX_PARTS}, not {number}')
    table = _table(context.platform, row)
    rows = check_rows(table.columns, request.get("data"))
    with _refusing_late_rows(table_id):
        table.put_part(number, rows)
    return {"id": table_id}


def close(context: Context, table_id: str, request: JSON) -> JSON:
    """Close a table and sort its rows. Raises InvalidState if it is already closed."""
    row = _open_table(context, table_id)
    table = _table(context.platform, row)
    if not table.is_finished():
        raise WorkRequired(f"rows of {table_id}", table.finish)
    length, size = table.length(), table.size()
    context.store.update("object", table_id, fields={**row["fields"], "length": length, "size": size})
    return objects.close(context, table_id, request)


def get(context: Context, table_id: str, request: JSON) -> JSON:
    """Return rows of a closed table in the order of IDs, from `starting`: all, or the results of a query."""
    row, _ = objects.get_visible(context, table_id)
    if row["state"] != "closed":
        raise InvalidState(f"{table_id} is not in the closed state; it is {row['state']}")
    starting = read.integer(request, "starting", 0)
    limit = min(read.integer(request, "limit", MAX_ROWS_PER_ANSWER), MAX_ROWS_PER_ANSWER)
    if limit < 1 or starting < 0:
        raise InvalidInput('"starting" must not be negative, and "limit" must be at least 1')
    table = _table(context.platform, row)
    rows, following = table.rows(
        _wanted_columns(table, request),
        starting=starting,
        limit=limit,
        condition=_condition(table, request),
    )
    return {"length": len(rows), "next": following, "data": rows}


def import_rows(
    context: Context, columns: list[JSON], rows: Iterable[list[Any]], *, project: str, name: str
) -> str:
    """Create a closed table from rows, in a project's root folder, and return its ID. Raises InvalidInput."""
    made = new(context, "gtable", {"project": project, "name": name, "columns": columns})
    table_id = str(made["id"])
    table = _table(context.platform, _open_table(context, table_id))
    waiting = iter(rows)
    parts = iter(lambda: list(islice(waiting, _ROWS_PER_PART)), [])
    for number, part in enumerate(parts, start=1):
        table.put_part(number, check_rows(table.columns, part))
    table.finish()
    close(context, table_id, {})
    return table_id


def all_rows(platform: Platform, table_id: str) -> tuple[list[JSON], Iterator[list[Any]]]:
    """Return the columns of a closed table, and an iterator over its rows without their IDs."""
    row = platform.store.get("object", table_id)
    assert row is not None
    table = _table(platform, row)
    names = [column.name for column in table.columns]

    def rows() -> Iterator[list[Any]]:
        following: int | None = 0
        while following is not None:
            found, following = table.rows(
                names, starting=following, limit=MAX_ROWS_PER_ANSWER, condition=None
            )
            yield from found

    return row["fields"]["columns"], rows()


def _delete_rows(platform: Platform, table_id: str) -> None:
    platform.store.after_commit(TableFile(path_of(platform, table_id)).remove)


def _describe(context: Context, row: ObjectRow, request: JSON) -> JSON:
    fields: JSON = {**row["fields"]}
    if not fields["indices"]:
        del fields["indices"]
    if row["state"] == "open":
        table = _table(context.platform, row)
        fields["size"] = table.size()
        if "parts" in wanted_fields(request, frozenset()):
            parts = table.parts()
            fields["parts"] = {str(number): {"length": length} for number, length in parts.items()}
    return fields


objects.DESCRIBERS["gtable"] = _describe
objects.DEFAULT_FIELDS["gtable"] = frozenset({"columns", "indices", "size", "length"})
objects.CONTENT_REMOVERS["gtable"] = _delete_rows


def _open_table(context: Context, table_id: str) -> ObjectRow:
    row = objects.open_object(context, table_id)
    if row["class"] != "gtable":
        raise access.not_found(table_id)
    return row


@contextmanager
def _refusing_late_rows(table_id: str) -> Iterator[None]:
    try:
        yield
    except RowsAreClosedError:
        raise InvalidState(f"{table_id} is being closed; add rows before you close it") from None


def _wanted_columns(table: TableFile, request: JSON) -> list[str]:
    """Return the columns that a request selects, by default the row's ID and all columns."""
    names = [column.name for column in table.columns]
    if request.get("columns") is None:
        return [ROW_ID, *names]
    wanted = request["columns"]
    if not isinstance(wanted, list) or not wanted:
        raise InvalidInput('"columns" must be a non-empty array of names')
    for name in wanted:
        if name not in (ROW_ID, *names):
            raise InvalidInput(f"the table has no column {name!r}; it has: {', '.join(names)}")
    return wanted


def _condition(table: TableFile, request: JSON) -> RowCondition | None:
    if request.get("query") is None:
        return None
    query = read.mapping(request, "query")
    index = _index(table, read.text(query, "index"))
    return index.condition(read.mapping(query, "parameters"), lambda chrom: table.longest(index, chrom))


def _index(table: TableFile, name: str) -> Index:
    for index in table.indices:
        if index.name == name:
            return index
    known = ", ".join(index.name for index in table.indices) or "none"
    raise InvalidInput(f'the table has no index "{name}"; it has: {known}')


def _table(platform: Platform, row: ObjectRow) -> TableFile:
    columns = read_columns(row["fields"]["columns"])
    indices = read_indices(row["fields"]["indices"], columns)
    return TableFile(path_of(platform, row["id"]), columns, indices, platform.journal)


def path_of(platform: Platform, table_id: str) -> Path:
    """Return the path of the file with the rows of a table."""
    return platform.folder / "gtables" / f"{table_id}.sqlite"
