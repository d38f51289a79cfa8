"""Substitute local archives or folders for the assets of an app; jobs see them overlaid on `/`.

Source: https://documentation.dnanexus.com/developer/apps/dependency-management/asset-build-process
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp import regular_file
from dx_app_wizard.dxapp.links import link_id, link_project
from dx_local.engine.environments.bundled_files import is_archive
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from dx_local.platform.core.context import JSON


@dataclass(frozen=True)
class Assets:
    """The local folders and archives for the assets of an app, and labels of the missing ones."""

    paths: tuple[Path, ...]
    missing: tuple[str, ...] = ()

    def note(self) -> str | None:
        """Return a note on the missing assets, or None if there are none."""
        if not self.missing:
            return None
        which = f" (given: {', '.join(map(str, self.paths))})" if self.paths else ""
        return (
            f"The app depends on assets: {', '.join(self.missing)}{which}."
            " Jobs run without the missing ones.\n"
            "Pass each with --asset, or add it with `dx-local asset add`: its tar file, or a folder with the"
            " content to overlay on /."
        )


def resolve_assets(run_spec: JSON, given: Sequence[Path], known: Mapping[str, Path]) -> Assets:
    """Return the local data of the bundles and assets of a runSpec, in their order.

    `known` has paths by ID, by `NAME@VERSION`, or by one of them after `PROJECT-ID:`. `given` are the paths
    of the others, in the order of the runSpec; those left over come last.
    """
    rest, paths, missing = list(given), [], []
    for entry in (*run_spec["bundledDepends"], *run_spec["assetDepends"]):
        path = next((known[key] for key in _keys(entry) if key in known), None)
        path = path or (rest.pop(0) if rest else None)
        if path:
            paths.append(path)
        else:
            missing.append(_label(entry))
    return Assets((*paths, *rest), tuple(missing))


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


def missing_resources(spec: JSON, region: str, mapped: AbstractSet[str]) -> str | None:
    """Return a note if `resources` of a dxapp.json in a region are not mapped to local data, else None."""
    missing = [entity for entity in resources_of(spec, region) if entity not in mapped]
    if not missing:
        return None
    flags = " ".join(f"--object {entity}=PATH" for entity in missing)
    return (
        f"The app's resources ({', '.join(missing)}) are not on this machine;"
        " jobs run without DX_RESOURCES_ID, like those of an applet.\n"
        f"Pass local data for them: {flags}"
    )


def resources_of(spec: JSON, region: str) -> list[str]:
    """Return the IDs in the `resources` of a dxapp.json: a project, or data objects."""
    options = (spec.get("regionalOptions") or {}).get(region) or {}
    resources = options.get("resources", spec.get("resources")) or []
    return [resources] if isinstance(resources, str) else [str(entity) for entity in resources]


def _keys(entry: JSON) -> Iterator[str]:
    """Yield the keys by which an entry may be known, the most exact one first."""
    entity = entry.get("id")
    plain = entity if isinstance(entity, str) else link_id(entity)
    plain = plain or f"{entry.get('name')}@{entry.get('version')}"
    project = entry.get("project") or link_project(entity)
    if project:
        yield f"{project}:{plain}"
    yield plain


def _label(entry: JSON) -> str:
    if "version" in entry:
        return f"{entry.get('name')} {entry['version']}"
    return str(entry.get("name") or next(iter(_keys(entry))))
