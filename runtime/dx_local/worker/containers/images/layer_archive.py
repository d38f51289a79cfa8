"""Write a layer's folder as a tar archive: overlayfs's marks become the names that layers have."""

from __future__ import annotations

import os
import stat
import tarfile
from typing import TYPE_CHECKING

from dx_local.worker.containers.images.layer_marks import OPAQUE, OPAQUE_ATTRIBUTE, WHITEOUT

if TYPE_CHECKING:
    from typing import BinaryIO


def write_layer(folder: str, file: BinaryIO) -> None:
    """Write a layer to an open file."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        _add_folder(archive, folder, "")


def _add_folder(archive: tarfile.TarFile, folder: str, name: str) -> None:
    if _is_opaque(folder):
        _add_mark(archive, os.path.join(name, OPAQUE))
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = os.path.join(name, entry.name)
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            _add_mark(archive, os.path.join(name, WHITEOUT + entry.name))
        elif not stat.S_ISSOCK(status.st_mode):
            archive.add(entry.path, path, recursive=False)
            if stat.S_ISDIR(status.st_mode):
                _add_folder(archive, entry.path, path)


def _is_opaque(folder: str) -> bool:
    try:
        return os.getxattr(folder, OPAQUE_ATTRIBUTE) == b"y"
    except OSError:
        return False


def _add_mark(archive: tarfile.TarFile, name: str) -> None:
    archive.addfile(tarfile.TarInfo(name))
