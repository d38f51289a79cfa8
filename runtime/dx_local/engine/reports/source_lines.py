"""Lines of the app's own code: those that messages in a log name, and those that make an output."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.model import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from dx_app_wizard.lint.source.app_folder import AppFolder
    from dx_app_wizard.lint.source.bash import BashSource
    from dx_app_wizard.lint.source.python import Function, PythonSource

PYTHON_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
ENTRY_CALL = "dxpy.run()"
"""The line of an app that calls its entry point."""

BASH_LINE = re.compile(r"(?P<file>\S[^:]*): line (?P<line>\d+): ")


@dataclass(frozen=True)
class SourceLine:
    """A line of the app's own code."""

    file: Path
    number: int
    text: str


def named_in(lines: Sequence[str], app: Path) -> SourceLine | None:
    """Return the innermost line of the app's own code in the last error message of a log, or None."""
    folder = app.resolve()
    for line in reversed(lines):
        match = PYTHON_FRAME.search(line) or BASH_LINE.search(line)
        if match is None:
            continue
        file = folder / match["file"].strip()
        if folder in file.parents and file.is_file():
            return _line(app, str(file.relative_to(folder)), int(match["line"]))
    return None


def starting_job(app: Path, function: str, inputs: Collection[str]) -> SourceLine | None:
    """Return the line at which the app's code starts a job at an entry point, if only one may be that line.

    `inputs` are the names of the job's inputs.
    """
    source = _app_folder(app)
    if source is None or source.python is None or source.source_name is None:
        return None
    starts = [start for start in source.python.job_starts if start.target == function]
    if len(starts) > 1:
        starts = [start for start in starts if start.input_keys == frozenset(inputs)]
    return _line(app, source.source_name, starts[0].node.lineno) if len(starts) == 1 else None


def making_output(app: Path, function: str, field: str) -> SourceLine | None:
    """Return the line at which an entry point makes an output, else its return or its first line.

    Return None if the source cannot be read or has no such entry point.
    """
    source = _app_folder(app)
    number = None
    if source and source.python is not None:
        number = _python_line(source.python, function, field)
    elif source and source.bash is not None:
        number = _bash_line(source.bash, function, field)
    return _line(app, source.source_name, number) if source and source.source_name and number else None


def _app_folder(app: Path) -> AppFolder | None:
    from dx_app_wizard.lint.source.app_folder import AppFolder  # imports the parsers

    try:
        spec = json.loads((app / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    return AppFolder(app, spec) if isinstance(spec, dict) else None


def _line(app: Path, name: str, number: int) -> SourceLine:
    text = (app / name).read_text(encoding="utf-8", errors="replace").splitlines()
    code = text[number - 1].strip() if 0 < number <= len(text) else ""
    return SourceLine(file=app / name, number=number, text=code)


def _python_line(source: PythonSource, function: str, field: str) -> int | None:
    entry_point = source.entry_points.get(function)
    if entry_point is None:
        return None
    returns = [node for node in ast.walk(entry_point) if isinstance(node, ast.Return)]
    makers = [entry_point, *_functions_returned(source, returns)]
    found = [line for maker in makers for line in _lines_with_key(maker, field)]
    return max(found, default=max((node.lineno for node in returns), default=entry_point.lineno))


def _functions_returned(source: PythonSource, returns: list[ast.Return]) -> Iterator[Function]:
    """Yield the functions whose result is returned as it is."""
    for node in returns:
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            called = source.functions.get(node.value.func.id)
            if called is not None:
                yield called


def _lines_with_key(function: Function, field: str) -> Iterator[int]:
    """Yield the lines of keys of this name in hashes that are returned, or assigned to variables."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Return, ast.Assign)):
            if isinstance(node.value, ast.Dict):
                yield from (key.lineno for key in node.value.keys if key and _is_text(key, field))
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Subscript) and _is_text(target.slice, field):
                    yield node.lineno


def _is_text(node: ast.expr, text: str) -> bool:
    return isinstance(node, ast.Constant) and node.value == text


def _bash_line(source: BashSource, function: str, field: str) -> int | None:
    functions = source.syntax.functions if source.syntax else {}
    if function not in functions:
        return None
    lines = functions[function]
    found = [output.line for output in source.outputs if output.name == field and output.line in lines]
    return max(found, default=lines.start)
