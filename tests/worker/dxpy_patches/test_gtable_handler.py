"""`dxpy.DXGTable` in a job, against a real platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform
    from tests.worker.conftest import Workshop

MAKE = """
import json
columns = [dxpy.DXGTable.make_column_desc("name", "string"), dxpy.DXGTable.make_column_desc("n", "int32")]
table = dxpy.new_dxgtable(columns)
"""


def say(workshop: Workshop, served: ServedPlatform, code: str) -> list[str]:
    job = workshop.run_on(served, f"{MAKE}{code}\ndxpy.utils.exec_utils.RUN_COUNT = 1\n")
    assert job.code == 0, job.lines
    return job.said()


def test_rows_come_back_as_lists_and_hashes(workshop: Workshop, served: ServedPlatform) -> None:
    said = say(
        workshop,
        served,
        """
with table:
    table.add_row(["a", 1])
    table.add_rows([["b", 2], ["c", 3]])
print(list(table))
print(list(table.iterate_rows(1, 2, want_dict=True)))
print(list(table.iterate_rows(columns=["n"])))
print(table.get_rows(starting=2), table.closed(), table.get_col_names())
""",
    )
    assert said == [
        "[[0, 'a', 1], [1, 'b', 2], [2, 'c', 3]]",
        "[{'__id__': 1, 'name': 'b', 'n': 2}]",
        "[[1], [2], [3]]",
        "{'length': 1, 'next': None, 'data': [[2, 'c', 3]]} True ['name', 'n']",
    ]


def test_more_rows_than_a_part_holds_are_sent_in_parts(workshop: Workshop, served: ServedPlatform) -> None:
    said = say(
        workshop,
        served,
        """
table.add_rows([["x", i] for i in range(45_000)])
print(len(table.describe(fields={"parts"})["parts"]))
table.close(block=True)
print(len(table.describe(fields={"length", "parts"})), table.describe()["length"])
print([row[0] for row in table.iterate_rows(39_998, 40_002)], sum(1 for _ in table))
print(sum(1 for _ in table.iterate_query_rows(limit=41_000)))
""",
    )
    assert said == ["4", "2 45000", "[39998, 39999, 40000, 40001] 45000", "41000"]


def test_what_was_added_is_sent_when_the_job_ends(workshop: Workshop, served: ServedPlatform) -> None:
    (table,) = say(workshop, served, "table.add_row(['late', 1])\nprint(table.get_id())")
    assert served.post(f"/{table}/describe", {"fields": {"parts": True}})["parts"] == {"1": {"length": 1}}


@pytest.mark.parametrize("row", [["a"], ["a", "1"], ["a", True], [1, 1], ["a", 1.5]])
def test_a_row_that_does_not_fit_is_refused_before_it_is_sent(
    workshop: Workshop, served: ServedPlatform, row: list[object]
) -> None:
    said = say(
        workshop,
        served,
        f"""
try: table.add_rows([["ok", 1], {row!r}])
except ValueError as error: print(type(error).__name__)
table.close()
print(table.describe()["length"])
""",
    )
    assert said == ["ValueError", "0"]


def test_a_table_to_add_to_stays_open(workshop: Workshop, served: ServedPlatform) -> None:
    said = say(
        workshop,
        served,
        """
with dxpy.open_dxgtable(table.get_id(), mode="a") as same:
    same.add_row(["a", 1])
print(table.describe()["state"])
""",
    )
    assert said == ["open"]


def test_a_range_is_found_by_its_index(workshop: Workshop, served: ServedPlatform) -> None:
    said = say(
        workshop,
        served,
        """
kinds = {"chr": "string", "lo": "int32", "hi": "int32"}
columns = [{"name": name, "type": kind} for name, kind in kinds.items()]
spans = dxpy.new_dxgtable(columns, [dxpy.DXGTable.genomic_range_index("chr", "lo", "hi")])
spans.add_rows([["chr1", 25, 30], ["chr1", 15, 23], ["chr2", 15, 23]], part=3)
spans.close(block=True)
query = dxpy.DXGTable.genomic_range_query("chr1", 22, 25)
print(list(spans.iterate_query_rows(query, columns=["__id__", "lo"], want_dict=True)))
like = dxpy.new_dxgtable(init_from=spans)
print(like.describe()["indices"] == spans.describe()["indices"])
""",
    )
    assert said == ["[{'__id__': 0, 'lo': 15}]", "True"]


def test_a_mode_that_does_not_exist_is_refused(workshop: Workshop, served: ServedPlatform) -> None:
    said = say(workshop, served, "try: dxpy.DXGTable(mode='x')\nexcept ValueError as error: print(error)")
    assert said == ["mode must be 'r', 'w', 'a' or None, not 'x'"]
