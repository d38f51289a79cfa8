"""What will be written, for review, and what was written, with what to type next."""

from __future__ import annotations

import difflib
import json
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import PurePath

    from rich.text import Text

    from dx_app_wizard.plan import Plan
    from dx_app_wizard.spec.model import AppSpec, IOField


def created(folder: Path, files: Iterable[Path]) -> str:
    """Return the text that follows a generation: the files (relative to folder), and what to type next."""
    paths = sorted(files)
    count = f"{len(paths)} file" + ("" if len(paths) == 1 else "s")
    lines = [f"App directory created: {folder}, {count}:", *tree(paths), "", "Next:"]
    lines += [f"  {command}" for command in next_commands(folder)]
    return "\n".join(lines)


def next_commands(folder: Path) -> list[str]:
    """Return the three commands to type next: go there, run the app, test it."""
    return [f"cd {shlex.quote(str(folder))}", "dx-local run .", "pytest"]


def tree(paths: Iterable[PurePath]) -> Iterator[str]:
    """Yield one line per folder and file, indented by depth, folders before the files in them."""
    shown: set[PurePath] = set()
    for path in sorted(paths):
        for folder in reversed(path.parents[:-1]):
            if folder not in shown:
                shown.add(folder)
                yield f"{'  ' * len(folder.parts)}{folder.name}/"
        yield f"{'  ' * len(path.parts)}{path.name}"


def show_review(plan: Plan, folder: Path, base: AppSpec | None) -> None:
    """Print to stderr what would be written: files, inputs and outputs, and the dxapp.json.

    Of a dxapp.json that was given (base), what changes in it is shown.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dx_app_wizard.render import render_app

    with tempfile.TemporaryDirectory(prefix="dx-app-wizard-") as scratch:
        files = render_app(plan, Path(scratch) / folder.name)
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


def _spec_text(spec: AppSpec, base: AppSpec | None) -> str:
    """Return the dxapp.json, or its difference from the one that was given."""
    if base is None:
        return f"\ndxapp.json\n{spec.dumps()}"
    old, new = base.dumps().splitlines(), spec.dumps().splitlines()
    return "\n".join(["", *difflib.unified_diff(old, new, "dxapp.json as given", "dxapp.json", lineterm="")])
