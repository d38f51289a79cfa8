"""Create the records of assets on a served platform, where `dx build` looks for them.

A record of the type AssetBundle links to the archive in its details, and has its version as a property.

Source: https://documentation.dnanexus.com/developer/apps/dependency-management/asset-build-process, and
`assetDepends` in dxpy.app_builder.
"""

from __future__ import annotations

import re
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import link
from dx_local.engine.mapped_objects.installing import ensure_project, remove
from dx_local.engine.mapped_objects.known_assets import KEY
from dx_local.platform.core.local_bytes import temporary_in
from dx_local.platform.data import files, projects, records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dx_local.platform.core.context import Context

PROJECT_NAME = "assets"
"""The project of assets whose own project is unknown."""


def install_assets(context: Context, assets: Mapping[str, Path]) -> None:
    """Create a record and an archive for each asset, by key; call it in a transaction.

    Those of an earlier start are replaced, as the local data may have changed. Raises ApiError.
    """
    for key, path in assets.items():
        match = KEY.fullmatch(key)
        assert match is not None
        project = match["project"]
        if project:
            ensure_project(context, project)
        else:
            project = _assets_project(context)
        if match["id"] and not match["id"].startswith("record-"):
            continue  # the file of a bundle, for which --object stands
        if match["name"] and _has_record(assets, path, match["project"]):
            continue  # the record has the name
        name, version = _name_and_version(match, path, assets)
        _remove_earlier(context, project, key, match["id"])
        archive = files.link_local(
            context, _archive(context, key, path), project=project, folder="/.archives", name=f"{name}.tar.gz"
        )
        request = {
            "project": project,
            "name": name,
            "types": ["AssetBundle"],
            "details": {"archiveFileId": link(archive)},
            "properties": {"version": version, _KEY: key},
            "close": True,
        }
        records.new(replace(context, chosen_id=match["id"]), "record", request)


_KEY = "dx-local-asset"


def _has_record(assets: Mapping[str, Path], path: Path, project: str | None) -> bool:
    """Return whether an asset is also known by the ID of a record in a project."""
    keys = [KEY.fullmatch(key) for key, other in assets.items() if other == path]
    return any(key and (key["id"] or "").startswith("record-") and key["project"] == project for key in keys)


def _name_and_version(match: re.Match[str], path: Path, assets: Mapping[str, Path]) -> tuple[str, str]:
    """Return those of a key; for one with an ID, those by which the same asset is also known, if any."""
    others = [KEY.fullmatch(key) for key, other in assets.items() if other == path]
    for each in (match, *filter(None, others)):
        if each["name"]:
            return each["name"], each["version"]
    return path.name.partition(".")[0], "0.0.0"


def _remove_earlier(context: Context, project: str, key: str, record: str | None) -> None:
    earlier = context.store.column(
        f"SELECT object FROM placement WHERE project = ? AND json_extract(properties, '$.\"{_KEY}\"') = ?",
        project,
        key,
    )
    for object_id in dict.fromkeys([*earlier, *([record] if record else [])]):
        remove(context, project, object_id)


def _assets_project(context: Context) -> str:
    found = context.store.value(
        "SELECT id FROM project WHERE class = 'project' AND name = ? ORDER BY created LIMIT 1", PROJECT_NAME
    )
    return str(found or projects.new(context, "project", {"name": PROJECT_NAME})["id"])


def _archive(context: Context, key: str, path: Path) -> Path:
    """Return the archive of an asset; a folder is packed into the folder of the platform."""
    if path.is_file():
        return path
    folder = context.platform.folder / "assets"
    folder.mkdir(exist_ok=True)
    archive = folder / f"{re.sub(r'[^0-9A-Za-z.@_-]', '_', key)}.tar.gz"
    with temporary_in(folder) as unfinished:
        with tarfile.open(unfinished, "w:gz", compresslevel=1) as packed:
            packed.add(path, ".")
        unfinished.replace(archive)
    return archive
