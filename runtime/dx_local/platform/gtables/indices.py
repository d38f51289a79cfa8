"""The indices of a GTable: the order of rows under an index, and the SQL of the queries that it answers.

A genomic index covers intervals `[lo, hi)` on chromosomes. A row overlaps a query if they share a position,
and is enclosed if it is entirely within the query. A lexicographic index covers columns of any type.

Source: the GenomicTables API of 2013 (GRI and lexicographic indices).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.gtables.columns import INTEGER_RANGES, Column
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.platform.core.context import JSON

_OPERATORS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}


@dataclass(frozen=True)
class RowCondition:
    """A WHERE condition on the rows of one table, and the values of its parameters."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class IndexedColumn:
    """A column of an index: its position in the table, and the order of its values."""

    column: Column
    position: int
    descending: bool = False
    case_sensitive: bool = True

    @property
    def sql(self) -> str:
        """The SQL expression for comparisons with the column."""
        return f"c{self.position}" if self.case_sensitive else f"c{self.position} COLLATE NOCASE"

    @property
    def order(self) -> str:
        """The SQL term for sorting by the column."""
        return f"{self.sql} {'DESC' if self.descending else 'ASC'}"


@dataclass(frozen=True)
class GenomicIndex:
    """An index over intervals: the columns of chromosome, first position, and position after the last."""

    name: str
    columns: tuple[IndexedColumn, ...]

    def condition(self, parameters: JSON, longest: Callable[[Any], int]) -> RowCondition:
        """Return the condition for a query. Raises InvalidInput.

        `longest(chromosome)` returns the length of the longest interval on a chromosome.
        """
        mode = read.text(parameters, "mode")
        coordinates = parameters.get("coords")
        if not isinstance(coordinates, list) or len(coordinates) != len(self.columns):
            raise InvalidInput('"coords" must be an array of chromosome, lo and hi')
        values = zip(self.columns, coordinates, strict=True)
        chromosome, first, last = (_check(indexed, value, widen=True) for indexed, value in values)
        chrom, low, high = (indexed.sql for indexed in self.columns)
        if mode == "enclose":
            return RowCondition(f"{chrom} = ? AND {low} >= ? AND {high} <= ?", (chromosome, first, last))
        if mode == "overlap":
            # An interval that begins earlier than this cannot reach the query. The lower bound saves reading
            # the index from the beginning of the chromosome.
            begin = first - longest(chromosome)
            condition = f"{chrom} = ? AND {low} >= ? AND {low} < ? AND {high} > ?"
            return RowCondition(condition, (chromosome, begin, last, first))
        raise InvalidInput('"mode" must be "overlap" or "enclose"')


@dataclass(frozen=True)
class LexicographicIndex:
    """An index over the values of columns, in the order of the columns."""

    name: str
    columns: tuple[IndexedColumn, ...]

    def condition(self, parameters: JSON, _longest: Callable[[Any], int]) -> RowCondition:
        """Return the condition for a query: values or bounds by column, combined by `$and`.

        Raises InvalidInput.
        """
        indexed = {each.column.name: each for each in self.columns}
        parts, values = ["1"], []
        pending: list[Any] = [parameters]
        while pending:
            condition = pending.pop()
            if not isinstance(condition, dict):
                raise InvalidInput("the conditions of a lexicographic query must be hashes")
            for name, wanted in condition.items():
                if name == "$and":
                    if not isinstance(wanted, list):
                        raise InvalidInput('"$and" must be an array of conditions')
                    pending.extend(wanted)
                elif name not in indexed:
                    raise InvalidInput(f'the index "{self.name}" has no column "{name}"')
                else:
                    for operator, value in _bounds(indexed[name], wanted):
                        parts.append(f"{indexed[name].sql} {operator} ?")
                        values.append(value)
        return RowCondition(" AND ".join(parts), tuple(values))


Index = GenomicIndex | LexicographicIndex


def read_indices(value: Any, columns: tuple[Column, ...]) -> tuple[Index, ...]:
    """Return the indices that a request describes. Raises InvalidInput."""
    if not isinstance(value, list) or not all(isinstance(described, dict) for described in value):
        raise InvalidInput('"indices" must be an array of hashes')
    by_name = {column.name: IndexedColumn(column, position) for position, column in enumerate(columns)}
    indices = tuple(_read_index(described, by_name) for described in value)
    if len({index.name for index in indices}) < len(indices):
        raise InvalidInput('"indices" contains a name twice; use each name once')
    return indices


def _read_index(described: JSON, by_name: dict[str, IndexedColumn]) -> Index:
    name = read.text(described, "name")
    kind = read.text(described, "type")
    if kind == "genomic":
        return GenomicIndex(name, _genomic_columns(described, by_name))
    if kind == "lexicographic":
        listed = described.get("columns")
        if not isinstance(listed, list) or not listed:
            raise InvalidInput(f'the "columns" of index "{name}" must be a non-empty array of hashes')
        return LexicographicIndex(name, tuple(_ordered_column(each, by_name) for each in listed))
    raise InvalidInput(f'the "type" of index "{name}" must be "genomic" or "lexicographic"')


def _genomic_columns(described: JSON, by_name: dict[str, IndexedColumn]) -> tuple[IndexedColumn, ...]:
    chromosome, low, high = (_named(read.text(described, key), by_name) for key in ("chr", "lo", "hi"))
    if chromosome.column.type != "string":
        raise InvalidInput(
            f'"chr" must name a column of type string; "{chromosome.column.name}" is {chromosome.column.type}'
        )
    for bound in (low, high):
        if bound.column.type not in INTEGER_RANGES:
            raise InvalidInput(
                f'"lo" and "hi" must name columns of integers; "{bound.column.name}" is {bound.column.type}'
            )
    return chromosome, low, high


def _ordered_column(described: Any, by_name: dict[str, IndexedColumn]) -> IndexedColumn:
    if not isinstance(described, dict):
        raise InvalidInput('each column of an index must be a hash with "name"')
    indexed = _named(read.text(described, "name"), by_name)
    order = read.text(described, "order", "asc").lower()
    if order not in ("asc", "desc"):
        raise InvalidInput('"order" must be "asc" or "desc"')
    case_sensitive = read.flag(described, "caseSensitive", default=True)
    return IndexedColumn(indexed.column, indexed.position, order == "desc", case_sensitive)


def _named(name: str, by_name: dict[str, IndexedColumn]) -> IndexedColumn:
    if name not in by_name:
        raise InvalidInput(f'an index names the column "{name}", which the table does not have')
    return by_name[name]


def _bounds(indexed: IndexedColumn, wanted: Any) -> list[tuple[str, Any]]:
    if not isinstance(wanted, dict):
        return [("=", _check(indexed, wanted))]
    unknown = [operator for operator in wanted if operator not in _OPERATORS]
    if unknown:
        raise InvalidInput(f'"{unknown[0]}" is not an operator; use {", ".join(_OPERATORS)}')
    return [(_OPERATORS[operator], _check(indexed, value)) for operator, value in wanted.items()]


def _check(indexed: IndexedColumn, value: Any, *, widen: bool = False) -> Any:
    """Return a value to compare with the column's; with `widen`, it may be out of the column's range."""
    column = indexed.column
    if widen and column.type in INTEGER_RANGES:
        column = Column(column.name, "int64")
    return column.check(value)
