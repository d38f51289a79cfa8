"""Show the app to be written on one screen: answers, inputs and outputs, with further pages on demand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.box import Box
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from dx_app_wizard.answers.readers import NO_ACCESS
from dx_app_wizard.interview.confirm import Page
from dx_app_wizard.rendering.change_report import notes, tree
from dx_app_wizard.rendering.compose import spec_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dx_app_wizard.answers.answers import Answers
    from dx_app_wizard.dxapp.model import AppSpec, IOField
    from dx_app_wizard.rendering.changes import ChangeSet
    from dx_app_wizard.rendering.plan import Plan

# One line below the header is enough for a small table, and ASCII works with every encoding.
_HEAD_RULE = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_COLUMNS = ("", "name", "class", "", "default", "label", "more")
_IN_A_COLUMN = ("name", "class", "optional", "default", "label")

_FIXED_ROWS = 15
"""Lines of the screen without the parameters, the files and the difference: answers, blank lines, prompt."""

_WRAPPED_ROWS = 2
"""Further lines of the prompt and its hint on a terminal narrower than this many columns."""

_COLUMNS_OF_PROMPT = 80

_LEAST_ROWS = 3
_WHOLE_LINE = ("title", "summary")
_PAIRS = (
    ("version", "network"),
    ("timeout", "project_access"),
    ("language", "region"),
    ("template", "instance_type"),
)


def show_review(answers: Answers, plan: Plan, changes: ChangeSet, base: AppSpec | None) -> Mapping[str, Page]:
    """Print the app to stderr, the inputs and outputs last; return the pages that are shown on demand.

    All fits on one screen of 24 lines. A list that does not fit is cut; the pages show it as a whole. If a
    dxapp.json was given (base), its changes are named, and a page shows the difference.
    """
    console = Console(stderr=True, highlight=False)
    specification = _difference(plan.spec, base) if base else _dxapp_json(plan.spec)
    files = _files(changes)
    pages = {
        "json": Page("changes to dxapp.json" if base else "dxapp.json", _shower(specification)),
        "files": Page("the files", _shower(files)),
    }
    console.print()
    console.print(_heading(changes), no_wrap=True, overflow="ellipsis")
    console.print()
    console.print(_answers(answers))
    rows = console.height - _FIXED_ROWS
    if console.width < _COLUMNS_OF_PROMPT:
        rows -= _WRAPPED_ROWS
    if not changes.is_new:
        rows -= _print_at_most(console, files, rows // 2)
    if base:
        lines = Text(_changes(plan.spec, base)).wrap(console, console.width - 1)
        rows -= _print_at_most(console, Text("\n").join(lines), rows // 2)
    fields = [("input", field) for field in plan.spec.inputs or ()]
    fields += [("output", field) for field in plan.spec.outputs or ()]
    if fields:
        console.print()
        console.print(_table(fields, max(rows, _LEAST_ROWS)))
    console.print()
    return pages


def _shower(text: Text) -> Callable[[], None]:
    def show() -> None:
        console = Console(stderr=True, highlight=False)
        console.print()
        console.print(text)
        console.print()

    return show


def _heading(changes: ChangeSet) -> Text:
    count = len(changes.writes)
    files = f"{count} file" + ("" if count == 1 else "s")
    return Text.assemble((f"{changes.folder}/", "bold"), f"  {files} to write")


def _answers(answers: Answers) -> Table:
    """Return the answers by the names under which they can be edited."""
    words = {
        "title": answers.title,
        "summary": answers.summary,
        "version": answers.version,
        "timeout": " ".join(f"{count} {unit}" for unit, count in answers.timeout.items()),
        "language": answers.language,
        "template": answers.template,
        "network": ", ".join(answers.network) or "none",
        "project_access": answers.project_access or NO_ACCESS.lower(),
        "region": answers.region or "that of the project",
        "instance_type": answers.instance_type or "as in dxapp.json",
    }
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for key in _WHOLE_LINE:
        grid.add_row(Text(f"{key:<8}", "dim"), words[key])
    pairs = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4):
        pairs.add_column(no_wrap=True, overflow="ellipsis")
    for left, right in _PAIRS:
        pairs.add_row(Text(left, "dim"), words[left], Text(right, "dim"), words[right])
    whole = Table.grid()
    whole.add_row(grid)
    whole.add_row(pairs)
    return whole


def _print_at_most(console: Console, text: Text, rows: int) -> int:
    """Print a blank line and the first rows of a text; return the number of lines printed."""
    lines = text.split()
    shown = lines if len(lines) <= rows else lines[: max(rows - 1, 0)]
    console.print()
    for line in shown:
        console.print(line, no_wrap=True, overflow="ellipsis")
    if len(shown) < len(lines):
        console.print(f"... and {len(lines) - len(shown)} more lines")
    return 1 + len(shown) + (len(shown) < len(lines))


def _dxapp_json(spec: AppSpec) -> Text:
    text = Text("dxapp.json\n", "bold")
    return text.append_text(JSONHighlighter()(Text(spec.dumps().rstrip())))


def _changes(spec: AppSpec, base: AppSpec) -> str:
    """Return the keys that are added to the given dxapp.json, or have another value."""
    added: list[str] = []
    changed: list[str] = []
    for key, value in spec.raw.items():
        before = base.raw.get(key)
        if key not in base.raw:
            added.append(key)
        elif isinstance(value, dict) and isinstance(before, dict):
            added += [f"{key}.{inner}" for inner in value if inner not in before]
            changed += [f"{key}.{inner}" for inner in before if value.get(inner) != before[inner]]
        elif value != before:
            changed.append(key)
    parts = (("adds", added), ("changes", changed))
    return "dxapp.json  " + "; ".join(f"{verb} {', '.join(keys)}" for verb, keys in parts if keys)


def _difference(spec: AppSpec, base: AppSpec) -> Text:
    lines = spec_difference(spec, base).splitlines()
    return Text("\n").join(Text(line, _DIFF_STYLES.get(line[:1], "")) for line in lines)


def _files(changes: ChangeSet) -> Text:
    file_notes = {} if changes.is_new else notes(changes)
    lines = [f"{changes.folder}/", *tree((change.target for change in changes.changes), file_notes)]
    return Text("\n").join(Text(line, "bold" if line.endswith("/") else "") for line in lines)


def _table(fields: list[tuple[str, IOField]], most: int) -> Table:
    """Return a table with one row per input and output, at most this many; empty columns are omitted."""
    rows = [(kind, *_cells(field)) for kind, field in fields]
    used = [index for index, _ in enumerate(_COLUMNS) if any(row[index] for row in rows)]
    table = Table(box=_HEAD_RULE, show_edge=False, pad_edge=False)
    for index in used:
        table.add_column(_COLUMNS[index], no_wrap=True, overflow="ellipsis")
    shown = rows if len(rows) <= most else rows[: most - 1]
    for row in shown:
        table.add_row(*(Text(row[index]) for index in used))
    if len(shown) < len(rows):
        more = ("", f"... and {len(rows) - len(shown)} more", *[""] * len(_COLUMNS))
        table.add_row(*(more[index] for index in used))
    return table


def _cells(field: IOField) -> tuple[str, ...]:
    default = json.dumps(field.default, ensure_ascii=False) if field.has_default else ""
    more = ", ".join(key for key in field.raw if key not in _IN_A_COLUMN)
    label = str(field.raw.get("label", ""))
    return (field.name, field.io_class, "optional" if field.optional else "", default, label, more)
