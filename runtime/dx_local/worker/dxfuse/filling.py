"""Fill a folder with the files of a mount, as downloads deliver them: as private copies or links.

Jobs get links if the user asked for that and the sandbox protects the originals (`--inputs link`).
The kernel copies the bytes, or shares them if the file system can.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import dxpy

from dx_local.worker.dxpy_patches import file_transfer

if TYPE_CHECKING:
    from dx_local.worker.dxfuse.layout import Layout, MountedFile

_READABLE = 0o444


class FillError(Exception):
    """The disk is too small for the files of a mount."""


def fill(layout: Layout, folder: str) -> None:
    """Create the files and folders of a layout in a folder. Raises FillError, OSError and DXError."""
    for path in sorted(layout.folders):
        os.makedirs(f"{folder}/{path}", exist_ok=True)
    rest = sum(file.size for file in layout.files)
    for file in layout.files:
        target = f"{folder}/{file.path}"
        _deliver(file, target)
        rest -= file.size
        if os.path.islink(target):
            continue
        os.chmod(target, _READABLE)
        os.utime(target, (file.modified / 1000, file.modified / 1000))
        if rest > shutil.disk_usage(folder).free:
            raise FillError(
                f"the mounted files need {rest:,} bytes more than are copied by now, and the disk has less;"
                " with --inputs link, dx-local links them instead"
            )


def _deliver(file: MountedFile, target: str) -> None:
    file_transfer.download_dxfile(file.file_id, target, project=file.project or dxpy.DXFile.NO_PROJECT_HINT)
