"""Tests of the API of gtables: columns, parts, closing, ranges and invalid requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.platform.conftest import refused_by_full_disk

from dx_local.platform.core.errors import InvalidInput, InvalidState, InvalidType, ResourceNotFound
from dx_local.platform.data import contents, objects
from dx_local.platform.find import data_objects
from dx_local.platform.gtables import gtables
from dx_local.platform.gtables.columns import INTEGER_RANGES, Column
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Context

COLUMNS = [{"name": "name", "type": "string"}, {"name": "n", "type": "int32"}]
GENOMIC = [
    {"name": "chr", "type": "string"},
    {"name": "lo", "type": "int32"},
    {"name": "hi", "type": "int32"},
]
GRI = {"name": "gri", "type": "genomic", "chr": "chr", "lo": "lo", "hi": "hi"}


def make(context: Context, project: str, columns: Any = None, **more: Any) -> str:
    request = {"project": project, "columns": COLUMNS if columns is None else columns, **more}
    table_id: str = gtables.new(context, "gtable", request)["id"]
    return table_id


def add(context: Context, table: str, rows: list[Any], part: int | None = None) -> None:
    part = part or gtables.next_part(context, table, {})["part"]
    gtables.add_rows(context, table, {"part": part, "data": rows})


def close(context: Context, table: str) -> None:
    with pytest.raises(WorkRequired) as needed:
        gtables.close(context, table, {})
    needed.value.work()
    gtables.close(context, table, {})


def filled(context: Context, project: str, rows: list[Any], columns: Any = None, **more: Any) -> str:
    table = make(context, project, columns, **more)
    add(context, table, rows)
    close(context, table)
    return table


def get(context: Context, table: str, **request: Any) -> JSON:
    return gtables.get(context, table, request)


def test_an_open_table_is_described_with_its_parts(context: Context, project: str) -> None:
    table = make(context, project)
    add(context, table, [["a", 1]])
    add(context, table, [])
    described = objects.describe(context, table, {"parts": True})
    assert (described["state"], described["columns"]) == ("open", COLUMNS)
    assert list(described["parts"]) == ["1", "2"]
    assert "length" not in described
    assert "indices" not in described


def test_a_closed_table_reports_its_length(context: Context, project: str) -> None:
    table = filled(context, project, [["a", 1], ["b", 2]])
    described = objects.describe(context, table, {})
    assert (described["state"], described["length"]) == ("closed", 2)
    assert described["size"] > 0


def test_a_table_without_rows_can_be_closed(context: Context, project: str) -> None:
    table = make(context, project)
    close(context, table)
    assert get(context, table) == {"length": 0, "next": None, "data": []}
    assert objects.describe(context, table, {})["length"] == 0


def test_parts_come_in_the_order_of_their_numbers(context: Context, project: str) -> None:
    table = make(context, project)
    add(context, table, [["late", 3]], part=7)
    add(context, table, [["early", 1], ["next", 2]], part=2)
    close(context, table)
    assert get(context, table)["data"] == [[0, "early", 1], [1, "next", 2], [2, "late", 3]]


def test_a_part_that_is_sent_again_counts_once(context: Context, project: str) -> None:
    table = make(context, project)
    add(context, table, [["a", 1], ["b", 2]], part=1)
    add(context, table, [["c", 3]], part=1)
    close(context, table)
    assert get(context, table)["data"] == [[0, "c", 3]]


def test_a_part_number_is_given_once(context: Context, project: str) -> None:
    table = make(context, project)
    add(context, table, [], part=5)
    numbers = [gtables.next_part(context, table, {})["part"] for _ in range(3)]
    assert numbers == [6, 7, 8]


@pytest.mark.parametrize(
    ("request_", "ids", "following"),
    [
        ({}, [0, 1, 2, 3, 4], None),
        ({"starting": 3}, [3, 4], None),
        ({"starting": 1, "limit": 2}, [1, 2], 3),
        ({"starting": 3, "limit": 2}, [3, 4], None),
        ({"starting": 9}, [], None),
    ],
)
def test_rows_are_read_by_range(
    context: Context, project: str, request_: JSON, ids: list[int], following: int | None
) -> None:
    table = filled(context, project, [[str(i), i] for i in range(5)])
    found = get(context, table, **request_)
    assert [row[0] for row in found["data"]] == ids
    assert (found["length"], found["next"]) == (len(ids), following)


def test_columns_are_picked_and_ordered(context: Context, project: str) -> None:
    table = filled(context, project, [["a", 1]])
    assert get(context, table, columns=["n", "__id__", "name"])["data"] == [[1, 0, "a"]]
    assert get(context, table, columns=["name"])["data"] == [["a"]]


def test_values_of_every_type_come_back(context: Context, project: str) -> None:
    values = {"boolean": True, "float": 1.5, "double": 1e300, "string": "é\0'", "int64": -(2**63)}
    columns = [{"name": f"of {kind}", "type": kind} for kind in values]
    table = filled(context, project, [list(values.values())], columns)
    assert get(context, table)["data"] == [[0, *values.values()]]


@given(kind=st.sampled_from(sorted(INTEGER_RANGES)), value=st.integers(-(2**65), 2**65))
def test_an_integer_must_be_in_the_range_of_its_column(kind: str, value: int) -> None:
    lowest, highest = INTEGER_RANGES[kind]
    if lowest <= value <= highest:
        assert Column("n", kind).check(value) == value
    else:
        with pytest.raises(InvalidInput, match=kind):
            Column("n", kind).check(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", 1),
        ("int32", True),
        ("int32", 1.0),
        ("int32", None),
        ("float", 1e39),
        ("double", 10**400),
        ("double", float("nan")),
        ("double", "1"),
        ("string", 1),
        ("string", None),
    ],
)
def test_a_value_of_another_type_is_rejected_with_its_row(
    context: Context, project: str, kind: str, value: Any
) -> None:
    table = make(context, project, [{"name": "x", "type": kind}])
    with pytest.raises(InvalidInput, match=rf'row 0: column "x" takes a value of type {kind}'):
        add(context, table, [[value]])
    assert objects.describe(context, table, {"parts": True})["parts"] == {}


@pytest.mark.parametrize("row", [["a"], ["a", 1, 2], "ab", {"name": "a"}])
def test_a_row_of_another_shape_is_rejected(context: Context, project: str, row: Any) -> None:
    with pytest.raises(InvalidInput, match="row 1 must be an array of 2 values"):
        add(context, make(context, project), [["a", 1], row])


@pytest.mark.parametrize("part", [0, -1, 250_001, "1", None])
def test_a_part_number_must_be_in_range(context: Context, project: str, part: Any) -> None:
    with pytest.raises(InvalidInput, match="part"):
        gtables.add_rows(context, make(context, project), {"part": part, "data": []})


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (None, "columns"),
        ([], "non-empty array"),
        ("name", "columns"),
        ([{"name": "a", "type": "text"}], "must be one of boolean"),
        ([{"name": "__id__", "type": "string"}], "does not begin with"),
        ([{"name": "", "type": "string"}], "non-empty"),
        ([{"type": "string"}], "column 0"),
        ([{"name": "a", "type": "string"}] * 2, "twice"),
        ([{"name": f"c{i}", "type": "string"} for i in range(1001)], "at most 1000"),
    ],
)
def test_wrong_columns_are_rejected(context: Context, project: str, columns: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        gtables.new(context, "gtable", {"project": project, "columns": columns})


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"name": "x"}, "type"),
        ({**GRI, "type": "substring"}, "genomic"),
        ({**GRI, "chr": "lo"}, "column of type string"),
        ({**GRI, "lo": "chr"}, "columns of integers"),
        ({**GRI, "hi": "end"}, 'column "end"'),
        ({"name": "x", "type": "lexicographic", "columns": []}, "non-empty array"),
        ({"name": "x", "type": "lexicographic", "columns": [{"name": "lo", "order": "up"}]}, "asc"),
    ],
)
def test_wrong_indices_are_rejected(context: Context, project: str, index: JSON, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        make(context, project, GENOMIC, indices=[index])
    with pytest.raises(InvalidInput, match="twice"):
        make(context, project, GENOMIC, indices=[GRI, GRI])


def test_rows_can_be_read_only_once_closed(context: Context, project: str) -> None:
    table = make(context, project)
    with pytest.raises(InvalidState, match="not in the closed state"):
        get(context, table)


def test_a_closed_table_takes_nothing_more(context: Context, project: str) -> None:
    table = filled(context, project, [["a", 1]])
    for late in (
        lambda: add(context, table, [["b", 2]], part=9),
        lambda: gtables.next_part(context, table, {}),
        lambda: gtables.close(context, table, {}),
    ):
        with pytest.raises(InvalidState):
            late()


def test_rows_added_while_a_table_is_sorted_are_rejected(context: Context, project: str) -> None:
    table = make(context, project)
    add(context, table, [["a", 1]])
    with pytest.raises(WorkRequired) as needed:
        gtables.close(context, table, {})
    needed.value.work()
    with pytest.raises(InvalidState, match="being closed"):
        add(context, table, [["b", 2]], part=2)


def test_a_table_is_initialized_from_another(context: Context, project: str) -> None:
    first = filled(context, project, [["chr1", 1, 2]], GENOMIC, indices=[GRI], name="first", tags=["t"])
    source = {"id": first, "project": project}
    second = gtables.new(context, "gtable", {"project": project, "initializeFrom": source})["id"]
    described = objects.describe(context, second, {})
    assert (described["name"], described["tags"]) == ("first", ["t"])
    assert (described["columns"], described["indices"], described["state"]) == (GENOMIC, [GRI], "open")


def test_a_table_can_only_be_initialized_from_a_table(context: Context, project: str) -> None:
    from dx_local.platform.data import records

    record = records.new(context, "record", {"project": project})["id"]
    with pytest.raises(InvalidType):
        gtables.new(
            context, "gtable", {"project": project, "initializeFrom": {"id": record, "project": project}}
        )


def test_a_table_that_is_removed_leaves_nothing(context: Context, project: str) -> None:
    table = filled(context, project, [["a", 1]])
    assert list(context.platform.folder.glob("gtables/*"))
    contents.remove_objects(context, project, {"objects": [table]})
    assert not list(context.platform.folder.glob("gtables/*"))
    with pytest.raises(ResourceNotFound):
        get(context, table)


def test_a_table_whose_removal_is_rolled_back_keeps_its_rows(context: Context, project: str) -> None:
    table = filled(context, project, [["a", 1]])
    with refused_by_full_disk(context.store):
        contents.remove_objects(context, project, {"objects": [table]})
    with context.store.transaction():
        pass
    assert get(context, table)["data"] == [[0, "a", 1]]


def test_a_table_file_without_content_takes_rows(context: Context, project: str) -> None:
    table = make(context, project)
    folder = context.platform.folder / "gtables"
    folder.mkdir()
    (folder / f"{table}.sqlite").touch()
    assert objects.describe(context, table, {"fields": {"parts": True}})["parts"] == {}
    add(context, table, [["a", 1]])
    close(context, table)
    assert get(context, table)["data"] == [[0, "a", 1]]


def test_tables_are_found_by_their_class(context: Context, project: str) -> None:
    table = make(context, project)
    found = data_objects.find_data_objects(context, "system", {"class": "gtable"})
    assert [each["id"] for each in found["results"]] == [table]
