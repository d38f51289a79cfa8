from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {
    path.relative_to(base).with_suffix("").as_posix().replace("/", "."): path
    for base in (ROOT / "wizard", ROOT / "runtime")
    for path in base.rglob("*.py")
}

_ABOVE_DATA = [f"dx_local.platform.{room}" for room in ("execution", "workflows", "apps")]

# What the modules of a room may not import: imports run cli → ui → engine → api → platform → spec.
FORBIDDEN = {
    "dx_app_wizard.console": [f"dx_app_wizard.{room}" for room in ("spec", "answering", "asking", "writing")],
    "dx_app_wizard": ["dx_local"],
    "dx_app_wizard.dxapp": [
        "dx_app_wizard.cli",
        "dx_app_wizard.commands.create",
        "dx_app_wizard.answers",
        "dx_app_wizard.interview",
        "dx_app_wizard.rendering",
    ],
    "dx_app_wizard.answers": ["dx_app_wizard.interview", "dx_app_wizard.rendering"],
    "dx_app_wizard.rendering": ["dx_app_wizard.interview"],
    "dx_local.platform.lifecycle": ["dx_local.platform.data", *_ABOVE_DATA],
    "dx_local.platform.data": [*_ABOVE_DATA],
    "dx_local.platform.execution": ["dx_local.platform.workflows", "dx_local.platform.apps"],
    "dx_local.platform": [
        "dx_local.api",
        "dx_local.engine",
        "dx_local.ui",
        "dx_local.cli",
        "dx_local.worker",
    ],
    "dx_local.api": ["dx_local.engine", "dx_local.ui", "dx_local.cli", "dx_local.worker"],
    "dx_local.engine": ["dx_local.ui", "dx_local.cli"],
    "dx_local.ui": ["dx_local.cli"],
}


def imports_of(path: Path) -> set[str]:
    """Return the full names of all modules, and names from modules, that a file imports at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def belongs_to(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


@pytest.mark.parametrize(("room", "forbidden"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_imports_run_one_way(room: str, forbidden: list[str]) -> None:
    broken = [
        f"{module} imports {name}"
        for module, path in SOURCES.items()
        if belongs_to(module, room)
        for name in imports_of(path)
        if any(belongs_to(name, wrong) for wrong in forbidden)
    ]
    assert broken == []


def test_the_worker_imports_nothing_else_of_ours() -> None:
    ours = ("dx_app_wizard", "dx_local")
    broken = [
        f"{module} imports {name}"
        for module, path in SOURCES.items()
        if belongs_to(module, "dx_local.worker")
        for name in imports_of(path)
        if any(belongs_to(name, package) for package in ours) and not belongs_to(name, "dx_local.worker")
    ]
    assert broken == []


def test_the_runtime_takes_only_console_and_spec_from_the_wizard() -> None:
    open_rooms = ("dx_app_wizard.console", "dx_app_wizard.dxapp")
    broken = [
        f"{module} imports {name}"
        for module, path in SOURCES.items()
        if belongs_to(module, "dx_local")
        for name in imports_of(path)
        if belongs_to(name, "dx_app_wizard") and not any(belongs_to(name, room) for room in open_rooms)
    ]
    assert broken == []


def test_the_rooms_are_where_this_test_looks_for_them() -> None:
    assert {"dx_app_wizard.cli", "dx_local.platform.core.store", "dx_local.worker.zygote"} <= SOURCES.keys()
