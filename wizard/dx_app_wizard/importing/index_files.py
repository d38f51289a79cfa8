"""Find the index files beside the samples of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.command_template.indexes import INDEX_KINDS, names_beside

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.importing.classify import Classified


def indexes_beside(found: Classified) -> dict[str, tuple[str, ...]]:
    """Return the kinds of index beside all files of a sample, by input."""
    result: dict[str, tuple[str, ...]] = {}
    for name, paths in found.samples.items():
        hole = found.holes[name]
        if not hole.indexes:
            usable = [kind for kind in INDEX_KINDS if not (hole.is_array and kind == "bwa")]
            kinds = tuple(kind for kind in usable if all(files_beside(path, kind) for path in paths))
            if kinds:
                result[name] = kinds
    return result


def files_beside(file: Path, kind: str) -> tuple[Path, ...]:
    """Return the files of the index of this kind beside a file; empty if it is not complete."""
    for names in names_beside(file.name, kind):
        paths = tuple(file.parent / name for name in names)
        if all(path.is_file() for path in paths):
            return paths
    return ()
