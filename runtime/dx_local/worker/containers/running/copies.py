"""Copy files and folders into and out of containers, by the rules of docker."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError

if TYPE_CHECKING:
    from collections.abc import Callable


def copy_as_docker(source: str, target: str, *, follows: bool = False) -> None:
    """Copy a file or folder to a path by docker's rules. Raises DockerError.

    A folder is copied into an existing folder, or becomes a new one; of `FOLDER/.`, only the content is.
    """
    is_content = source.endswith("/.")
    source = source.rstrip("/.") if is_content else source.rstrip("/") or "/"
    if not os.path.lexists(source):
        raise DockerError(f"no such file or directory: {source}")
    is_folder = os.path.isdir(source) and (follows or is_content or not os.path.islink(source))
    if os.path.isdir(target) and not is_content:
        target = os.path.join(target, os.path.basename(source))
    elif target.endswith("/") and not is_folder:
        raise DockerError(f"no such directory: {target}")
    try:
        if is_folder:
            copy_tree(source, target.rstrip("/") or "/")
        else:
            copy_file(source, target, follows=follows)
    except OSError as error:
        raise DockerError(f"cannot copy {source} to {target}: {error.strerror}") from error


def copy_tree(source: str, target: str, *, leaves_out: Callable[[str], bool] = lambda _: False) -> None:
    """Copy a folder's content into a folder, which is made if it is missing."""
    is_new = not os.path.isdir(target)
    os.makedirs(target, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            place = os.path.join(target, entry.name)
            if leaves_out(entry.path):
                continue
            if entry.is_dir(follow_symlinks=False):
                copy_tree(entry.path, place, leaves_out=leaves_out)
            else:
                copy_file(entry.path, place)
    if is_new:
        shutil.copystat(source, target)


def copy_file(source: str, target: str, *, follows: bool = False) -> None:
    """Copy a file or link, with its mode and times; replace what is there."""
    if os.path.islink(target) or (os.path.lexists(target) and not os.path.isdir(target)):
        os.unlink(target)
    shutil.copy2(source, target, follow_symlinks=follows)
