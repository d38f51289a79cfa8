"""Read and write tables as CSV, TSV and FASTQ; mistakes are reported by line."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dx_local.engine.table_formats import read_table, write_table
from dx_local.errors import UsageError
from dx_local.platform.gtables.columns import INTEGER_RANGES, TYPES

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": TEXT | st.sampled_from(["a,b", 'say "hi"', "two\nlines", "\t", "007", ""]),
    **{name: st.integers(*limits) for name, limits in INTEGER_RANGES.items()},
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[dict[str, str]], list[list[Any]]]:
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    columns = [{"name": f"c:{place}", "type": kind} for place, kind in enumerate(kinds)]
    row = st.tuples(*(VALUES[kind] for kind in kinds)).map(list)
    return columns, draw(st.lists(row, max_size=5))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz"])
@given(table=tables())
def test_a_table_that_is_written_is_read_again(folder: Path, suffix: str, table: Any) -> None:
    columns, rows = table
    path = folder / f"table.{suffix}"
    write_table(path, columns, rows)
    back = read_table(path)
    assert back.columns == columns
    assert list(back.rows()) == rows


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-20"], "int64"),
        (["1", "2.5"], "double"),
        (["1", "x"], "string"),
        (["007"], "string"),
        (["1_0"], "string"),
        (["nan"], "string"),
        (["12345678901234567890"], "string"),
        ([], "string"),
    ],
)
def test_a_column_without_a_type_gets_that_of_its_values(
    tmp_path: Path, values: list[str], kind: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{line}\n" for line in ["n", *values]))
    assert read_table(path).columns == [{"name": "n", "type": kind}]


def test_reads_come_back(tmp_path: Path) -> None:
    text = "@r1 first\nACGT\n+r1\nIIII\n@r2\n\n+\n\n"
    packed = tmp_path / "r.fastq.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    table = read_table(packed)
    rows = list(table.rows())
    assert rows == [["r1 first", "ACGT", "IIII"], ["r2", "", ""]]
    write_table(tmp_path / "r.fq", table.columns, rows)
    assert (tmp_path / "r.fq").read_text() == "@r1 first\nACGT\n+\nIIII\n@r2\n\n+\n\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.txt", b"a\n", "the format of the table"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\n1,2\n3\n", r"t\.csv:3: 1 values for 2 columns"),
        ("t.csv", b"a:int32\n1\nx\n", r"t\.csv:3: 'x' is not of type int32, the type of column 'a'"),
        ("t.csv", b"a:boolean\nyes\n", "'yes' is not of type boolean"),
        ("t.csv", b'a\n"x\n', "cannot be read"),
        ("t.csv", b"a\n\xff\n", "not UTF-8"),
        ("t.csv.gz", b"a\n", "gzip"),
        ("t.fastq", b"@r\nACGT\n+\nIII\n", r"t\.fastq:1: no FASTQ record"),
        ("t.fastq", b"@r\nA\n+\nI\n>r\nA\n", r"t\.fastq:5: no FASTQ record"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        list(read_table(path).rows())


def test_a_table_that_has_no_reads_is_not_written_as_fastq(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name, sequence and quality"):
        write_table(tmp_path / "t.fastq", [{"name": "n", "type": "int32"}], [[1]])
    assert not list(tmp_path.iterdir())


def test_a_table_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfn:int32\r\n7\r\n")
    source = read_table(path)
    assert ([column["name"] for column in source.columns], list(source.rows())) == (["n"], [[7]])
