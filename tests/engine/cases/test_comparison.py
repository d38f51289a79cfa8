"""The outputs of a run are compared with the expectations of a test case."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.engine.cases.differences import NewValue
from dx_local.engine.cases.values import Output, output_differences

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.cases.differences import Difference

JSON = dict[str, Any]
RECORD = {"$dnanexus_link": f"record-{'x' * 24}"}
FILE = {"$dnanexus_link": f"file-{'x' * 24}"}
TABLE = "piece\tlines\tmean\n1\t4\t0.501\n2\t8\t0.25\n"


def compared(expected: Any, value: Any, links: Any = None, folder: Path | None = None) -> list[Difference]:
    output = Output(value, value if links is None else links)
    return list(output_differences(expected, output, ("expect", "out"), folder or _nowhere()))


def _nowhere() -> Path:
    from pathlib import Path

    return Path("nowhere")


def lines(found: list[Difference]) -> list[str]:
    return [line for each in found for line in each.lines()]


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        (3, 3),
        (3, 3.0),
        (None, None),
        ("a", "a"),
        ([1, 2], [1, 2]),
        ({"b": 1, "a": [True]}, {"a": [True], "b": 1}),
        ({"value": 0.5, "tolerance": 0.01}, 0.505),
        ({"value": {"file": [1.0]}, "tolerance": 0.1}, {"file": [1.05]}),
        ({"class": "array:float"}, [1, 2.5]),
        ({"class": "array:string", "non_empty": True}, ["a"]),
        ({"class": "record", "non_empty": True}, RECORD),
        ([{"class": "record"}, {"value": 3}], [RECORD, 3]),
    ],
)
def test_a_value_is_as_expected(expected: Any, value: Any) -> None:
    assert compared(expected, value) == []


@pytest.mark.parametrize(
    ("expected", "value", "line"),
    [
        (3, 4, "out: expected 3, got 4"),
        (1, True, "out: expected 1, got true"),
        ("3", 3, 'out: expected "3", got 3'),
        ([1, 2, 3], [1, 2], "out: expected [1, 2, 3], got [1, 2] (3 and 2 elements)"),
        ([1, 2], [1, 5], "out[1]: expected 2, got 5"),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "out.a.b: expected 1, got 2"),
        ({"a": 1}, {"b": 1}, "out.a: expected 1, got nothing"),
        ({"value": 0.5, "tolerance": 0.01}, 0.6, "out.value: expected 0.5, got 0.6"),
        ({"class": "int"}, "x", 'out: expected int, got string "x"'),
        ({"class": "array:string", "non_empty": True}, [], "out: it is empty: []"),
        ({"class": "array:string", "non_empty": True}, ["a", ""], 'out: [1] is empty: ["a", ""]'),
        ({"file": {"lines": 1}}, 3, "out: expected a file, got 3"),
        ([{"class": "int"}], ["x"], 'out[0]: expected int, got string "x"'),
    ],
)
def test_a_difference_names_its_place(expected: Any, value: Any, line: str) -> None:
    found = lines(compared(expected, value))
    assert found[0].startswith(line.split(", got string", maxsplit=1)[0]), found


def test_only_the_first_differences_of_a_value_are_listed() -> None:
    found = compared(list(range(20)), [0, *range(20, 39)])
    assert len(lines(found)) == 6
    assert lines(found)[-1] == "  and 14 more differences"


def test_an_update_keeps_the_order_of_keys() -> None:
    fix = compared({"b": 1, "a": 2}, {"a": 2, "b": 3, "c": 0})[0].fix
    assert isinstance(fix, NewValue)
    assert list(fix.value.items()) == [("b", 3), ("a", 2), ("c", 0)]


def test_links_are_not_written_into_a_case() -> None:
    (found,) = compared("x", RECORD)
    assert found.fix is None
    assert '{"class": "CLASS"}' in found.lines()[1]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.tsv"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ({"lines": 3, "size": len(TABLE), "non_empty": True, "contains": ["2\t8"]}, None),
        ({"md5": hashlib.md5(TABLE.encode()).hexdigest()}, None),
        ({"sha256": hashlib.sha256(TABLE.encode()).hexdigest()}, None),
        ({"columns": ["mean", "piece"]}, None),
        ({"lines": 4}, "out.file.lines: expected 4, got 3"),
        ({"columns": ["median"]}, "has no column 'median'; it has piece, lines, mean"),
        ({"contains": "9"}, 'does not contain "9"; it begins:'),
        ({"md5": "0" * 32}, "out.file.md5: expected"),
        ({"golden": "none.tsv"}, "there is no "),
    ],
)
def test_a_file_is_checked(table: Path, tmp_path: Path, checks: JSON, problem: str | None) -> None:
    found = lines(compared({"file": checks}, table, FILE, tmp_path))
    assert found == [] if problem is None else problem in found[0]


@pytest.mark.parametrize(
    ("golden", "more", "expected"),
    [
        (TABLE, {}, []),
        (TABLE.replace("0.501", "0.5"), {"tolerance": 0.01}, []),
        (TABLE.replace("0.501", "0.5"), {"columns": ["lines", "piece"]}, []),
        (TABLE.replace("0.501", "0.5"), {}, ["  2 - 1\t4\t0.5", "  2 + 1\t4\t0.501"]),
        (TABLE.replace("0.501", "0.4"), {"tolerance": 0.01}, ["  2 - 1\t4\t0.4", "  2 + 1\t4\t0.501"]),
        (TABLE + "3\t1\t1\n", {}, ["  4 - 3\t1\t1"]),
        (TABLE.replace("2\t8", "2 8"), {}, ["  3 - 2 8\\t0.25\\n", "  3 + 2\\t8\\t0.25\\n"]),
        (
            "a\n" * 9, {}, ["  1 - a", "  1 + piece\tlines\tmean", "  2 - a", "  2 + 1\t4\t0.501", "  3 - a",
                           "  3 + 2\t8\t0.25", "  and 6 more lines"],
        ),
    ],
)  # fmt: skip
def test_a_file_is_compared_with_its_golden_file(
    table: Path, tmp_path: Path, golden: str, more: JSON, expected: list[str]
) -> None:
    (tmp_path / "golden.tsv").write_text(golden)
    found = lines(compared({"file": {"golden": "golden.tsv", **more}}, table, FILE, tmp_path))
    assert found[1:] == expected
    assert bool(found) is bool(expected)


@pytest.mark.parametrize(("data", "is_same"), [(b"\0\1", True), (b"\0\2", False)])
def test_binary_files_are_compared_as_a_whole(tmp_path: Path, data: bytes, is_same: bool) -> None:
    (tmp_path / "golden").write_bytes(b"\0\1")
    (tmp_path / "file").write_bytes(data)
    found = compared({"file": {"golden": "golden"}}, tmp_path / "file", FILE, tmp_path)
    assert (found == []) is is_same
