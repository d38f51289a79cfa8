"""Tests that compare queries of genomic and lexicographic indices with a linear search over the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.gtables.columns import read_columns
from dx_local.platform.gtables.indices import Index, read_indices
from dx_local.platform.gtables.rows import TableFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLUMNS = read_columns(
    [
        {"name": "chr", "type": "string"},
        {"name": "lo", "type": "int32"},
        {"name": "hi", "type": "int32"},
        {"name": "name", "type": "string"},
    ]
)
GRI = {"name": "gri", "type": "genomic", "chr": "chr", "lo": "lo", "hi": "hi"}
BY_NAME = {
    "name": "by name",
    "type": "lexicographic",
    "columns": [{"name": "name", "order": "DESC"}, {"name": "lo"}],
}
FOLDED = {
    "name": "folded",
    "type": "lexicographic",
    "columns": [{"name": "name", "caseSensitive": False}],
}

Rows = list[tuple[str, int, int, str]]
positions = st.integers(0, 60)
rows = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr2"]), positions, positions, st.sampled_from("aAbB")).map(
        lambda row: (row[0], min(row[1:3]), max(row[1:3]) + 1, row[3])
    ),
    max_size=30,
)


class Table:
    """A closed table of these rows."""

    def __init__(self, folder: Path, content: Sequence[Sequence[Any]], *indices: Any) -> None:
        self.indices = read_indices(list(indices), COLUMNS)
        self.file = TableFile(folder / "table.sqlite", COLUMNS, self.indices)
        self.file.put_part(1, content)
        self.file.finish()

    def all(self) -> list[list[Any]]:
        return self.file.rows(["chr", "lo", "hi", "name"], starting=0, limit=1000, condition=None)[0]

    def query(self, number: int, parameters: Any, limit: int = 1000) -> list[list[Any]]:
        index: Index = self.indices[number]
        condition = index.condition(parameters, lambda chrom: self.file.longest(index, chrom))
        names = ["chr", "lo", "hi", "name"]
        return self.file.rows(names, starting=0, limit=limit, condition=condition)[0]


NewTable = Callable[..., Table]


@pytest.fixture(scope="session")
def new_table(tmp_path_factory: pytest.TempPathFactory) -> NewTable:
    return lambda *arguments: Table(tmp_path_factory.mktemp("table"), *arguments)


@given(content=rows)
def test_the_first_index_orders_the_rows(new_table: NewTable, content: Rows) -> None:
    assert new_table(content, GRI, BY_NAME).all() == [
        list(row) for row in sorted(content, key=lambda r: r[:3])
    ]


@given(content=rows)
def test_a_descending_column_comes_last_first(new_table: NewTable, content: Rows) -> None:
    expected = sorted(content, key=lambda row: (-ord(row[3]), row[1]))
    assert new_table(content, BY_NAME).all() == [list(row) for row in expected]


@given(content=rows, first=positions, length=st.integers(0, 30))
def test_a_range_finds_overlapping_rows(new_table: NewTable, content: Rows, first: int, length: int) -> None:
    last = first + length
    ordered = sorted(content, key=lambda row: row[:3])
    expected = [list(row) for row in ordered if row[0] == "chr1" and row[1] < last and row[2] > first]
    found = new_table(content, GRI).query(0, {"mode": "overlap", "coords": ["chr1", first, last]})
    assert found == expected


@given(content=rows, first=positions, length=st.integers(0, 30))
def test_a_range_finds_enclosed_rows(new_table: NewTable, content: Rows, first: int, length: int) -> None:
    last = first + length
    ordered = sorted(content, key=lambda row: row[:3])
    expected = [list(row) for row in ordered if row[0] == "chr2" and first <= row[1] and row[2] <= last]
    found = new_table(content, GRI).query(0, {"mode": "enclose", "coords": ["chr2", first, last]})
    assert found == expected


def test_intervals_are_half_open(new_table: NewTable) -> None:
    table = new_table([("chr1", 15, 23, "e"), ("chr1", 25, 30, "f")], GRI)
    found = table.query(0, {"mode": "overlap", "coords": ["chr1", 22, 25]})
    assert [row[3] for row in found] == ["e"]


def test_a_bound_may_exceed_the_range_of_the_column(new_table: NewTable) -> None:
    table = new_table([("chr1", 15, 23, "e")], GRI)
    assert len(table.query(0, {"mode": "overlap", "coords": ["chr1", 0, 2**40]})) == 1


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, "baB"),
        ({"name": "a"}, "a"),
        ({"name": {"$gt": "B"}}, "ba"),
        ({"name": {"$gte": "B", "$lt": "b"}}, "aB"),
        ({"$and": [{"name": {"$gte": "a"}}, {"lo": {"$lte": 1}}]}, "a"),
        ({"name": "b", "lo": 1}, ""),
    ],
)
def test_conditions_choose_rows(new_table: NewTable, parameters: Any, names: str) -> None:
    table = new_table([("c", 1, 2, "a"), ("c", 2, 3, "b"), ("c", 3, 4, "B")], BY_NAME)
    assert "".join(row[3] for row in table.query(0, parameters)) == names


def test_an_index_may_fold_case(new_table: NewTable) -> None:
    table = new_table([("c", 1, 2, "a"), ("c", 2, 3, "A"), ("c", 3, 4, "b")], FOLDED)
    assert [row[3] for row in table.query(0, {"name": "A"})] == ["a", "A"]


@pytest.mark.parametrize(
    ("number", "parameters"),
    [
        (0, {"mode": "near", "coords": ["chr1", 1, 2]}),
        (0, {"mode": "overlap", "coords": ["chr1", 1]}),
        (0, {"mode": "overlap", "coords": [1, 1, 2]}),
        (0, {"mode": "overlap", "coords": ["chr1", "1", 2]}),
        (0, {"coords": ["chr1", 1, 2]}),
        (1, {"hi": 3}),
        (1, {"name": {"$regexp": "a"}}),
        (1, {"name": 3}),
        (1, {"$and": {"name": "a"}}),
        (1, {"$and": ["a"]}),
    ],
)
def test_a_wrong_query_is_rejected(new_table: NewTable, number: int, parameters: Any) -> None:
    with pytest.raises(InvalidInput):
        new_table([], GRI, BY_NAME).query(number, parameters)


@pytest.mark.parametrize(
    ("number", "parameters"),
    [(0, {"mode": "overlap", "coords": ["chr1", 500, 510]}), (1, {"name": "a", "lo": {"$gt": 3}})],
)
def test_a_query_reads_its_index_not_the_table(new_table: NewTable, number: int, parameters: Any) -> None:
    table = new_table([("chr1", i, i + 5, "a") for i in range(1000)], GRI, BY_NAME)
    index = table.indices[number]
    condition = index.condition(parameters, lambda chrom: table.file.longest(index, chrom))
    with closing(sqlite3.connect(table.file._path)) as database:
        plan = database.execute(
            f"EXPLAIN QUERY PLAN SELECT * FROM row WHERE id > 0 AND {condition.sql} ORDER BY id",
            condition.values,
        ).fetchall()
    assert any(f"USING INDEX by{number}" in step[3] for step in plan), plan
