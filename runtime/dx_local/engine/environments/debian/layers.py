"""Unpack Debian packages, without root, into folders that are overlaid on `/` for jobs.

The layers are in $XDG_CACHE_HOME/dx-local/debian. Runs with the same requirements share one:

    lists/ state/ cache/    apt's own
    layers/KEY/root/        the content of the packages
    layers/KEY/layer.json   written last: the packages, and those that were not found

The scripts of packages are not run; maintainer_scripts.py imitates some of them.
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

from dx_app_wizard.user_dirs import cache_dir, cached
from dx_local.engine.environments.debian import dpkg
from dx_local.engine.environments.debian.apt import Apt, AptError
from dx_local.engine.environments.debian.maintainer_scripts import configure_java_and_r, link_alternatives
from dx_local.engine.environments.debian.package_names import similar
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dx_local.engine.environments.exec_depends import Dependency

_MARKER = "layer.json"
_FORMAT = 2
"""Increased when layers get other contents, so that older ones are not used."""

_RETRY_SECONDS = 24 * 3600

# A libc without its own loader breaks every program. The host's libc is good enough for packages.
_NEVER_UNPACKED = ("libc6_", "libc-bin_")


@dataclass(frozen=True)
class DebianLayer:
    """Packages unpacked in `root`, and those that were not found as wanted."""

    root: Path
    archives: tuple[str, ...]
    unknown: dict[str, list[str]]
    """Packages unknown to apt, with the names of similar ones."""
    unpinned: tuple[str, ...]
    """Packages that are unpacked in another version than the pinned one."""


def debian_layer(wanted: Sequence[Dependency], *, announce: Callable[[str], None]) -> DebianLayer:
    """Return a layer with packages and those dependencies that the host lacks, unpacked now or earlier.

    Calls `announce` before it downloads. Raises AptError, including for errors of the file system.
    """
    if known := _read(cached("dx-local", "debian", "layers", _key(wanted))):
        return known
    cache = cache_dir("dx-local") / "debian"
    folder = cache / "layers" / _key(wanted)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locks.hold(cache / "lock"):
            # Another run may have made it before the lock was free.
            if known := _read(folder):
                return known
            for left in folder.parent.glob(".*"):
                shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
            names = ", ".join(str(dependency) for dependency in wanted)
            announce(f"Unpacking Debian packages for jobs ({names}); later runs reuse them.")
            return _make(Apt(cache), wanted, folder)
    except OSError as error:
        raise AptError(f"{folder} cannot be created: {error}") from error


def _key(wanted: Sequence[Dependency]) -> str:
    names = sorted((dependency.name, dependency.version or "") for dependency in wanted)
    host = sorted((dpkg.installed() or {}).items())
    # Packages of the host are left out of layers, so a layer depends on the installed packages.
    described = json.dumps([_FORMAT, names, host, platform.machine(), _release()])
    return hashlib.sha256(described.encode()).hexdigest()[:24]


def _release() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:
        return ""


def _read(folder: Path) -> DebianLayer | None:
    """Return an existing layer; None if there is none, or if it lacks packages and is more than a day old."""
    marker = folder / _MARKER
    try:
        known = json.loads(marker.read_text(encoding="utf-8"))
        age = time.time() - marker.stat().st_mtime
    except FileNotFoundError:
        return None
    if known["unknown"] and age > _RETRY_SECONDS:
        return None
    return DebianLayer(
        folder / "root", tuple(known["archives"]), known["unknown"], unpinned=tuple(known["unpinned"])
    )


def _make(apt: Apt, wanted: Sequence[Dependency], folder: Path) -> DebianLayer:
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
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
        configure_java_and_r(root)
        shutil.rmtree(downloads)
        names = apt.names() if found.unknown else []
        layer = DebianLayer(
            folder / "root",
            tuple(archive.name for archive in found.archives),
            {name: similar(name, names) for name in found.unknown},
            found.unpinned,
        )
        (unfinished / _MARKER).write_text(json.dumps({**asdict(layer), "root": None}), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)  # a layer that lacked packages a day ago
        unfinished.replace(folder)
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
