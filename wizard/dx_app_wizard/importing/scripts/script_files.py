"""Find the modules that a script imports: files beside it, and packages to install."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dx_app_wizard.importing.programs import package_of_file

if TYPE_CHECKING:
    from pathlib import Path

HOME = "home/dnanexus"
"""The folder in resources/ that becomes the home of jobs."""

INTERPRETERS = re.compile(r"(?:.*/)?(?:python[0-9.]*|Rscript|perl|bash|sh|ruby|awk|gawk|mawk)")
_R_PACKAGE = re.compile(
    r"^\s*(?:suppress\w+\()?\s*(?:library|require)\(\s*[\"']?([A-Za-z][A-Za-z0-9.]*)", re.MULTILINE
)
_R_BASE = frozenset(
    """
    base compiler datasets grDevices graphics grid methods parallel splines stats stats4 tcltk tools utils
    """.split()  # noqa: SIM905 - a list of words reads best without quotes
)
_DISTRIBUTIONS = """
import json, sys, importlib.metadata as metadata
found = {}
for distribution in metadata.distributions():
    for file in distribution.files or ():
        top = file.parts[0].removesuffix(".py")
        found.setdefault(top, distribution.metadata["Name"])
print(json.dumps({name: found.get(name) for name in sys.argv[1:]}))
"""


@dataclass(frozen=True)
class ScriptFiles:
    """The files of a script for resources/, by their paths there, and the packages that it needs."""

    resources: dict[str, Path] = field(default_factory=dict)
    packages: tuple[str, ...] = ()


def files_of_script(path: Path, interpreter: str = "") -> ScriptFiles:
    """Return the files and packages of a script; `interpreter` is the program that runs it, if known."""
    if path.suffix == ".py" or "python" in interpreter:
        return _python_files(path, interpreter or "python3")
    if path.suffix.lower() == ".r" or "Rscript" in interpreter:
        return ScriptFiles({f"{HOME}/{path.name}": path}, tuple(r_packages(path)))
    return ScriptFiles({f"{HOME}/{path.name}": path})


def python_modules(path: Path) -> list[str]:
    """Return the top-level modules that a Python script imports, without the standard library.

    A script that cannot be parsed imports none.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return sorted(found - set(sys.stdlib_module_names))


def r_packages(path: Path) -> list[str]:
    """Return the Debian packages of the R packages that a script loads.

    Debian calls the package of NAME from CRAN r-cran-NAME: https://cran.r-project.org/bin/linux/debian.
    """
    names = sorted(set(_R_PACKAGE.findall(path.read_text(errors="replace"))) - _R_BASE)
    found: list[str] = []
    for name in names:
        for site in ("/usr/lib/R/site-library", "/usr/lib/R/library"):
            if package := package_of_file(f"{site}/{name}/DESCRIPTION"):
                found.append(package)
                break
        else:
            found.append(f"r-cran-{name.lower()}")
    return [name for name in dict.fromkeys(found) if name != "r-base-core"]


def _python_files(path: Path, interpreter: str) -> ScriptFiles:
    resources = {f"{HOME}/{path.name}": path}
    waiting, foreign = [path], set[str]()
    while waiting:
        script = waiting.pop()
        for module in python_modules(script):
            beside = path.parent / f"{module}.py"
            package = path.parent / module
            target = f"{HOME}/{module}.py"
            if beside.is_file():
                if target not in resources:
                    resources[target] = beside
                    waiting.append(beside)
            elif (package / "__init__.py").is_file():
                for file in sorted(package.rglob("*.py")):
                    resources[f"{HOME}/{file.relative_to(path.parent).as_posix()}"] = file
            else:
                foreign.add(module)
    names = _distributions(sorted(foreign), interpreter)
    return ScriptFiles(resources, tuple(f"pip:{names.get(name) or name}" for name in sorted(foreign)))


def _distributions(modules: list[str], interpreter: str) -> dict[str, str | None]:
    """Return the names on PyPI of modules that are installed for the interpreter."""
    if not modules:
        return {}
    try:
        done = subprocess.run(
            [interpreter, "-c", _DISTRIBUTIONS, *modules], capture_output=True, text=True, check=True
        )
        found: dict[str, str | None] = json.loads(done.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return {}
    return found
