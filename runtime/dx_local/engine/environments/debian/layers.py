"""Debian packages unpacked into folders that jobs get laid over `/`, without root and beside the host's own.

Kept under $XDG_CACHE_HOME/dx-local/debian, shared by all runs that need the same:

    lists/ state/ cache/    apt's own
    layers/KEY/root/        what the packages hold
    layers/KEY/layer.json   comes last: which packages these are, and what there was not

The scripts of packages are not run; package_scripts.py stands in for some of what they do.
"""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.debian.apt import Apt, AptError
from dx_local.engine.environments.debian.maintainer_scripts import furnish, link_alternatives
from dx_local.engine.environments.debian.package_names import similar
from dx_local.engine.environments.file_lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dx_local.engine.environments.exec_depends import Dependency

_MARKER = "layer.json"
_FORMAT = 2
"""Changes when layers are made in another way."""

_RETRY_SECONDS = 24 * 3600

# A libc without the loader that it was made with breaks every program, and older ones do for packages.
_NEVER_UNPACKED = ("libc6_", "libc-bin_")


@dataclass(frozen=True)
class DebianLayer:
    """Packages unpacked below `root`, and what was wanted and is not to be had like that."""

    root: Path
    archives: tuple[str, ...]
    unknown: dict[str, list[str]]
    """Packages that apt does not know, with others of similar names."""
    unpinned: tuple[str, ...]
    """Packages that are there in another version than the one that is wanted."""


def debian_layer(wanted: Sequence[Dependency], *, announce: Callable[[str], None]) -> DebianLayer:
    """Return packages, with all that they need and the host lacks, unpacked now or earlier.

    `announce` is told before something is downloaded. Raises AptError, also for what the disk refuses.
    """
    folder = cache_dir("dx-local") / "debian"
    place = folder / "layers" / _key(wanted)
    if known := _read(place):
        return known
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder / "lock"):
            if known := _read(place):
                return known
            for left in place.parent.glob(".*"):
                shutil.rmtree(left, ignore_errors=True)  # by a process that was killed
            names = ", ".join(str(dependency) for dependency in wanted)
            announce(f"Unpacking Debian packages for jobs ({names}); this happens once.")
            return _make(Apt(folder), wanted, place)
    except OSError as error:
        raise AptError(f"{place} cannot be made: {error}") from error


def _key(wanted: Sequence[Dependency]) -> str:
    names = sorted((dependency.name, dependency.version or "") for dependency in wanted)
    host = sorted((dpkg.installed() or {}).items())
    # What is unpacked depends on what the host has, which is left out of it.
    described = json.dumps([_FORMAT, names, host, platform.machine(), _release()])
    return hashlib.sha256(described.encode()).hexdigest()[:24]


def _release() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def _read(place: Path) -> DebianLayer | None:
    """Return the layer at a place, if there is one; one that lacks packages is asked for anew after a day."""
    marker = place / _MARKER
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
        age = time.time() - marker.stat().st_mtime
    except FileNotFoundError:
        return None
    if known["unknown"] and age > _RETRY_SECONDS:
        return None
    return DebianLayer(
        place / "root", tuple(known["archives"]), known["unknown"], unpinned=tuple(known["unpinned"])
    )


def _make(apt: Apt, wanted: Sequence[Dependency], place: Path) -> DebianLayer:
    unfinished = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
    downloads = unfinished / "archives"
    root = unfinished / "root"
    root.mkdir(parents=True)
    try:
        were_fresh = apt.refresh()
        found = apt.download(wanted, downloads)
        if found.unknown and not were_fresh and apt.refresh(older_than_seconds=3600):
            found = apt.download(wanted, downloads)
        for archive in found.archives:
            if not archive.name.startswith(_NEVER_UNPACKED):
                _unpack(archive, root)
        furnish(root)
        shutil.rmtree(downloads)
        names = apt.names() if found.unknown else []
        layer = DebianLayer(
            place / "root",
            tuple(archive.name for archive in found.archives),
            {name: similar(name, names) for name in found.unknown},
            found.unpinned,
        )
        (unfinished / _MARKER).write_text(json.dumps({**asdict(layer), "root": None}), encoding="utf-8")
        if place.exists():
            shutil.rmtree(place)  # one that lacked packages a day ago
        unfinished.replace(place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return layer


def _unpack(archive: Path, root: Path) -> None:
    _dpkg_deb("--extract", archive, root)
    control = archive.with_suffix(".control")
    _dpkg_deb("--control", archive, control)
    script = control / "postinst"
    if script.is_file():
        link_alternatives(root, script.read_text(encoding="utf-8", errors="replace"))


def _dpkg_deb(action: str, archive: Path, folder: Path) -> None:
    done = subprocess.run(
        ["dpkg-deb", action, archive, folder],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise AptError(f"{archive.name} cannot be unpacked: {done.stderr.strip()[-500:]}")
