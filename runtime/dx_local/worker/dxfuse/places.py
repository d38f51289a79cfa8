"""The places of a mount on disk: its log, the folder of its content, and the mount point."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from typing import IO, TYPE_CHECKING

from dx_local.worker.channel import EXECUTOR_FOLDER
from dx_local.worker.dxpy_patches import file_transfer
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_DISK = "/var/tmp"  # noqa: S108  (of the job)
_HOME_OF_ROOT = "/root"


def is_sandboxed() -> bool:
    """Return whether this process is in the sandbox of a job."""
    return os.path.isdir(EXECUTOR_FOLDER)


def log_file() -> IO[str]:
    """Open the log, which is in the home of root, as on workers, or in that of a job without a sandbox."""
    home = _HOME_OF_ROOT if is_sandboxed() and os.access(_HOME_OF_ROOT, os.W_OK) else os.environ["HOME"]
    os.makedirs(f"{home}/.dxfuse", exist_ok=True)
    return open(f"{home}/.dxfuse/dxfuse.log", "w", encoding="utf-8")


@contextlib.contextmanager
def staging_folder(mount: str) -> Iterator[str]:
    """Yield the folder for the content of a mount: without a sandbox, the mount point itself.

    It is removed if an error occurs, unless it is the mount point.
    """
    if not is_sandboxed():
        yield mount
        return
    file_transfer.set_socket(f"{EXECUTOR_FOLDER}/{os.environ.get('DX_JOB_ID', '')}")
    folder = tempfile.mkdtemp(prefix=".dxfuse-", dir=_ON_DISK)
    os.chmod(folder, 0o755)  # noqa: S103  (as mount points are)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def mount_folder(folder: str, mount: str) -> None:
    """Make a folder appear at a mount point, read-only; do nothing if it is the same folder."""
    if folder != mount:
        mounts.perform(mounts.bind_read_only(os.path.realpath(folder), os.path.realpath(mount)))
