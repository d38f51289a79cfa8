"""The folder of the cache of images, light enough for every run to prepare it.

    $XDG_CACHE_HOME/dx-local/images/
        layers/SHA-256/           an unpacked layer, in the form that overlayfs reads
        names/NAME.json           an image that `dx-local image add` added; NAME is quoted as in URLs
        unfinished/SHA-256.XXXX/  a layer that is being unpacked
        locks/SHA-256             held while that layer is unpacked
        base/                     the mount points of containers, as the lowest layer of all images
        in-use                    locked by each process whose jobs see the cache

Jobs find it read-only.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cached
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from pathlib import Path

IN_USE = "in-use"
"""The file that is locked by each process whose jobs see the cache."""

_SUBFOLDERS = ("layers", "names", "unfinished", "locks")
_MOUNT_POINTS = ("dev", "proc", "sys", "etc")
_MOUNT_FILES = ("etc/hosts", "etc/resolv.conf", ".dockerenv")  # programs recognise containers by the last one


def user_folder() -> Path | None:
    """Return the folder of the user's cache, ready to be used; None if there can be none."""
    with suppress(OSError):
        folder = cached("dx-local", "images")
        prepare(folder)
        return folder
    return None


def prepare(folder: Path) -> None:
    """Make the folders, which only this user can enter. Raises OSError."""
    base = folder / "base"
    if (base / _MOUNT_FILES[-1]).exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _SUBFOLDERS:
        (folder / name).mkdir(exist_ok=True)
    for name in _MOUNT_POINTS:
        (base / name).mkdir(parents=True, exist_ok=True)
    for name in _MOUNT_FILES:
        (base / name).touch()


def hold(folder: Path) -> locks.Lock | None:
    """Return a lock; as long as it is held, nobody removes layers. Raises OSError.

    Returns None for a cache that cannot be written, from which nobody can remove anything.
    """
    place = folder / IN_USE
    if not os.access(folder, os.W_OK) and not os.access(place, os.W_OK):
        return None
    return locks.hold(place, locks.SHARED)
