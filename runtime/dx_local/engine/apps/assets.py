"""Substitute local archives or folders for the assets of an app; jobs see them overlaid on `/`.

Source: https://documentation.dnanexus.com/developer/apps/dependency-management/asset-build-process
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp import regular_file
from dx_local.engine.environments.bundled_files import is_archive
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_local.platform.core.context import JSON


def asset_names(run_spec: JSON) -> list[str]:
    """Return a label for each bundle and asset of a runSpec: its name, its name and version, or its ID."""
    bundled = [str(entry.get("name")) for entry in run_spec["bundledDepends"]]
    return bundled + [_name(asset) for asset in run_spec["assetDepends"]]


def check_assets(given: Sequence[Path]) -> None:
    """Raise UsageError for a path that is neither a folder nor an archive."""
    for path in given:
        if not path.exists():
            raise UsageError(
                f"no such asset: {str(path)!r}", "Pass its tar file, or a folder with the same content."
            )
        if not (path.is_dir() or is_archive(path.name)):
            raise UsageError(
                f"the asset {str(path)!r} is neither a folder nor an archive",
                "Pass a folder, or an archive whose name ends in .tar.gz or a similar suffix.",
            )
        try:
            regular_file.check(path)
        except OSError as error:
            raise UsageError(f"the asset {str(path)!r} cannot be read: {error.strerror}") from None


def missing_assets(names: Sequence[str], given: Sequence[Path]) -> str | None:
    """Return a note if an app depends on more assets than were given, else None."""
    if len(given) >= len(names):
        return None
    which = "" if not given else f" (given: {', '.join(str(path) for path in given)})"
    return (
        f"The app depends on assets: {', '.join(names)}{which}. Jobs run without the missing ones.\n"
        "Pass each with --asset: its tar file, or a folder with the content to overlay on /."
    )


def missing_resources(spec: JSON, region: str) -> str | None:
    """Return a note if a dxapp.json has `resources` in a region, else None.

    Only apps have them. A run creates an applet, for which `dx build` ignores them as well.
    """
    options = (spec.get("regionalOptions") or {}).get(region) or {}
    resources = options.get("resources", spec.get("resources"))
    if not resources:
        return None
    named = ", ".join([resources] if isinstance(resources, str) else map(str, resources))
    return (
        f"The app's resources ({named}) are missing here; jobs run without DX_RESOURCES_ID, like those of an"
        " applet.\n"
        "To run it as an app, build it against `dx-local serve`."
    )


def _name(asset: dict[str, Any]) -> str:
    if "id" in asset:
        return str(asset["id"])
    return f"{asset.get('name')} {asset.get('version')}"
