"""`dxpy.DXGTable` and its helpers, for apps from the time when the platform had GTables.

dxpy removed them in 2017; `install()` adds them to the dxpy of a worker, and only there. Rows are sent by the
thread that adds them: the platform is on the same machine, so more threads would gain nothing.

Source: the behaviour of dxpy's GTable handler of 2013.
"""

from __future__ import annotations

import atexit
from functools import partial
from typing import TYPE_CHECKING, Any

import dxpy
from dxpy.bindings import DXDataObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Self

    JSON = dict[str, Any]

NULL = -(1 << 31)
"""The value that apps write into a column of integers if there is none."""

_ROWS_PER_PART = 10_000
_BYTES_PER_PART = 64 << 20
_ROWS_PER_WINDOW = 40_000
_ROW_ID = "__id__"


def install() -> None:
    """Add the names to dxpy, and the class to those that its `get_handler` finds by the class of an ID."""
    dxpy.bindings.DXGtable = DXGTable
    for name, value in {
        "DXGTable": DXGTable,
        "NULL": NULL,
        "new_dxgtable": new_dxgtable,
        "open_dxgtable": open_dxgtable,
    }.items():
        setattr(dxpy, name, value)


def new_dxgtable(
    columns: list[JSON] | None = None,
    indices: list[JSON] | None = None,
    init_from: DXGTable | None = None,
    mode: str | None = None,
    **kwargs: Any,
) -> DXGTable:
    """Create an open table with these columns, or those of another table, and return its handler."""
    table = DXGTable(mode=mode)
    table.new(columns=columns, indices=indices, init_from=init_from, **kwargs)
    return table


def open_dxgtable(
    dxid: str | JSON, project: str | None = None, mode: str | None = None, **_kwargs: Any
) -> DXGTable:
    """Return the handler of an existing table."""
    return DXGTable(dxid, project=project, mode=mode)


def _call(method: str) -> Callable[..., Any]:
    def request(object_id: str, input_params: Any = None, **kwargs: Any) -> Any:
        return dxpy.DXHTTPRequest(f"/{object_id}/{method}", input_params or {}, **kwargs)

    return request


