"""Assets that are on this machine: those that the user has added, and the table [assets] of project files.

Keys are the ID of an asset's record, or `NAME@VERSION`, each perhaps after `PROJECT-ID:`. Values are paths:
of the asset's tar file, or of a folder with the content to overlay on /.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.errors import NoHomeError
from dx_app_wizard.files import atomic_write
from dx_app_wizard.policy.places import nearest_table
from dx_app_wizard.user_dirs import state_dir
from dx_local.engine.apps.assets import check_assets
from dx_local.engine.mapped_objects.project_file import path_in
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TABLE = "assets"
_FILE = "assets.json"
KEY = re.compile(
    r"(?:(?P<project>project-[0-9A-Za-z]{24}):)?"
    r"(?:(?P<id>(?:record|file)-[0-9A-Za-z]{24})|(?P<name>[^@:/\s][^@:/]*)@(?P<version>[^@:/\s]+))",
    re.ASCII,
)
"""The form of a key."""


def known_assets(folder: Path) -> dict[str, Path]:
    """Return the paths of assets by key; those of project files take precedence.

    Raises UsageError if a project file names a key or path that cannot be used.
    """
    return {**added_assets(), **_assets_of_project(folder)}


def added_assets() -> dict[str, Path]:
    """Return the assets that the user has added. Raises UsageError if the list of them is damaged."""
    place = _place()
    if place is None or not os.path.exists(place):  # noqa: PTH110  (that of Path raises for a closed folder)
        return {}
    try:
        found = json.loads(place.read_text("utf-8"))[_TABLE]
        return {str(key): Path(path) for key, path in found.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{str(place)!r} cannot be read: {error}", "Remove it, and add the assets again."
        ) from None


def add_asset(key: str, path: Path) -> None:
    """Remember an asset for all apps. Raises UsageError if the key or the path cannot be used."""
    check_key(key, "the asset")
    check_assets([path])
    _write({**added_assets(), key: path.absolute()})


def forget_asset(key: str) -> None:
    """Forget an asset; its files stay. Raises UsageError for an unknown one."""
    known = added_assets()
    if key not in known:
        raise UsageError(f"there is no asset {key!r}", "`dx-local asset ls` lists those that were added.")
    _write({name: path for name, path in known.items() if name != key})


def check_key(key: str, place: str) -> None:
    """Raise UsageError for a text that is not a key."""
    if not KEY.fullmatch(key):
        raise UsageError(f"{place}: {key!r} names no asset", "Write the ID of its record, or NAME@VERSION.")


def _assets_of_project(folder: Path) -> dict[str, Path]:
    table = nearest_table(folder, _TABLE)
    if table is None:
        return {}
    for key in table.value:
        check_key(key, str(table.file.place(_TABLE, key)))
    found = {key: path_in(table, key, value) for key, value in table.value.items()}
    check_assets(list(found.values()))
    return found


def _place() -> Path | None:
    try:
        return state_dir("dx-local") / _FILE
    except NoHomeError:
        return None


def _write(assets: Mapping[str, Path]) -> None:
    place = state_dir("dx-local") / _FILE
    content = {_TABLE: {key: str(path) for key, path in sorted(assets.items())}}
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(place, json.dumps(content, indent=2) + "\n")
    except PermissionError as error:
        raise UsageError(
            f"{str(place)!r} cannot be written: {error.strerror}",
            "Set XDG_STATE_HOME to a folder of yours, or use the table [assets] of a project file.",
        ) from None
