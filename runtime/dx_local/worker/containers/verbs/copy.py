"""`docker cp`: copy files between a container and the job."""

from __future__ import annotations

import os
import sys
import tarfile
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running.copies import copy_as_docker
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
