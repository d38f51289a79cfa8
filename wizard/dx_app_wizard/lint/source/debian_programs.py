"""The programs of Debian packages, by the table that packaging/debian_programs/list_programs.py writes.

The table is made from the packages' own file lists. Each row names the release whose list was read: a row
from Debian is unchecked for Ubuntu, the release of workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("debian_programs.tsv")
FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
"""The folders whose files are the programs of a package."""


@dataclass(frozen=True)
class PackageRow:
    """A package and its programs, by the file list of a release such as `debian-12`, in a version."""

    package: str
    release: str
    version: str
    programs: tuple[str, ...]

    @property
    def is_of_worker(self) -> bool:
        """True if the list was that of Ubuntu, as workers have it."""
        return self.release.startswith("ubuntu-")


@cache
def read_rows(table: Path = TABLE) -> tuple[PackageRow, ...]:
    """Return the rows of a table, none if the file does not exist."""
    if not table.is_file():
        return ()
    lines = table.read_text(encoding="utf-8").splitlines()
    fields = (line.split("\t") for line in lines if not line.startswith("#"))
    return tuple(
        PackageRow(package, release, version, tuple(programs.split()))
        for package, release, version, programs in fields
    )


@cache
def packages_with_program(program: str) -> tuple[PackageRow, ...]:
    """Return the rows of the packages that have a program."""
    return tuple(row for row in read_rows() if program in row.programs)
