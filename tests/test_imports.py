"""The allowed imports between the rooms of the code: the table in docs/architecture.md is the rule.

`python -m tests.test_imports` writes the column of imports after a deliberate change.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
NO_ROOMS = "\N{EN DASH}"
ROW = re.compile(r"^(?P<start>\| `(?P<room>dx_[\w.]+)` \| [^|]+ \|) (?P<rooms>[^|]*) \|", re.MULTILINE)
SOURCES = {
    path.relative_to(base).with_suffix("").as_posix().removesuffix("/__init__").replace("/", "."): path
    for base in (ROOT / "wizard", ROOT / "runtime")
    for path in base.rglob("*.py")
}
ALLOWED = {
    row["room"]: set(re.findall(r"`([\w.]+)`", row["rooms"]))
    for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))
}


def room_of(module: str) -> str:
    """Return the room that holds a module: the longest name in the table that it equals or begins with."""
    return max((room for room in ALLOWED if f"{module}.".startswith(f"{room}.")), key=len, default="")


def imported_by(path: Path) -> set[str]:
    """Return our modules that a file imports, at any depth and for typing too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if module in SOURCES else node.module)
    return found & SOURCES.keys()


@cache
def imports() -> dict[str, set[str]]:
    """Return our modules with those of ours that they import. Every worker of pytest imports this file."""
    return {module: imported_by(path) - {module} for module, path in SOURCES.items()}


def rooms_used_by(room: str) -> set[str]:
    """Return the rooms that the modules of a room import."""
    modules = [module for module in SOURCES if room_of(module) == room]
    return {room_of(imported) for module in modules for imported in imports()[module]} - {room}


def write_table() -> None:
    """Write the imports that the code has into the table, in the order of its rows."""

    def row_as_used(row: re.Match[str]) -> str:
        used = rooms_used_by(row["room"])
        rooms = ", ".join(f"`{room}`" for room in ALLOWED if room in used)
        return f"{row['start']} {rooms or NO_ROOMS} |"

    PAGE.write_text(ROW.sub(row_as_used, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def test_every_module_belongs_to_a_room() -> None:
    assert [module for module in SOURCES if not room_of(module)] == []


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_exist(room: str) -> None:
    assert room in SOURCES


@pytest.mark.parametrize("room", ALLOWED)
def test_rooms_import_exactly_the_rooms_in_the_table(room: str) -> None:
    assert rooms_used_by(room) == ALLOWED[room]


def test_packages_stay_small() -> None:
    """At most 14 modules side by side, besides `__init__`."""
    sizes = Counter(path.parent for path in SOURCES.values() if path.name != "__init__.py")
    assert {folder: size for folder, size in sizes.items() if size > 14} == {}


def test_rooms_import_one_way() -> None:
    graphlib.TopologicalSorter(ALLOWED).prepare()  # raises CycleError


def test_modules_import_one_way() -> None:
    graphlib.TopologicalSorter(imports()).prepare()  # raises CycleError


if __name__ == "__main__":
    write_table()
