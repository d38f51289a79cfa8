"""What will be written, for review, and what to type next."""

from __future__ import annotations

import difflib
import json
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path, PurePath

    from rich.text import Text

    from dx_app_wizard.plan import Plan
    from dx_app_wizard.spec.model import AppSpec, IOField


def next_commands(folder: Path) -> list[str]:
    """Return the three commands to type next: go there, run the app, test it."""
    return [f"cd {shlex.quote(str(folder))}", "dx-local run .", "pytest"]


def tree(paths: Iterable[PurePath], notes: Mapping[PurePath, str] | None = None) -> Iterator[str]:
    """Yield one line per folder and file, indented by depth, folders before the files in them.

    A file's note follows its name.
    """
    shown: set[PurePath] = set()
    for path in sorted(paths):
        for folder in reversed(path.parents[:-1]):
            if folder not in shown:
                shown.add(folder)
                yield f"{'  ' * len(folder.parts)}{folder.name}/"
        note = (notes or {}).get(path)
        yield f"{'  ' * len(path.parts)}{path.name}{f'  ({note})' if note else ''}"


def show_review(plan: Plan, folder: Path, base: AppSpec | None) -> None:
    """Print to stderr what would be written: files, inputs and outputs, and the dxapp.json.

    Of a dxapp.json that was given (base), what changes in it is shown.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dx_app_wizard.render import render

    files = render(plan, folder.name)
    console = Console(stderr=True, highlight=False)
    console.print(Text("\n".join(["", f"{folder}/", *tree(files)])))
    console.print(Text(_spec_text(plan.spec, base)))
    table = Table("", "name", "class", "optional", "default", show_edge=False)
    for kind, fields in (("input", plan.spec.inputs), ("output", plan.spec.outputs)):
        for field in fields or ():
            table.add_row(Text(kind), *_cells(field))
    if table.row_count:
        console.print(table)


def _cells(field: IOField) -> Iterator[Text]:
    from rich.text import Text

    default = json.dumps(field.default, ensure_ascii=False) if field.has_default else ""
    for text in (field.name, field.io_class, "yes" if field.optional else "", default):
        yield Text(text)


def spec_difference(spec: AppSpec, base: AppSpec) -> str:
    """Return the unified diff from the dxapp.json that was given to the one to write."""
    old, new = base.dumps().splitlines(), spec.dumps().splitlines()
    return "\n".join(difflib.unified_diff(old, new, "dxapp.json as given", "dxapp.json", lineterm=""))


def _spec_text(spec: AppSpec, base: AppSpec | None) -> str:
    """Return the dxapp.json, or its difference from the one that was given."""
    return f"\n{spec_difference(spec, base)}" if base else f"\ndxapp.json\n{spec.dumps()}"
