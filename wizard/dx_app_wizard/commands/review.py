"""Show the app to be written: dxapp.json, files, inputs and outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.box import Box
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from dx_app_wizard.rendering.change_report import notes, tree
from dx_app_wizard.rendering.compose import spec_difference

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.model import AppSpec, IOField
    from dx_app_wizard.rendering.changes import ChangeSet
    from dx_app_wizard.rendering.plan import Plan

# One line below the header is enough for a small table, and ASCII works with every encoding.
_HEAD_RULE = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_COLUMNS = ("", "name", "class", "", "default", "label", "more")
_IN_A_COLUMN = ("name", "class", "optional", "default", "label")


def show_review(plan: Plan, changes: ChangeSet, base: AppSpec | None) -> None:
    """Print the app to stderr; the inputs and outputs come last, right above the next prompt.

    If a dxapp.json was given (base), print the difference to it instead of the whole dxapp.json.
    """
    console = Console(stderr=True, highlight=False)
    console.print()
    console.print(_difference(plan.spec, base) if base else _dxapp_json(plan.spec))
    console.print()
    console.print(_files(changes))
    table = _table(plan.spec)
    if table.row_count:
        console.print()
        console.print(table)
    console.print()


def _dxapp_json(spec: AppSpec) -> Text:
    text = Text("dxapp.json\n", "bold")
    return text.append_text(JSONHighlighter()(Text(spec.dumps().rstrip())))


def _difference(spec: AppSpec, base: AppSpec) -> Text:
    lines = spec_difference(spec, base).splitlines()
    return Text("\n").join(Text(line, _DIFF_STYLES.get(line[:1], "")) for line in lines)


def _files(changes: ChangeSet) -> Text:
    file_notes = {} if changes.is_new else notes(changes)
    lines = [f"{changes.folder}/", *tree((change.target for change in changes.changes), file_notes)]
    return Text("\n").join(Text(line, "bold" if line.endswith("/") else "") for line in lines)


def _table(spec: AppSpec) -> Table:
    """Return a table with one row per input and output; empty columns are omitted."""
    rows = [("input", *_cells(field)) for field in spec.inputs or ()]
    rows += [("output", *_cells(field)) for field in spec.outputs or ()]
    used = [index for index, _ in enumerate(_COLUMNS) if any(row[index] for row in rows)]
    table = Table(*(_COLUMNS[index] for index in used), box=_HEAD_RULE, show_edge=False, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(row[index]) for index in used))
    return table


def _cells(field: IOField) -> tuple[str, ...]:
    default = json.dumps(field.default, ensure_ascii=False) if field.has_default else ""
    more = ", ".join(key for key in field.raw if key not in _IN_A_COLUMN)
    label = str(field.raw.get("label", ""))
    return (field.name, field.io_class, "optional" if field.optional else "", default, label, more)
