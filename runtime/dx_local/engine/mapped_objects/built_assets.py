"""The bundles of assets that `dx-local asset build` has made: kept in the user's state folder, and added.

A bundle is known by its name and version, and by the ID of its record, which stays the same when the asset is
built again.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import state_dir
from dx_local.engine.mapped_objects.known_assets import add_asset, added_assets, forget_asset

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = "assets"
_OTHERS = re.compile(r"[^0-9A-Za-z.@_+-]")
_LONGEST_NAME = 100
_RECORD = "record-"


def bundle_of(key: str) -> Path:
    """Return the path for the bundle of an asset with a name and version. Raises NoHomeError."""
    name = _OTHERS.sub("_", key)[:_LONGEST_NAME]
    if name != key:  # another key may have the same name
        name += f"-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
    return state_dir("dx-local") / _FOLDER / f"{name}.tar.gz"


def keep(key: str, record: str, bundle: Path) -> list[str]:
    """Add a built asset under its name and version, and under a record; return both keys.

    The record is that of its last build if there was one. Raises UsageError.
    """
    known = [each for each, path in added_assets().items() if path == bundle]
    records = [each for each in known if each.startswith(_RECORD)]
    keys = [key, *(records or [record])]
    for each in keys:
        add_asset(each, bundle)
    return keys


def forget(key: str) -> None:
    """Forget an asset. A bundle that was built here is removed with its last key; other files stay.

    Raises UsageError for an unknown one.
    """
    path = added_assets().get(key)
    forget_asset(key)
    if path and path.parent == state_dir("dx-local") / _FOLDER and path not in added_assets().values():
        path.unlink(missing_ok=True)
