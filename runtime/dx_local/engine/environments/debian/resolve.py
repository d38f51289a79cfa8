"""Resolve a job's execDepends on this machine: to layers for its `/`, and notes for the user."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.errors import NoCacheError
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.debian.apt import Apt, AptError
from dx_local.engine.environments.debian.layers import debian_layer
from dx_local.engine.environments.debian.package_names import available_names, is_valid_name, similar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dx_local.engine.environments.debian.layers import DebianLayer
    from dx_local.engine.environments.exec_depends import Dependency

_IN_ENVIRONMENTS = ("pip", "pip3")
"""Package managers whose packages are installed in the worker environment."""


@dataclass(frozen=True)
class ResolvedDependencies:
    """Layers to overlay on `/` for a job, notes to print before it starts, and a hint in case it fails."""

    layers: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None


def resolve_dependencies(
    dependencies: Sequence[Dependency], *, installs: bool, announce: Callable[[str], None]
) -> ResolvedDependencies:
    """Compare dependencies with this machine; if `installs`, unpack missing Debian packages for jobs.

    Calls `announce` before it does something that takes long. Missing packages are reported in the result,
    never raised: a job may not use them.
    """
    notes = _unsupported(dependencies)
    wanted = [dependency for dependency in dependencies if dependency.manager == "apt"]
    if not wanted:
        return ResolvedDependencies(notes=tuple(notes))
    installed = dpkg.installed()
    if installed is None:
        absent = [dependency for dependency in wanted if not shutil.which(dependency.name)]
        return ResolvedDependencies(notes=(*notes, *_describe_unchecked(absent)))
    notes += [
        f"The app pins the Debian package {dependency}; this machine has version {found}."
        for dependency in wanted
        if (found := installed.get(dependency.name)) and not _satisfies_pin(dependency, found)
    ]
    missing = [
        dependency
        for dependency in wanted
        if dependency.name not in installed and not shutil.which(dependency.name)
    ]
    if not missing:
        return ResolvedDependencies(notes=tuple(notes))
    if not installs:
        return ResolvedDependencies(notes=(*notes, *_describe_missing(missing)), hint=_hint(missing))
    return _unpacked(missing, notes, announce)


def _unpacked(
    missing: Sequence[Dependency], notes: list[str], announce: Callable[[str], None]
) -> ResolvedDependencies:
    if not Apt.is_installed():
        return ResolvedDependencies(
            notes=(*notes, "--install-depends needs apt-get, which this machine lacks.")
        )
    try:
        layer = debian_layer(missing, announce=announce)
    except (AptError, NoCacheError) as error:
        output = "\n".join(f"  {line}" for line in str(error).splitlines())
        note = (
            f"Debian packages could not be downloaded, so jobs run without them: {_names(missing)}.\n{output}"
        )
        return ResolvedDependencies(notes=(*notes, note), hint=_hint(missing))
    still_missing = [dependency for dependency in missing if dependency.name in layer.unknown]
    return ResolvedDependencies(
        layers=(layer.root,) if layer.archives else (),
        notes=(*notes, *_describe_layer(layer, missing)),
        hint=_hint(still_missing) if still_missing else None,
    )


def _describe_layer(layer: DebianLayer, missing: Sequence[Dependency]) -> list[str]:
    notes = [_describe_unknown(name, others) for name, others in layer.unknown.items()]
    versions = dict(archive.split("_")[:2] for archive in layer.archives)
    for dependency in missing:
        if dependency.name in layer.unpinned:
            version = versions.get(dependency.name, "another").replace("%3a", ":")
            notes.append(f"The app pins the Debian package {dependency}; apt has version {version}.")
    return notes


def _satisfies_pin(dependency: Dependency, version: str) -> bool:
    """Return whether a version is the pinned one or its rebuild, or none is pinned."""
    return dependency.version is None or version.startswith(dependency.version)


def _describe_missing(missing: Sequence[Dependency]) -> list[str]:
    names = available_names()
    unknown = [
        entry for entry in missing if not is_valid_name(entry.name) or (names and entry.name not in names)
    ]
    notes = [_describe_unknown(dependency.name, similar(dependency.name, names)) for dependency in unknown]
    if known := [dependency for dependency in missing if dependency not in unknown]:
        notes.append(
            f"This machine lacks Debian packages that the app depends on: {_names(known)}. To install them:\n"
            f"  sudo apt-get install --yes {' '.join(dependency.name for dependency in known)}\n"
            "or pass --install-depends to have dx-local unpack them, for its jobs only and without root."
        )
    return notes


def _describe_unknown(name: str, others: Sequence[str]) -> str:
    similar_names = f" Similar: {', '.join(others)}." if others else ""
    return f"The app depends on the Debian package {name}, which is unknown to apt.{similar_names}"


def _hint(missing: Sequence[Dependency]) -> str:
    return (
        f"The app depends on Debian packages that this machine lacks: {_names(missing)}."
        " With --install-depends, dx-local unpacks them for its jobs."
    )


def _describe_unchecked(absent: Sequence[Dependency]) -> list[str]:
    if not absent:
        return []
    return [f"The app depends on Debian packages, which cannot be checked without dpkg: {_names(absent)}."]


def _unsupported(dependencies: Sequence[Dependency]) -> list[str]:
    """Return a note for each package manager that dx-local does not support."""
    managers = dict.fromkeys(dependency.manager for dependency in dependencies)
    return [
        f"Packages of {manager} are not installed by dx-local; the app depends on:"
        f" {_names([dependency for dependency in dependencies if dependency.manager == manager])}."
        for manager in managers
        if manager not in ("apt", *_IN_ENVIRONMENTS)
    ]


def _names(dependencies: Sequence[Dependency]) -> str:
    return ", ".join(str(dependency) for dependency in dependencies)
