"""What was written, as a tree, and what to type next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path, PurePath


def created(folder: Path, files: Iterable[Path]) -> str:
    """Return the text that follows a generation: the files (relative to folder), and what to type next."""
    paths = sorted(files)
    count = f"{len(paths)} file" + ("" if len(paths) == 1 else "s")
    lines = [f"Created {folder} with {count}:", *tree(paths), "", "Next:"]
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
