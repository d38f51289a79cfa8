"""`docker cp`: copy files between a container and the job."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running.inside_paths import resolved, root_of
from dx_local.worker.containers.running.state import find_container

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = table("a,archive L,follow-link q,quiet")


def copy(words: Sequence[str]) -> int:
    """Copy CONTAINER:PATH to a path of the job, or the other way round; `-` is a tar archive."""
    parsed = parse(words, _OPTIONS)
    if len(parsed.words) != 2:
        raise DockerError('"docker cp" requires exactly 2 arguments')
    (source_name, source), (target_name, target) = map(_place, parsed.words)
    if bool(source_name) == bool(target_name):
        raise DockerError("copying requires one path in a container, as CONTAINER:PATH")
    follows = "follow-link" in parsed.flags
    with root_of(find_container(source_name or target_name)) as root:
        if source_name:
            inside = resolved(root, source, follows_last=follows)
            if target == "-":
                with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
                    archive.add(inside, os.path.basename(inside))
                return 0
            copy_as_docker(_with_ending(inside, source), target, follows=follows)
        else:
            inside = resolved(root, target)
            if source == "-":
                _unpack(inside)
                return 0
            copy_as_docker(source, _with_ending(inside, target), follows=follows)
    return 0


def _place(text: str) -> tuple[str, str]:
    """Return the container, or an empty text, and the path."""
    name, colon, path = text.partition(":")
    return (name, path) if colon and "/" not in name and not name.startswith(".") else ("", text)


def _with_ending(path: str, written: str) -> str:
    """Return a path with the `/.` or `/` at the end that the user wrote, which has a meaning."""
    return path + next((ending for ending in ("/.", "/") if written.endswith(ending)), "")


def _unpack(folder: str) -> None:
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
        for entry in archive:
            if entry.name.startswith("/") or ".." in entry.name.split("/"):
                raise DockerError(f"{entry.name!r} leads outside of the folder")
            archive.extract(entry, folder)


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


def copy_tree(source: str, target: str) -> None:
    """Copy a folder's content into a folder, which is made if it is missing."""
    is_new = not os.path.isdir(target)
    os.makedirs(target, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            place = os.path.join(target, entry.name)
            if entry.is_dir(follow_symlinks=False):
                copy_tree(entry.path, place)
            else:
                copy_file(entry.path, place)
    if is_new:
        shutil.copystat(source, target)


def copy_file(source: str, target: str, *, follows: bool = False) -> None:
    """Copy a file or link, with its mode and times; replace what is there."""
    if os.path.islink(target) or (os.path.lexists(target) and not os.path.isdir(target)):
        os.unlink(target)
    shutil.copy2(source, target, follow_symlinks=follows)
