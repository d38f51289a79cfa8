"""What a job's execDepends come to on this machine: layers for its `/`, and what users should know."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.errors import NoHomeError
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.debian.apt import Apt, AptError
from dx_local.engine.environments.debian.layers import debian_layer
from dx_local.engine.environments.debian.package_names import is_name, known_names, similar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dx_local.engine.environments.debian.layers import DebianLayer
    from dx_local.engine.environments.exec_depends import Dependency

_IN_ENVIRONMENTS = ("pip", "pip3")
"""Package managers whose packages are in the worker environment."""


@dataclass(frozen=True)
class Supply:
    """What is laid over `/` for a job, and what is said of what is missing: beforehand, and if it fails."""

    layers: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    hint: str | None = None


def supply(dependencies: Sequence[Dependency], *, installs: bool, announce: Callable[[str], None]) -> Supply:
    """Hold dependencies against this machine; where `installs`, unpack what apt can give for jobs alone.

    May take long, then says so to `announce`. What is missing is told in the result, and never raised.
    """
    notes = _others(dependencies)
    wanted = [dependency for dependency in dependencies if dependency.manager == "apt"]
    if not wanted:
        return Supply(notes=tuple(notes))
    installed = dpkg.installed()
    if installed is None:
        absent = [dependency for dependency in wanted if not shutil.which(dependency.name)]
        return Supply(notes=(*notes, *_unchecked(absent)))
    notes += [
        f"The app pins the Debian package {dependency}; this machine has version {found}."
        for dependency in wanted
        if (found := installed.get(dependency.name)) and not _fits(dependency, found)
    ]
    missing = [
        dependency
        for dependency in wanted
        if dependency.name not in installed and not shutil.which(dependency.name)
    ]
    if not missing:
        return Supply(notes=tuple(notes))
    if not installs:
        return Supply(notes=(*notes, *_lacking(missing)), hint=_hint(missing))
    return _installed(missing, notes, announce)


def _installed(missing: Sequence[Dependency], notes: list[str], announce: Callable[[str], None]) -> Supply:
    if not Apt.is_here():
        return Supply(notes=(*notes, "--install-depends needs apt-get, which this machine lacks."))
    try:
        layer = debian_layer(missing, announce=announce)
    except (AptError, NoHomeError) as error:
        said = "\n".join(f"  {line}" for line in str(error).splitlines())
        note = (
            f"The Debian packages {_names(missing)} could not be had, and the jobs run without them:\n{said}"
        )
        return Supply(notes=(*notes, note), hint=_hint(missing))
    still_missing = [dependency for dependency in missing if dependency.name in layer.unknown]
    return Supply(
        layers=(layer.root,) if layer.archives else (),
        notes=(*notes, *_of_layer(layer, missing)),
        hint=_hint(still_missing) if still_missing else None,
    )


def _of_layer(layer: DebianLayer, missing: Sequence[Dependency]) -> list[str]:
    notes = [_unknown(name, others) for name, others in layer.unknown.items()]
    versions = dict(archive.split("_")[:2] for archive in layer.archives)
    for dependency in missing:
        if dependency.name in layer.unpinned:
            version = versions.get(dependency.name, "another").replace("%3a", ":")
            notes.append(f"The app pins the Debian package {dependency}; apt has version {version}.")
    return notes


def _fits(dependency: Dependency, version: str) -> bool:
    """Tell whether a version is the pinned one, if any, or a rebuild of it."""
    return dependency.version is None or version.startswith(dependency.version)


def _lacking(missing: Sequence[Dependency]) -> list[str]:
    names = known_names()
    unknown = [entry for entry in missing if not is_name(entry.name) or (names and entry.name not in names)]
    notes = [_unknown(dependency.name, similar(dependency.name, names)) for dependency in unknown]
    if known := [dependency for dependency in missing if dependency not in unknown]:
        notes.append(
            f"This machine lacks Debian packages that the app depends on: {_names(known)}. To install them:\n"
            f"  sudo apt-get install --yes {' '.join(dependency.name for dependency in known)}\n"
            "or have dx-local unpack them for its jobs alone, without root, with --install-depends."
        )
    return notes


def _unknown(name: str, others: Sequence[str]) -> str:
    instead = f"; there is: {', '.join(others)}" if others else ""
    return f"The app depends on the Debian package {name}, which apt does not know{instead}."


def _hint(missing: Sequence[Dependency]) -> str:
    return (
        f"The app depends on Debian packages that this machine lacks: {_names(missing)}."
        " With --install-depends, dx-local unpacks them for its jobs."
    )


def _unchecked(absent: Sequence[Dependency]) -> list[str]:
    if not absent:
        return []
    return [f"The app depends on Debian packages that nobody can look for on this machine: {_names(absent)}."]


def _others(dependencies: Sequence[Dependency]) -> list[str]:
    """Return a note for each package manager whose packages nobody installs here."""
    managers = dict.fromkeys(dependency.manager for dependency in dependencies)
    return [
        f"Packages of {manager} are not installed here; the app depends on:"
        f" {_names([dependency for dependency in dependencies if dependency.manager == manager])}."
        for manager in managers
        if manager not in ("apt", *_IN_ENVIRONMENTS)
    ]


def _names(dependencies: Sequence[Dependency]) -> str:
    return ", ".join(str(dependency) for dependency in dependencies)