class DXGTable(DXDataObject):  # type: ignore[misc]
    """A handler of one table. Added rows are sent in parts, the last by `flush()` or `close()`.

    As a context manager it flushes at the end, and closes the table unless `mode` is "a" or "r".
    """

    _class = "gtable"

    _describe = staticmethod(_call("describe"))
    _add_types = staticmethod(_call("addTypes"))
    _remove_types = staticmethod(_call("removeTypes"))
    _get_details = staticmethod(_call("getDetails"))
    _set_details = staticmethod(_call("setDetails"))
    _set_visibility = staticmethod(_call("setVisibility"))
    _rename = staticmethod(_call("rename"))
    _set_properties = staticmethod(_call("setProperties"))
    _add_tags = staticmethod(_call("addTags"))
    _remove_tags = staticmethod(_call("removeTags"))
    _list_projects = staticmethod(_call("listProjects"))
    _close = staticmethod(_call("close"))

    def __init__(
        self, dxid: str | JSON | None = None, project: str | None = None, mode: str | None = None
    ) -> None:
        if mode not in (None, "r", "w", "a"):
            raise ValueError(f"mode must be 'r', 'w', 'a' or None, not {mode!r}")
        self._mode = mode
        self._rows: list[list[Any]] = []
        self._bytes = 0
        self._columns: list[JSON] | None = None
        self._flushes_at_exit = False
        super().__init__(dxid, project)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
        if self._mode not in ("a", "r") and self._get_state() == "open":
            self.close()

    def __iter__(self) -> Iterator[list[Any]]:
        return self.iterate_rows()

    def _new(self, dx_hash: JSON, **kwargs: Any) -> None:
        init_from = kwargs.pop("init_from", None)
        if init_from is not None:
            if not isinstance(init_from, DXGTable):
                raise dxpy.DXError("init_from must be a DXGTable")
            dx_hash["initializeFrom"] = {"id": init_from.get_id(), "project": init_from.get_proj_id()}
        for name in ("columns", "indices"):
            if (value := kwargs.pop(name, None)) is not None:
                dx_hash[name] = value
        made = dxpy.DXHTTPRequest("/gtable/new", dx_hash, **kwargs)
        self.set_ids(made["id"], dx_hash["project"])

    def set_ids(self, dxid: str | JSON | None, project: str | None = None) -> None:
        """Send the rows for the current table, then make this the handler of another one."""
        self.flush()
        self._columns = None
        super().set_ids(dxid, project)

    def add_row(self, row: list[Any]) -> None:
        """Add one row, a list of values in the order of the columns."""
        self.add_rows([row])

    def add_rows(self, data: Iterable[list[Any]], part: int | None = None, *, validate: bool = True) -> None:
        """Add rows: with `part` at once as that part, otherwise together with others.

        Raises ValueError for a row that does not fit the columns, before any row of this call is sent.
        """
        rows = list(data)
        if validate:
            for row in rows:
                self._check(row)
        if part is not None:
            self._send(rows, part)
            return
        if rows and not self._flushes_at_exit:
            atexit.register(self.flush)
            self._flushes_at_exit = True
        for row in rows:
            self._rows.append(row)
            self._bytes += sum(len(value) if isinstance(value, str) else 8 for value in row)
            if len(self._rows) >= _ROWS_PER_PART or self._bytes >= _BYTES_PER_PART:
                self.flush()

    def get_unique_part_index(self) -> int:
        """Return a part number that is returned only once."""
        answer: JSON = dxpy.DXHTTPRequest(f"/{self._dxid}/nextPart", {})
        return int(answer["part"])

    def flush(self) -> None:
        """Send the added rows."""
        while self._rows:
            rows, self._rows, self._bytes = self._rows[:_ROWS_PER_PART], self._rows[_ROWS_PER_PART:], 0
            self._send(rows, self.get_unique_part_index())

    def close(self, block: bool = False, **kwargs: Any) -> None:
        """Send the added rows and close the table; with `block`, wait until it is closed."""
        self.flush()
        self._close(self._dxid, {}, **kwargs)
        if block:
            self.wait_on_close()

    def closed(self) -> bool:
        """Return whether the table is closed."""
        return bool(self._get_state() == "closed")

    def wait_on_close(self, timeout: int = 3600 * 24, **kwargs: Any) -> None:
        """Wait until the table is closed; `timeout` is in seconds."""
        self._wait_on_close(timeout, **kwargs)

    def get_rows(
        self,
        query: JSON | None = None,
        columns: Sequence[str] | None = None,
        starting: int | None = None,
        limit: int | None = None,
        **kwargs: Any,
    ) -> JSON:
        """Return one answer of `/gtable-xxxx/get`: `data`, `length` and `next`."""
        request = {"query": query, "columns": columns, "starting": starting, "limit": limit}
        asked = {name: value for name, value in request.items() if value is not None}
        answer: JSON = dxpy.DXHTTPRequest(f"/{self._dxid}/get", asked, **kwargs)
        return answer

    def get_columns(self, **kwargs: Any) -> list[JSON]:
        """Return the columns, each with `name` and `type`."""
        if self._columns is None:
            self._columns = self.describe(**kwargs)["columns"]
        return self._columns

    def get_col_names(self, **kwargs: Any) -> list[str]:
        """Return the names of the columns."""
        return [column["name"] for column in self.get_columns(**kwargs)]

    def iterate_rows(
        self,
        start: int = 0,
        end: int | None = None,
        columns: Sequence[str] | None = None,
        want_dict: bool = False,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Yield the rows from `start` up to but not including `end`, as lists or hashes.

        A row begins with its ID; with `columns`, it has only these.
        """
        length = int(self.describe(**kwargs)["length"])
        last = length if end is None else min(int(end), length)
        shape = self._shape(columns, want_dict=want_dict)
        for first in range(int(start), last, _ROWS_PER_WINDOW):
            limit = min(_ROWS_PER_WINDOW, last - first)
            yield from map(shape, self.get_rows(None, columns, first, limit, **kwargs)["data"])

    def iterate_query_rows(
        self,
        query: JSON | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        want_dict: bool = False,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Yield up to `limit` of the rows that match a query, in the order of their IDs."""
        shape = self._shape(columns, want_dict=want_dict)
        starting: int | None = 0
        left = limit
        while starting is not None and left != 0:
            window = _ROWS_PER_WINDOW if left is None else min(left, _ROWS_PER_WINDOW)
            found = self.get_rows(query, columns, starting, window, **kwargs)
            yield from map(shape, found["data"])
            starting = found["next"]
            left = None if left is None else left - found["length"]

    @staticmethod
    def make_column_desc(name: str, typename: str) -> JSON:
        """Return the description of a column for `new_dxgtable`."""
        return {"name": name, "type": typename}

    @staticmethod
    def genomic_range_index(chr: str, lo: str, hi: str, name: str = "gri") -> JSON:  # noqa: A002
        """Return the description of a genomic index over these columns."""
        return {"name": name, "type": "genomic", "chr": chr, "lo": lo, "hi": hi}

    @staticmethod
    def lexicographic_index(columns: Iterable[JSON | Sequence[str]], name: str) -> JSON:
        """Return the description of a lexicographic index; a column may be given as `[name, "ASC"]`."""
        described = [
            column if isinstance(column, dict) else {"name": column[0], "order": column[1].lower()}
            for column in columns
        ]
        return {"name": name, "type": "lexicographic", "columns": described}

    @staticmethod
    def lexicographic_index_column(
        name: str,
        ascending: bool = True,
        case_sensitive: bool | None = None,
    ) -> JSON:
        """Return the description of a column in a lexicographic index."""
        described: JSON = {"name": name, "order": "asc" if ascending else "desc"}
        if case_sensitive is not None:
            described["caseSensitive"] = case_sensitive
        return described

    @staticmethod
    def genomic_range_query(
        chr: str,  # noqa: A002
        lo: int,
        hi: int,
        mode: str = "overlap",
        index: str = "gri",
    ) -> JSON:
        """Return the query for rows that overlap a range `[lo, hi)` of a chromosome, or are inside it."""
        return {"index": index, "parameters": {"mode": mode, "coords": [chr, lo, hi]}}

    @staticmethod
    def lexicographic_query(query: JSON, index: str = "lexicographic") -> JSON:
        """Return the query for rows whose columns meet conditions."""
        return {"index": index, "parameters": query}

    def _send(self, rows: list[list[Any]], part: int) -> None:
        dxpy.DXHTTPRequest(f"/{self._dxid}/addRows", {"data": rows, "part": part})

    def _check(self, row: list[Any]) -> None:
        columns = self.get_columns()
        if len(row) != len(columns):
            raise ValueError(f"a row has {len(row)} values, but the table has {len(columns)} columns")
        for column, value in zip(columns, row):  # noqa: B905 - workers may have an older Python
            if not _fits(column["type"], value):
                raise ValueError(f"{value!r} does not fit column {column['name']!r} of type {column['type']}")

    def _shape(self, columns: Sequence[str] | None, *, want_dict: bool) -> Callable[[list[Any]], Any]:
        if not want_dict:
            return partial(list)
        names = list(columns) if columns is not None else [_ROW_ID, *self.get_col_names()]
        return lambda row: dict(zip(names, row))  # noqa: B905 - workers may have an older Python


def _fits(type_name: str, value: Any) -> bool:
    if type_name == "string":
        return isinstance(value, str)
    if type_name == "boolean":
        return isinstance(value, bool)
    numbers = (int, float) if type_name in ("float", "double") else (int,)
    return isinstance(value, numbers) and not isinstance(value, bool)
