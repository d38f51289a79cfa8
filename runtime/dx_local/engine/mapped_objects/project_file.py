"""The tables [objects] and [with] of the nearest `.dx-app-wizard.toml`.

[objects] maps IDs to local data, and `apps` in [with] lists the folders of further apps. Paths are relative
to the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dx_app_wizard.policy.places import nearest_table
from dx_local.engine.mapped_objects.mapping import MappedObject, mapped_object, parse_mapping
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from dx_app_wizard.policy.places import Table
    from dx_local.engine.settings import JobSettings

_OBJECTS, _WITH, _APPS = "objects", "with", "apps"
_FORMS = {
    "assets": 'Write "record-xxxx" = "PATH" or "NAME@VERSION" = "PATH".',
    _OBJECTS: 'Write "ID" = "PATH".',
    _WITH: f'Write {_APPS} = ["PATH"].',
}


@dataclass(frozen=True)
class LocalData:
    """Objects mapped to local data, and the folders of further apps in the project."""

    objects: tuple[MappedObject, ...] = ()
    apps: tuple[Path, ...] = ()


def local_data(settings: JobSettings, folder: Path) -> LocalData:
    """Return the objects and apps of the settings, and those that the project files of a folder add.

    An object of the settings takes precedence over one with the same key. Raises UsageError and the errors of
    `nearest_table`.
    """
    objects = {mapped.key: mapped for mapped in (*_objects(folder), *map(parse_mapping, settings.objects))}
    apps = dict.fromkeys((*map(Path, settings.apps), *_apps(folder)))
    return LocalData(tuple(objects.values()), tuple(apps))


def _objects(folder: Path) -> list[MappedObject]:
    table = nearest_table(folder, _OBJECTS)
    if table is None:
        return []
    return [
        mapped_object(key, path_in(table, key, value), str(table.file.place(_OBJECTS, key)))
        for key, value in table.value.items()
    ]


def _apps(folder: Path) -> list[Path]:
    table = nearest_table(folder, _WITH)
    if table is None:
        return []
    if unknown := table.value.keys() - {_APPS}:
        key = min(unknown)
        raise _unusable(table, key, f"[{_WITH}] has no key {key!r}")
    apps = table.value.get(_APPS, [])
    if not isinstance(apps, list):
        raise _unusable(table, _APPS, f"{_APPS} is not an array")
    return [path_in(table, _APPS, app) for app in apps]


def path_in(table: Table, key: str, value: Any) -> Path:
    """Return the path that a key of a table has, relative to its file. Raises UsageError."""
    if not isinstance(value, str) or not value:
        raise _unusable(table, key, f"{value!r} is not a path")
    return table.file.path.parent / Path(value).expanduser()


def _unusable(table: Table, key: str, problem: str) -> UsageError:
    return UsageError(f"{table.file.place(table.name, key)}: {problem}", _FORMS[table.name])
