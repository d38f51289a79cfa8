"""The folder with Parsl's keys, batch scripts and logs, on a file system that nodes share.

A reader of the keys can send code to the nodes. So all of these folders are in one that only this user
can enter, and that sandboxes hide from jobs.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from dx_app_wizard import user_dirs
from dx_local.errors import UsageError
from dx_local.worker.process.trees import remove_tree

_NAME = re.compile(r"run-(?P<host>[\w.-]+)-(?P<pid>\d+)-\w+", re.ASCII)
_PLAIN = re.compile(r"/[\w@%+=:,./-]+")


def make_run_folder(chosen: str | None) -> Path:
    """Return a new folder for one run of Parsl, in a chosen folder or in the user's state folder.

    Folders that killed runs of this machine left there are removed. Raises UsageError if a folder cannot be
    made, or if its path has characters that a shell interprets, since Parsl writes it into batch scripts.
    """
    parent = Path(chosen) / f"dx-local-{os.getuid()}" if chosen else user_dirs.state_dir("dx-local") / "parsl"
    if not _PLAIN.fullmatch(str(parent)):
        raise UsageError(
            f"{str(parent)!r} has characters that a shell interprets",
            "Set `run_dir` in [executor] to another folder, on a file system that nodes share.",
        )
    try:
        parent.mkdir(0o700, parents=True, exist_ok=True)
        if parent.stat().st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "It belongs to another user")
        _remove_left(parent)
        return Path(tempfile.mkdtemp(prefix=f"run-{socket.gethostname()}-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise UsageError(
            f"{str(parent)!r} cannot be used: {error.strerror}",
            "Set `run_dir` in [executor] to another folder.",
        ) from None


def check_run_folder(chosen: str | None) -> None:
    """Raise UsageError if `make_run_folder` cannot make a folder."""
    make_run_folder(chosen).rmdir()


def folder_to_hide(path: str) -> Path | None:
    """Return the folder of all run folders, from the path of anything in one of them."""
    return next((parent.parent for parent in Path(path).parents if _NAME.fullmatch(parent.name)), None)


def _remove_left(parent: Path) -> None:
    for folder in parent.iterdir():
        match = _NAME.fullmatch(folder.name)
        if match and match["host"] == socket.gethostname() and not _is_alive(int(match["pid"])):
            remove_tree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
