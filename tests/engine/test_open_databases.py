"""No generator keeps a database open while it waits for its caller, who may never ask for the next value.

A connection that is abandoned in this way is closed by the garbage collector only: Python 3.13 warns of it.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
OPENS = frozenset({"connect", "opened", "readable", "reading", "transaction"})
"""The functions whose context is that of an open database or transaction."""


def waits_with_open_database(source: str) -> Iterator[str]:
    """Yield the names of generators that yield in such a context; contextmanagers do so on purpose."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and not any(
            "contextmanager" in ast.unparse(decorator) for decorator in function.decorator_list
        ):
            contexts = [node for node in ast.walk(function) if isinstance(node, (ast.With, ast.AsyncWith))]
            if any(opens(context) and yields(context) for context in contexts):
                yield function.name


def opens(context: ast.With | ast.AsyncWith) -> bool:
    calls = (node for item in context.items for node in ast.walk(item) if isinstance(node, ast.Call))
    return any(ast.unparse(call.func).rpartition(".")[2] in OPENS for call in calls)


def yields(context: ast.With | ast.AsyncWith) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in ast.walk(context))


def test_no_generator_keeps_a_database_open() -> None:
    sources = {path: path.read_text("utf-8") for path in ROOT.glob("runtime/dx_local/**/*.py")}
    suspects = {path: text for path, text in sources.items() if "yield" in text and "with " in text}
    found = {path.name: [*waits_with_open_database(text)] for path, text in suspects.items()}
    assert {name: functions for name, functions in found.items() if functions} == {}


@pytest.mark.parametrize(
    ("decorator", "body", "found"),
    [
        ("", "with run.opened() as platform:\n        yield from platform.jobs", ["f"]),
        ("", "with claimed(run), reading(run) as platform:\n        yield 1", ["f"]),
        ("", "with closing(sqlite3.connect(path)) as database:\n        yield 1", ["f"]),
        ("", "with run.opened() as platform:\n        jobs = platform.jobs\n    yield from jobs", []),
        ("@contextmanager\n", "with run.opened() as platform:\n        yield platform", []),
    ],
)
def test_such_generators_are_noticed(decorator: str, body: str, found: list[str]) -> None:
    assert list(waits_with_open_database(f"{decorator}def f():\n    {body}\n")) == found
