"""Find the project files, `.dx-app-wizard.toml`, that apply to a folder, and their tables for `dx-local`.

They are in the folder or in any folder above it. The search ends at the root of a repository, so that every
clone behaves alike, and at the home folder, above which files belong to other people.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import Place, SpecFileError
from dx_app_wizard.policy.model import PolicyFileError, PolicyProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_app_wizard.policy.toml_file import TomlFile

PROJECT_FILE = ".dx-app-wizard.toml"


@dataclass(frozen=True)
class Table:
    """A table of a project file."""

    name: str
    file: TomlFile

    @property
    def value(self) -> dict[str, Any]:
        """The values by key."""
        value: dict[str, Any] = self.file.value[self.name]
        return value


def project_files(folder: Path) -> Iterator[Path]:
    """Yield the project files in a folder and above it, the nearest first."""
    start = folder.resolve()
    home = _home()
    for place in (start, *start.parents):
        if os.path.lexists(place / PROJECT_FILE):
            yield place / PROJECT_FILE
        if place == home or os.path.lexists(place / ".git"):
            break


def nearest_table(folder: Path, name: str) -> Table | None:
    """Return a table of the nearest project file that has it, or None.

    Raises PolicyFileError for a file that is not TOML, or that has something else of this name.
    """
    for path in project_files(folder):
        from dx_app_wizard.policy import toml_file  # most folders have no project file

        try:
            file = toml_file.read(path)
        except SpecFileError as error:
            raise PolicyFileError([unreadable(path, error)]) from None
        if name in file.value:
            if not isinstance(file.value[name], dict):
                problem = PolicyProblem(name, f"must be a table: [{name}]", file.place(name))
                raise PolicyFileError([problem])
            return Table(name, file)
    return None


def unreadable(path: Path, error: SpecFileError) -> PolicyProblem:
    """Return the problem of a file that is not TOML."""
    return PolicyProblem("", error.message, Place(str(path), error.line, error.column))


def _home() -> Path | None:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    return home.resolve() if home.is_absolute() else None
