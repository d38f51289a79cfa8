"""Read an asset folder as `dx build_asset` does: dxasset.json, Makefile and resources/.

Source: https://documentation.dnanexus.com/developer/apps/dependency-management/asset-build-process
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp import json_document
from dx_app_wizard.errors import SpecFileError
from dx_local.engine.mapped_objects.known_assets import KEY
from dx_local.errors import UsageError
from dx_local.worker.builders import asset_spec

if TYPE_CHECKING:
    from pathlib import Path

    from dx_app_wizard.dxapp.json_document import Document
    from dx_local.platform.core.context import JSON

_MAKEFILES = ("Makefile", "makefile")
_LEVEL = 1


@dataclass(frozen=True)
class AssetFolder:
    """The content of an asset folder."""

    folder: Path
    spec: JSON
    makefile: Path | None
    resources: Path | None

    @property
    def key(self) -> str:
        """The name and version by which apps find the asset."""
        return f"{self.spec['name']}@{self.spec['version']}"


def read_asset_folder(folder: Path) -> AssetFolder:
    """Read and check an asset folder. Raises UsageError, which names every problem with its place."""
    place = folder / asset_spec.FILE
    if not folder.is_dir():
        raise UsageError(f"no such folder: {str(folder)!r}", f"Pass the folder that holds {asset_spec.FILE}.")
    if not place.exists():
        raise UsageError(
            f"{str(folder)!r} has no {asset_spec.FILE}", "Pass the folder of an asset, or write the file."
        )
    try:
        document = json_document.read(place)
    except SpecFileError as error:
        raise UsageError(str(error), error.hint) from None
    if problems := [_text(problem, document, place) for problem in asset_spec.problems(document.value)]:
        raise UsageError("\n".join(problems))
    resources = folder / "resources"
    asset = AssetFolder(
        folder,
        document.value,
        next((folder / name for name in _MAKEFILES if (folder / name).is_file()), None),
        resources if resources.is_dir() else None,
    )
    if not KEY.fullmatch(asset.key):
        raise UsageError(
            f"{place}: {asset.key!r} cannot be the name and version of an asset in assetDepends",
            'Write a name without "@", ":" and a version without spaces and ":".',
        )
    return asset


def pack_resources(resources: Path, archive: Path) -> None:
    """Write the archive of resources/ as the client does: links stay links, wherever they lead."""
    with tarfile.open(archive, "w:gz", compresslevel=_LEVEL) as packed:
        packed.add(resources, ".")


def _text(problem: asset_spec.Problem, document: Document, place: Path) -> str:
    position = document.position(problem.path)
    where = f"{place}:{position.line}:{position.column}" if position else str(place)
    return f"{where}: {problem}"
