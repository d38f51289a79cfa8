"""The policy of an organisation, out of TOML files: defaults of the wizard, its own template, rules of lint.

There are two files, and the nearer one wins key by key (and [template] as a whole):
- `.dx-app-wizard.toml` in the folder at hand or the nearest one above it. The search ends at the root of a
  repository, so that a clone behaves alike everywhere, and at the home, above which lie other people's files.
- `dx-app-wizard/config.toml` in $XDG_CONFIG_HOME (~/.config), the user's own.

Reading runs nothing: a file is data, and every key in it is one that is known here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dx_app_wizard.errors import Place, SpecFileError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dx_app_wizard.lint.findings import Finding
    from dx_app_wizard.policy.toml_file import TomlFile

PROJECT_FILE = ".dx-app-wizard.toml"
USER_FILE = "dx-app-wizard/config.toml"
WIZARD_TABLE = "wizard"
VARIABLE_PREFIX = "DX_APP_WIZARD_"
"""What the names of environment variables begin with that give defaults, too."""
USER_TABLES = ("trust",)
"""The tables that only the user's own file may have."""


@dataclass(frozen=True)
class Setting:
    """A value of a policy file, and where it stands."""

    value: Any
    place: Place


@dataclass(frozen=True)
class PolicyProblem:
    """What is wrong in a policy file: the key as `table.key` (empty for the file as such), message, place."""

    key: str
    message: str
    place: Place


class PolicyFileError(UserError):
    """Policy files hold what they must not; `problems` lists all of it."""

    code = "invalid-policy-file"

    def __init__(self, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(problems)
        lines = [
            ": ".join(filter(None, (str(problem.place), problem.key, problem.message)))
            for problem in self.problems
        ]
        super().__init__("\n  ".join(["a policy file has errors:", *lines]), "Mend the file, or remove it.")


@dataclass(frozen=True)
class Policy:
    """What the policy files say: settings by (table, key), and the files that were read, the nearer first."""

    settings: Mapping[tuple[str, str], Setting] = field(default_factory=lambda: MappingProxyType({}))
    files: tuple[Path, ...] = ()

    def table(self, name: str) -> dict[str, Setting]:
        """Return the settings of one table by their keys."""
        return {key: setting for (table, key), setting in self.settings.items() if table == name}

    def value(self, table: str, key: str) -> Any:
        """Return the value of a key, None where no file has it."""
        setting = self.settings.get((table, key))
        return setting and setting.value

    def judged(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return findings by [lint]: without the ignored ones, and each on the level that it has there."""
        return [self._levelled(finding) for finding in findings if not self._ignores(finding)]

    def _ignores(self, finding: Finding) -> bool:
        return any(fnmatchcase(finding.rule, pattern) for pattern in self.value("lint", "ignore") or ())

    def _levelled(self, finding: Finding) -> Finding:
        levels = self.value("lint", "levels") or {}
        patterns = [finding.rule, *levels]
        fitting = (levels[one] for one in patterns if one in levels and fnmatchcase(finding.rule, one))
        return replace(finding, level=next(fitting, finding.level))


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
        if any(table == "template" for table, _ in own):
            settings = {place: setting for place, setting in settings.items() if place[0] != "template"}
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
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    home = _home()
    folder = given if given.is_absolute() else home and home / ".config"
    return folder and folder / USER_FILE


def _user_file() -> Path | None:
    path = user_file()
    return path if path and os.path.lexists(path) else None


def _home() -> Path | None:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises for a user without one
    return home.resolve() if home.is_absolute() else None


def _settings(file: TomlFile, problems: list[PolicyProblem]) -> Iterator[tuple[tuple[str, str], Setting]]:
    """Yield the settings of a file; what is wrong goes to the problems."""
    from dx_app_wizard.policy.keys import KEYS, SettingError, near

    tables = (WIZARD_TABLE, *KEYS)
    for table, content in file.value.items():
        place = file.place(table)
        if table not in tables:
            problems.append(PolicyProblem(table, f"no such table; {near(table, tables)}", place))
        elif not isinstance(content, dict):
            problems.append(PolicyProblem(table, f"must be a table: [{table}]", place))
        elif table in USER_TABLES and file.path != user_file():
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
    from dx_app_wizard.policy.keys import KEYS, SettingError, near

    if table == WIZARD_TABLE:
        return value
    if key not in KEYS[table]:
        raise SettingError(f"no such key; {near(key, KEYS[table])}")
    return KEYS[table][key](value)
