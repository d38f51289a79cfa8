"""Find the package, or the file for resources/, that provides a program of a command.

Sources, in this order: a file that the command names by its path; the programs of every worker; the package
database of this machine; the table of programs in the file lists of Debian packages; the linter's table of
other well-known programs; the Python environment or the file of a script on PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from dx_app_wizard.lint.source.debian_programs import packages_with_program
from dx_app_wizard.lint.source.program_packages import packages_of_programs, worker_programs

PROGRAM_FOLDER = "usr/local/bin"
"""The folder in resources/ for programs."""

_OWN_FOLDERS = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/games/")
_OWNER_OF_SCRIPT = """
import sys, importlib.metadata as metadata
for script in metadata.entry_points(group="console_scripts"):
    if script.name == sys.argv[1] and script.dist:
        print(script.dist.metadata["Name"])
        break
"""


@dataclass(frozen=True)
class Provided:
    """The provider of a program: packages, and files for resources/ by their paths there.

    `evidence` is a clause such as `is in package samtools`; `is_known` is false if nothing provides it.
    `word` replaces the program's name in the command.
    """

    program: str
    evidence: str = ""
    packages: tuple[str, ...] = ()
    resources: dict[str, Path] = field(default_factory=dict)
    is_known: bool = True
    word: str | None = None


def provide(program: str, folder: Path) -> Provided:
    """Return the provider of a program as it is named in a command that runs in folder."""
    if "/" in program and not program.startswith(_OWN_FOLDERS):
        return _file_by_path(program, folder)
    name = Path(program).name
    if name in worker_programs():
        return Provided(program)
    path = shutil.which(program)
    package = package_of_file(os.path.realpath(path)) or package_of_file(path) if path else None
    if package:
        return Provided(program, f"is in package {package}", (package,))
    if row := next(iter(packages_with_program(name)), None):
        of = f"by its file list in {row.release}"
        checked = "" if row.is_of_worker else ", unchecked for Ubuntu"
        return Provided(program, f"is in package {row.package}, {of}{checked}", (row.package,))
    if known := packages_of_programs().get(name):
        chosen = next((item for item in known if "*" not in item), None)
        if chosen:
            return Provided(program, f"is in package {chosen}, by the linter's table, unchecked", (chosen,))
    return _on_path(program, path) if path else Provided(program, "is not installed here", is_known=False)


def resource(path: Path, folder: str = PROGRAM_FOLDER) -> dict[str, Path]:
    """Return a file for resources/, by its path there."""
    return {f"{folder}/{path.name}": path}


@cache
def package_of_file(path: str) -> str | None:
    """Return the Debian package that owns a file, None if there is none or no dpkg."""
    if shutil.which("dpkg-query") is None:
        return None
    # Since the merge of /usr, packages may own a file as /bin/NAME or as /usr/bin/NAME.
    for name in (path, path.removeprefix("/usr") if path.startswith("/usr/") else f"/usr{path}"):
        done = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return re.split(r"[:,]", done.stdout, maxsplit=1)[0]
    return None


def version_of(package: str) -> str | None:
    """Return the version of an installed Debian package."""
    if shutil.which("dpkg-query") is None:
        return None
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or None if done.returncode == 0 else None


def _file_by_path(program: str, folder: Path) -> Provided:
    path = (folder / Path(program).expanduser()).resolve()
    if not path.is_file():
        return Provided(program, "does not exist", is_known=False)
    package = package_of_file(str(path))
    if package:
        return Provided(program, f"is in package {package}", (package,), word=path.name)
    target = f"resources/{PROGRAM_FOLDER}"
    return Provided(program, f"goes to {target}", resources=resource(path), word=path.name)


def _on_path(program: str, path: str) -> Provided:
    """Return the provider of a program on PATH that belongs to no Debian package."""
    first = first_line(Path(path))
    if first.startswith("#!") and "python" in first:
        interpreter = first[2:].split()
        done = subprocess.run(
            [*interpreter, "-c", _OWNER_OF_SCRIPT, program], capture_output=True, text=True, check=False
        )
        if owner := done.stdout.strip():
            return Provided(program, f"is in {owner} from PyPI", (f"pip:{owner}",))
    if first.startswith("#!"):
        evidence = f"is the script {path}, which goes to resources/{PROGRAM_FOLDER}"
        return Provided(program, evidence, resources=resource(Path(path)))
    return Provided(program, f"is {path}, which belongs to no package", is_known=False)


def first_line(path: Path) -> str:
    """Return the first line of a file, empty if it is not text."""
    try:
        with path.open("rb") as file:
            return file.readline(1000).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""
