"""Write the table of Debian packages and their programs from the packages' own file lists.

    python packaging/debian_programs/list_programs.py [--download] [--check] [--table FILE]

The packages are those of packages.txt beside this script. An installed package is read with dpkg-query; with
`--download`, apt-get downloads the others and dpkg-deb reads them. A package that is neither keeps its row.
With `--check`, nothing is written: the exit code is 1 if a row differs from what this machine has.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from dx_app_wizard.files import atomic_write
from dx_app_wizard.lint.source.debian_programs import FOLDERS, TABLE, PackageRow, read_rows

PACKAGES = Path(__file__).with_name("packages.txt")
_HEADER = """\
# Programs of Debian packages, read from the packages' own file lists. Do not edit: this file is written by
# packaging/debian_programs/list_programs.py.
# Columns: package, release and version of the list that was read, programs in {folders}.
# A row read from Debian is unchecked for Ubuntu, the release of workers: names of packages and programs may
# differ there. Run the script on Ubuntu to replace such rows.
"""


def package_names() -> list[str]:
    """Return the names in packages.txt."""
    lines = PACKAGES.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def release() -> str:
    """Return the release of this machine, such as `debian-12`."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]+)"?$', text, re.MULTILINE))
    return f"{found.get('ID', 'unknown')}-{found.get('VERSION_ID', 'unknown')}"


def installed_row(package: str) -> PackageRow | None:
    """Return the row of an installed package, None if it is not installed."""
    shown = _output("dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\t${Version}", package)
    status, _, version = shown.partition("\t")
    if not status.startswith("ii"):
        return None
    paths = _output("dpkg-query", "--listfiles", package).splitlines()
    programs = {Path(path).name for path in paths if _is_program(path) and os.access(path, os.X_OK)}
    return PackageRow(package, release(), version, tuple(sorted(programs)))


def downloaded_row(package: str) -> PackageRow | None:
    """Return the row of a package that apt-get can download, None if it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        _output("apt-get", "download", "--quiet", package, folder=folder)
        for archive in Path(folder).glob("*.deb"):
            version = _output("dpkg-deb", "--field", str(archive), "Version").strip()
            return PackageRow(package, release(), version, _programs_of_archive(archive))
    return None


def _programs_of_archive(archive: Path) -> tuple[str, ...]:
    programs = set()
    for line in _output("dpkg-deb", "--contents", str(archive)).splitlines():
        # mode, owner, size, date, time, ./path, and `-> target` or `link to target` for a link
        mode, *_, path = re.split(" -> | link to ", line)[0].split(None, 5)
        if mode[0] in "-lh" and "x" in mode and _is_program(path.removeprefix(".")):
            programs.add(Path(path).name)
    return tuple(sorted(programs))


def _is_program(path: str) -> bool:
    return str(Path(path).parent) in FOLDERS and not Path(path).is_dir()


def _output(*command: str, folder: str | None = None) -> str:
    """Return what a program prints; empty if it fails."""
    variables = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=variables)
    return done.stdout if done.returncode == 0 else ""


def table_text(rows: list[PackageRow]) -> str:
    """Return the table as text, with its header."""
    lines = [
        "\t".join((row.package, row.release, row.version, " ".join(row.programs)))
        for row in sorted(rows, key=lambda row: row.package)
    ]
    return _HEADER.format(folders=", ".join(FOLDERS)) + "".join(f"{line}\n" for line in lines)


def check(known: dict[str, PackageRow]) -> tuple[list[str], list[str]]:
    """Return the packages whose rows were compared with this machine, and those whose rows differ.

    A row is compared if this machine has the package in the row's release and version.
    """
    found = [row for name in package_names() if (row := installed_row(name))]
    versions = {(row.package, row.release, row.version) for row in known.values()}
    compared = [row for row in found if (row.package, row.release, row.version) in versions]
    return [row.package for row in compared], [row.package for row in compared if known[row.package] != row]


def main(arguments: list[str] | None = None) -> int:
    """Write or check the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--download", action="store_true", help="download packages that are not installed")
    parser.add_argument("--check", action="store_true", help="compare the table, and write nothing")
    parser.add_argument("--table", type=Path, default=TABLE, help="another file than that of the linter")
    options = parser.parse_args(arguments)
    known = {row.package: row for row in read_rows(options.table)}
    if options.check:
        compared, different = check(known)
        print(f"compared: {' '.join(compared) or 'none'}; different: {' '.join(different) or 'none'}")
        return 1 if different else 0
    rows = []
    for name in package_names():
        row = installed_row(name) or (downloaded_row(name) if options.download else None)
        if row is None:
            print(f"{name}: not installed; its row {'stays' if name in known else 'is missing'}")
        row = row or known.get(name)
        rows += [row] if row else []
    atomic_write(options.table, table_text(rows), mode=0o644)
    count = sum(len(row.programs) for row in rows)
    print(f"wrote {len(rows)} packages with {count} programs to {options.table.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
