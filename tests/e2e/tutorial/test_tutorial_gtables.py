"""The tutorial's apps over GTables, as it prints them but for Python 3, and bash.

Source: https://documentation.dnanexus.com/developer/apps/parallelize-your-app (2013)
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.testing import Run

HERE = Path(__file__).parent
REAL_READS = HERE.parents[1] / "data" / "reads.fastq"


def write_reads(path: Path, count: int, every: int) -> int:
    """Write a table of this many reads, of which each `every`th is all A's; return how many those are."""
    with path.open("w") as file:
        file.write("name:string,sequence:string\n")
        file.writelines(f"read{i},{'A' * 36 if i % every == 0 else 'A' * 35 + 'C'}\n" for i in range(count))
    return -(-count // every)


@pytest.mark.parametrize(
    "count", [2_003, pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(180)])]
)
def test_ten_subjobs_count_the_reads_of_a_table(
    dx_run: Callable[..., Run], tmp_path: Path, count: int
) -> None:
    table = tmp_path / "reads.csv"
    expected = write_reads(table, count, every=7)
    run = dx_run(HERE / "gtable_count", {"input_gtable": table})
    assert run.output == {"count": expected}


def test_a_fastq_file_is_a_table_of_reads(dx_run: Callable[..., Run]) -> None:
    run = dx_run(HERE / "gtable_count", {"input_gtable": REAL_READS, "num_subjobs": 3})
    assert run.output == {"count": 0}


def test_subjobs_fill_a_table_that_postprocess_closes(dx_run: Callable[..., Run]) -> None:
    run = dx_run(HERE / "gtable_collect", {"input_gtable": REAL_READS, "num_subjobs": 4})
    with run.output["output"].open() as file:
        header, *rows = csv.reader(file)
    assert header == ["index:int32", "i:int32"]
    expected = [(index, i) for index in range(4) for i in range(1000)]
    assert sorted((int(index), int(i)) for index, i in rows) == expected


@pytest.mark.slow
def test_a_bash_app_gives_out_a_table(dx_run: Callable[..., Run]) -> None:
    run = dx_run(HERE / "gtable_collect_bash", {})
    assert run.output["output"].read_text() == "index:int32\n1\n2\n3\n"
