"""`dx-local gtable` as a client of a platform."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.local_server import DX_LOCAL, user_variables

if TYPE_CHECKING:
    from pathlib import Path


def shell(home: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a bash script inside `dx-local exec`."""
    return subprocess.run(
        [DX_LOCAL, "exec", "--", "bash", "-ec", script],
        env=user_variables(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_table_goes_in_and_comes_back_in_the_order_of_its_index(tmp_path: Path) -> None:
    (tmp_path / "spans.csv").write_text("chr,lo,hi,name\nchr2,5,9,b\nchr1,7,8,c\nchr1,1,4,a\n")
    done = shell(
        tmp_path,
        'table=$(dx-local gtable import spans.csv --gri chr,lo,hi --name spans)\n'
        'dx describe spans --json > described.json\n'
        'dx-local gtable export "$table" out.tsv\n'
        'dx api "$table" get \'{"query": {"index": "gri", "parameters": {"mode": "overlap",'
        ' "coords": ["chr1", 3, 8]}}, "columns": ["name"]}\' > found.json',
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "described.json").read_text())["length"] == 3
    assert json.loads((tmp_path / "found.json").read_text())["data"] == [["a"], ["c"]]
    assert (tmp_path / "out.tsv").read_text().splitlines() == [
        "chr:string\tlo:int64\thi:int64\tname:string",
        "chr1\t1\t4\ta",
        "chr1\t7\t8\tc",
        "chr2\t5\t9\tb",
    ]


def test_a_wrong_row_leaves_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n:int32\n1\nx\n")
    done = shell(tmp_path, 'dx-local gtable import t.csv || echo "code $?"; dx find data --brief')
    assert done.stdout == "code 2\n"
    assert "t.csv:3: 'x' is not of type int32, the type of column 'n'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "t.csv"], "not connected to a platform"),
        (["import", "none.csv"], "no such file: 'none.csv'"),
        (["export", "table", "new.csv"], "'table' is not the ID of a table"),
        (["export", f"gtable-{'x' * 24}", "t.csv"], "'t.csv' exists"),
        (["export", f"gtable-{'x' * 24}", "t.doc"], "the format of the table"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "t.csv").write_text("n\n1\n")
    done = subprocess.run(
        [DX_LOCAL, "gtable", *arguments],
        env={name: value for name, value in user_variables(tmp_path).items() if not name.startswith("DX_")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
