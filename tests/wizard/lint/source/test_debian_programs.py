"""The table of Debian packages and their programs: its format and sources, and the script that writes it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dx_app_wizard.lint.source.debian_programs import TABLE, packages_with_program, read_rows
from dx_app_wizard.lint.source.program_packages import packages_of_programs, worker_programs

SCRIPT = Path(__file__).parents[4] / "packaging" / "debian_programs" / "list_programs.py"


def listed() -> list[str]:
    lines = SCRIPT.with_name("packages.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def run(*options: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *options], capture_output=True, text=True, check=False, timeout=120
    )


def test_every_row_states_the_list_that_it_was_read_from() -> None:
    rows = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    form = re.compile(r"[a-z0-9][a-z0-9.+-]+\t(?:debian|ubuntu)-[\d.]+\t[\w.:+~-]+\t\S+(?: \S+)*")
    assert [row for row in rows if not form.fullmatch(row)] == []
    assert [row.package for row in read_rows()] == sorted(listed())
    assert all(list(row.programs) == sorted(set(row.programs)) for row in read_rows())


def test_the_table_marks_rows_that_are_unchecked_for_workers() -> None:
    header = "".join(line for line in TABLE.read_text().splitlines() if line.startswith("#"))
    assert "packaging/debian_programs/list_programs.py" in header
    assert "A row read from Debian is unchecked for Ubuntu" in header
    assert all(row.is_of_worker == row.release.startswith("ubuntu-") for row in read_rows())


@pytest.mark.parametrize(
    ("program", "package"),
    [("bgzip", "tabix"), ("unpigz", "pigz"), ("vcf-sort", "vcftools"), ("intersectBed", "bedtools")],
)
def test_programs_of_the_table_have_a_package(program: str, package: str) -> None:
    assert [row.package for row in packages_with_program(program)] == [package]
    assert packages_of_programs()[program][0] == package


def test_the_linter_learns_every_program_of_the_table() -> None:
    programs = {program for row in read_rows() for program in row.programs} - worker_programs()
    assert programs <= packages_of_programs().keys()


@pytest.mark.slow
def test_the_script_reproduces_the_rows_of_installed_packages(tmp_path: Path) -> None:
    checked = run("--check")
    if "compared: none" in checked.stdout:
        pytest.skip("no package of the table is installed here in the table's release and version")
    assert checked.returncode == 0, checked.stdout
    table = tmp_path / "table.tsv"
    written = run("--table", table)
    assert written.returncode == 0, written.stderr
    compared = re.search(r"compared: ([^;]+)", checked.stdout)
    assert compared
    names = compared[1].split()
    assert [row for row in read_rows(table) if row.package in names] == [
        row for row in read_rows() if row.package in names
    ]
    table.write_text(table.read_text().replace("bgzip ", "").replace("samtools ", "sam "))
    assert run("--check", "--table", table).returncode == 1
