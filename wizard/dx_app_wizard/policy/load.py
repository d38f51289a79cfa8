"""The policy of an organisation, out of TOML files: defaults of the wizard, its own template, rules of lint.

There are two files, and the nearer one wins key by key (and [template] as a whole):
- `.dx-app-wizard.toml` in the folder at hand or the nearest one above it. The search ends at the root of a
  repository, so that a clone behaves alike everywhere, and at the home, above which lie other people's files.
- `dx-app-wizard/config.toml` in $XDG_CONFIG_HOME (~/.config), the user's own.

Reading runs nothing: a file is data, and every key in it is one that is known here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import NoHomeError, Place, SpecFileError
from dx_app_wizard.policy.model import (
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
    from collections.abc import Iterator

    from dx_app_wizard.policy.toml_file import TomlFile

PROJECT_FILE = ".dx-app-wizard.toml"


def load_policy(folder: Path) -> Policy:
    """Return the policy that holds in a folder, which need not exist yet.

    Raises PolicyFileError with all that is wrong in them.
    """
    files = tuple(path for path in (_project_file(folder), _user_file()) if path)
    if not files:
        return Policy()
    from dx_app_wizard.policy import toml_file

    settings: dict[tuple[str, str], Setting] = {}
    problems: list[PolicyProblem] = []
    for path in reversed(files):
        try:
            file = toml_file.read(path)
        except SpecFileError as error:
            problems.append(PolicyProblem("", error.message, Place(str(path), error.line, error.column)))
            continue
        earlier = len(problems)
        own = dict(_settings(file, problems))
        if file.has_mark and len(problems) > earlier:  # it is invisible in editors
            message = "begins with a byte order mark, which was skipped"
            problems.append(PolicyProblem("", message, Place(str(path), 1, 1)))
        if any(table == TEMPLATE_TABLE for table, _ in own):
            settings = {place: setting for place, setting in settings.items() if place[0] != TEMPLATE_TABLE}
        settings.update(own)
    if problems:
        raise PolicyFileError(problems)
    return Policy(settings, files)


def _project_file(folder: Path) -> Path | None:
    """Return the nearest policy file from folder upwards."""
    start = folder.resolve()
    home = _home()
    for place in (start, *start.parents):
        if os.path.lexists(place / PROJECT_FILE):
            return place / PROJECT_FILE
        if place == home or os.path.lexists(place / ".git"):
            break
    return None


def user_file() -> Path | None:
    """Return where the user's own policy file stands or would stand; None for a user without a home."""
    try:
        path = config_dir("dx-app-wizard") / "config.toml"
    except NoHomeError:
        return None
    return path if path.is_absolute() else None


def _user_file() -> Path | None:
    path = user_file()
    return path if path and os.path.lexists(path) else None


def _home() -> Path | None:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    return home.resolve() if home.is_absolute() else None


def _settings(file: TomlFile, problems: list[PolicyProblem]) -> Iterator[tuple[tuple[str, str], Setting]]:
    """Yield the settings of a file; what is wrong goes to the problems."""
    from dx_app_wizard.policy.keys import KEYS
    from dx_app_wizard.policy.readers import SettingError, suggestion

    tables = (WIZARD_TABLE, *KEYS)
    for table, content in file.value.items():
        place = file.place(table)
        if table not in tables:
            problems.append(PolicyProblem(table, f"no such table; {suggestion(table, tables)}", place))
        elif not isinstance(content, dict):
            problems.append(PolicyProblem(table, f"must be a table: [{table}]", place))
        elif table == TRUST_TABLE and file.path != user_file():
            message = f"may stand only in your own file, {user_file()}"
            problems.append(PolicyProblem(table, message, place))
        else:
            for key, value in content.items():
                place = file.place(table, key)
                try:
                    yield (table, key), Setting(_read(table, key, value), place)
                except SettingError as error:
                    problems.append(PolicyProblem(f"{table}.{key}", str(error), place))


def _read(table: str, key: str, value: Any) -> Any:
    from dx_app_wizard.policy.keys import KEYS
    from dx_app_wizard.policy.readers import SettingError, suggestion

    if table == WIZARD_TABLE:
        return value
    if key not in KEYS[table]:
        raise SettingError(f"no such key; {suggestion(key, KEYS[table])}")
    return KEYS[table][key](value)
