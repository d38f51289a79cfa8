"""Find and read policy files: defaults of the wizard, an organisation's template, and rules.

Two kinds of files hold settings:
- `.dx-app-wizard.toml` in a folder or any folder above it. Each table comes from the nearest file that has
  it. The search ends at the root of a repository, so that every clone behaves alike, and at the home folder,
  above which files belong to other people.
- `dx-app-wizard/config.toml` in $XDG_CONFIG_HOME (~/.config), the user's own. It sets the keys that no
  project file sets; its [template] is ignored as a whole if a project file has one.

The tables for `dx-local run` are accepted and skipped. Reading a file never runs anything: it is data, and
every key must be known.
"""

from __future__ import annotations

import os
from pathlib import Path
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
from dx_app_wizard.user_dirs import config_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from dx_app_wizard.policy.toml_file import TomlFile

PROJECT_FILE = ".dx-app-wizard.toml"


def load_policy(folder: Path) -> Policy:
    """Return the policy that is in force in a folder, which need not exist yet.

    Raises PolicyFileError with every mistake in the files.
    """
    problems: list[PolicyProblem] = []
    project = list(_read_files(_project_files(folder), problems))
    user = list(_read_files(_user_files(), problems))
    settings: dict[tuple[str, str], Setting] = {}
    for file in user:
        settings.update(_settings(file, file.value.keys(), problems))
    seen: set[str] = set()
    in_force = []
    for file in project:
        tables = file.value.keys() - seen
        if TEMPLATE_TABLE in tables:
            settings = {key: setting for key, setting in settings.items() if key[0] != TEMPLATE_TABLE}
        settings.update(_settings(file, tables, problems))
        if not tables <= set(RUN_TABLES):
            in_force.append(file.path)
        seen |= tables
    if problems:
        raise PolicyFileError(problems)
    return Policy(settings, (*in_force, *(file.path for file in user)))


def _project_files(folder: Path) -> Iterator[Path]:
    """Yield the policy files in a folder and above it, the nearest first."""
    start = folder.resolve()
    home = _home()
    for place in (start, *start.parents):
        if os.path.lexists(place / PROJECT_FILE):
            yield place / PROJECT_FILE
        if place == home or os.path.lexists(place / ".git"):
            break


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


def _home() -> Path | None:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    return home.resolve() if home.is_absolute() else None


def _read_files(paths: Iterable[Path], problems: list[PolicyProblem]) -> Iterator[TomlFile]:
    """Yield each file that is TOML; add a problem for each that is not."""
    for path in paths:
        # Deferred, as most folders have no policy file.
        from dx_app_wizard.policy import toml_file

        try:
            yield toml_file.read(path)
        except SpecFileError as error:
            problems.append(PolicyProblem("", error.message, Place(str(path), error.line, error.column)))


def _settings(
    file: TomlFile, tables: AbstractSet[str], problems: list[PolicyProblem]
) -> dict[tuple[str, str], Setting]:
    """Return the settings of a file in these tables; add a problem for each mistake in them."""
    from dx_app_wizard.policy.readers import SettingError

    settings: dict[tuple[str, str], Setting] = {}
    found = []
    for table in (table for table in file.value if table in tables):
        if problem := _table_problem(file, table):
            found.append(problem)
            continue
        for key, value in ({} if table in RUN_TABLES else file.value[table]).items():
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


def _table_problem(file: TomlFile, table: str) -> PolicyProblem | None:
    """Return why a table cannot be in a file, None if it can."""
    from dx_app_wizard.policy.keys import KEYS
    from dx_app_wizard.policy.readers import suggestion

    tables = (WIZARD_TABLE, *KEYS, *RUN_TABLES)
    if table not in tables:
        message = f"no such table; {suggestion(table, tables)}"
    elif not isinstance(file.value[table], dict):
        message = f"must be a table: [{table}]"
    elif table == TRUST_TABLE and file.path != user_file():
        message = f"is allowed only in your own file, {user_file()}"
    else:
        return None
    return PolicyProblem(table, message, file.place(table))


def _read(table: str, key: str, value: Any) -> Any:
    from dx_app_wizard.policy.keys import KEYS
    from dx_app_wizard.policy.readers import SettingError, suggestion

    if table == WIZARD_TABLE:
        return value
    if key not in KEYS[table]:
        raise SettingError(f"no such key; {suggestion(key, KEYS[table])}")
    return KEYS[table][key](value)
