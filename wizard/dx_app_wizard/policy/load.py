"""Find and read policy files: defaults of the wizard, an organisation's template, and rules.

Two kinds of files hold settings:
- `.dx-app-wizard.toml` in a folder or any folder above it (places.py). Each table comes from the nearest file
  that has it.
- `dx-app-wizard/config.toml` in $XDG_CONFIG_HOME (~/.config), the user's own. It sets the keys that no
  project file sets; its [template] is ignored as a whole if a project file has one.

The tables for `dx-local run` are accepted and skipped. Reading a file never runs anything: it is data, and
every key must be known.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import NoHomeError, Place, SpecFileError
from dx_app_wizard.policy.model import (
    RUN_TABLES,
    TEMPLATE_TABLE,
    TRUST_TABLE,
    WIZARD_TABLE,
    Policy,
    PolicyFileError,
    PolicyProblem,
    Setting,
)
from dx_app_wizard.policy.places import project_files, unreadable
from dx_app_wizard.user_dirs import config_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dx_app_wizard.policy.toml_file import TomlFile


def load_policy(folder: Path) -> Policy:
    """Return the policy that is in force in a folder, which need not exist yet.

    Raises PolicyFileError with every mistake in the files.
    """
    problems: list[PolicyProblem] = []
    nearest: dict[str, TomlFile] = {}
    for file in _read_files(project_files(folder), problems):
        for table in file.value:
            nearest.setdefault(table, file)
    user = list(_read_files(_user_files(), problems))
    sources = [(table, file) for file in user for table in file.value]
    if TEMPLATE_TABLE in nearest:  # Keys of two templates do not mix.
        sources = [(table, file) for table, file in sources if table != TEMPLATE_TABLE]
    settings: dict[tuple[str, str], Setting] = {}
    for table, file in (*sources, *nearest.items()):
        settings.update(_settings(file, table, problems))
    if problems:
        raise PolicyFileError(dict.fromkeys(problems))
    project = dict.fromkeys(file.path for table, file in nearest.items() if table not in RUN_TABLES)
    return Policy(settings, (*project, *(file.path for file in user)))


def user_file() -> Path | None:
    """Return the path of the user's own policy file, which may not exist; None for a user without a home."""
    try:
        return config_dir("dx-app-wizard") / "config.toml"
    except NoHomeError:
        return None


def _user_files() -> Iterator[Path]:
    path = user_file()
    if path and os.path.lexists(path):
        yield path


def _read_files(paths: Iterable[Path], problems: list[PolicyProblem]) -> Iterator[TomlFile]:
    """Yield each file that is TOML; add a problem for each that is not."""
    for path in paths:
        # Deferred, as most folders have no policy file.
        from dx_app_wizard.policy import toml_file

        try:
            yield toml_file.read(path)
        except SpecFileError as error:
            problems.append(unreadable(path, error))


def _settings(file: TomlFile, table: str, problems: list[PolicyProblem]) -> dict[tuple[str, str], Setting]:
    """Return the settings in a table of a file; add a problem for each mistake in it."""
    from dx_app_wizard.policy.readers import SettingError

    settings: dict[tuple[str, str], Setting] = {}
    found = list(_table_problems(file, table))
    is_policy = not found and table not in RUN_TABLES
    for key, value in file.value[table].items() if is_policy else ():
        place = file.place(table, key)
        try:
            settings[table, key] = Setting(_read(table, key, value), place)
        except SettingError as error:
            found.append(PolicyProblem(f"{table}.{key}", str(error), place))
    if found and file.has_mark:  # Editors do not show it, so it may be the unseen cause.
        message = "begins with a byte order mark, which was skipped"
        found.append(PolicyProblem("", message, Place(str(file.path), 1, 1)))
    problems += found
    return settings


def _table_problems(file: TomlFile, table: str) -> Iterator[PolicyProblem]:
    """Yield the reason if a table cannot be in a file."""
    from dx_app_wizard.policy.keys import KEYS
    from dx_app_wizard.policy.readers import suggestion

    tables = (WIZARD_TABLE, *KEYS, *RUN_TABLES)
    place = file.place(table)
    if table not in tables:
        yield PolicyProblem(table, f"no such table; {suggestion(table, tables)}", place)
    elif not isinstance(file.value[table], dict):
        yield PolicyProblem(table, f"must be a table: [{table}]", place)
    elif table == TRUST_TABLE and file.path != user_file():
        yield PolicyProblem(table, f"is allowed only in your own file, {user_file()}", place)


def _read(table: str, key: str, value: Any) -> Any:
    from dx_app_wizard.policy.keys import KEYS
    from dx_app_wizard.policy.readers import SettingError, suggestion

    if table == WIZARD_TABLE:
        return value
    if key not in KEYS[table]:
        raise SettingError(f"no such key; {suggestion(key, KEYS[table])}")
    return KEYS[table][key](value)
