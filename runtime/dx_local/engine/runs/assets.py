"""Assets that an app depends on: here, tar files or folders of the user's, laid over `/` for the app's jobs.

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
    """Return the bundles and assets of a runSpec, each by its name, its name and version, or its ID."""
    bundled = [str(entry.get("name")) for entry in run_spec["bundledDepends"]]
    return bundled + [_name(asset) for asset in run_spec["assetDepends"]]


def check_assets(given: Sequence[Path]) -> None:
    """Raise UsageError for what is neither a folder nor an archive."""
    for path in given:
        if not path.exists():
            raise UsageError(
                f"there is no asset {str(path)!r}", "Give its tar file, or a folder with what it holds."
            )
        if not (path.is_dir() or is_archive(path.name)):
            raise UsageError(
                f"the asset {str(path)!r} is neither a folder nor an archive",
                "Archives end in .tar.gz or the like.",
            )
        try:
            regular_file.check(path)
        except OSError as error:
            raise UsageError(f"cannot read the asset {str(path)!r}: {error.strerror}") from None


def missing_assets(names: Sequence[str], given: Sequence[Path]) -> str | None:
    """Say that an app depends on more assets than were given, and what to do; None if it does not."""
    if len(given) >= len(names):
        return None
    which = "" if not given else f" (given: {', '.join(str(path) for path in given)})"
    return (
        f"The app depends on assets: {', '.join(names)}{which}. They are not here; jobs run without them.\n"
        "Give each with --asset: its tar file, or a folder with what it holds below /."
    )


def missing_resources(spec: JSON, region: str) -> str | None:
    """Return a note about the `resources` of a dxapp.json in a region, None if it has none.

    Only apps have them; `dx build` ignores them for an applet, which is what a run here makes.
    """
    options = (spec.get("regionalOptions") or {}).get(region) or {}
    resources = options.get("resources", spec.get("resources"))
    if not resources:
        return None
    named = ", ".join([resources] if isinstance(resources, str) else map(str, resources))
    return (
        f"The app's resources ({named}) are not here; jobs run without DX_RESOURCES_ID, as an applet's do.\n"
        "To run it as an app, build it against `dx-local serve`."
    )


def _name(asset: dict[str, Any]) -> str:
    if "id" in asset:
        return str(asset["id"])
    return f"{asset.get('name')} {asset.get('version')}"
