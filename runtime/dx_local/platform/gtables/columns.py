"""The columns of a GTable, and checks of the values in its rows.

Source: the GenomicTables API of 2013 (the types, and the rejection of values out of range).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.errors import InvalidInput

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON

ROW_ID = "__id__"
"""The pseudo-column that holds the position of a row in the table."""

INTEGER_RANGES = {
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
_LARGEST_FLOAT = (2 - 2**-23) * 2.0**127
TYPES = ("boolean", *INTEGER_RANGES, "float", "double", "string")

_MAX_COLUMNS = 1000  # half the limit of SQLite


@dataclass(frozen=True)
class Column:
    """One column: its name and the type of its values."""

    name: str
    type: str

    def check(self, value: Any) -> Any:
        """Return the value as it is stored. Raises InvalidInput if it is not of this column's type."""
        if self.type == "string":
            accepted = isinstance(value, str)
        elif self.type == "boolean":
            accepted = isinstance(value, bool)
        elif self.type in INTEGER_RANGES:
            lowest, highest = INTEGER_RANGES[self.type]
            accepted = isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest
        else:
            return self._check_real(value)
        if not accepted:
            raise self._type_error(value)
        return value

    def _check_real(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._type_error(value)
        try:
            real = float(value)
        except OverflowError:
            raise self._type_error(value) from None
        if not math.isfinite(real) or (self.type == "float" and abs(real) > _LARGEST_FLOAT):
            raise self._type_error(value)
        return real

    def _type_error(self, value: Any) -> InvalidInput:
        excerpt = repr(value)
        excerpt = excerpt if len(excerpt) <= 60 else f"{excerpt[:57]}..."
        return InvalidInput(f'column "{self.name}" takes a value of type {self.type}, not {excerpt}')


def read_columns(value: Any) -> tuple[Column, ...]:
    """Return the columns that a request describes. Raises InvalidInput."""
    if not isinstance(value, list) or not value:
        raise InvalidInput('"columns" must be a non-empty array of hashes with "name" and "type"')
    if len(value) > _MAX_COLUMNS:
        raise InvalidInput(f'"columns" must have at most {_MAX_COLUMNS} columns, not {len(value)}')
    columns = tuple(_read_column(described, position) for position, described in enumerate(value))
    for name, count in Counter(column.name for column in columns).items():
        if count > 1:
            raise InvalidInput(f'"columns" contains "{name}" twice; use each name once')
    return columns


def check_rows(columns: tuple[Column, ...], rows: Any) -> list[list[Any]]:
    """Return the rows as they are stored. Raises InvalidInput that names the first invalid row."""
    if not isinstance(rows, list):
        raise InvalidInput('"data" must be an array of rows, each an array of values')
    checked = []
    for position, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise InvalidInput(f"row {position} must be an array of {len(columns)} values, one per column")
        try:
            checked.append([column.check(value) for column, value in zip(columns, row, strict=True)])
        except InvalidInput as error:
            raise InvalidInput(f"row {position}: {error.message}") from None
    return checked


def to_json(columns: tuple[Column, ...]) -> list[JSON]:
    """Return the columns as describe reports them."""
    return [{"name": column.name, "type": column.type} for column in columns]


def _read_column(described: Any, position: int) -> Column:
    if not isinstance(described, dict):
        raise InvalidInput(f'column {position} must be a hash with "name" and "type"')
    name, type_name = described.get("name"), described.get("type")
    if not isinstance(name, str) or not name or name.startswith("__") or "\0" in name:
        raise InvalidInput(
            f'the "name" of column {position} must be a non-empty string that does not begin with "__"'
        )
    if type_name not in TYPES:
        raise InvalidInput(f'the "type" of column "{name}" must be one of {", ".join(TYPES)}')
    return Column(name, type_name)
