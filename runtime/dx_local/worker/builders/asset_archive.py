"""Pack the changes of a build as an asset: an archive that is unpacked at / for the jobs of an app."""

from __future__ import annotations

import fnmatch
import io
import os
import re
import stat
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dx_local.worker.channel import EXECUTOR_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dx_local.worker.builders.changes import Change

# The platform's builder ignores the folders of the first line. Those of the second would hide what the
# machine itself has there, such as its list of packages.
_LEFT_OUT = (
    *("/boot", "/dev", "/home/dnanexus", "/proc", "/run", "/sys", "/tmp", "/var/lib/lxc", "/var/tmp"),  # noqa: S108
    *("/root/.cache", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/log", EXECUTOR_FOLDER),
)
_BYTECODE = "__pycache__"
_LEVEL = 1  # more saves little space, and takes far more time

_PACKAGES = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
# pip installs into the worker environment of the job, and other jobs have another one. On workers it installs
# into the folder on the right, in which all jobs find packages.
_OF_ENVIRONMENT = {
    f"{_PACKAGES}/site-packages": f"/usr/local/{_PACKAGES}/dist-packages",
    "bin": "/usr/local/bin",
    "share": "/usr/local/share",
    "include": "/usr/local/include",
}
_OWN_PYTHON = re.compile(
    rb"\A#!(?:/bin/sh\n'''exec' )?\"?%s/bin/python[0-9.]*\"?(?: \"\$0\" \"\$@\"\n' ''')?"
    % re.escape(os.fsencode(sys.prefix))
)
_ANY_PYTHON = b"#!/usr/bin/env python3"
_LONGEST_HEAD = 4096


class Packed(NamedTuple):
    """The number of files and links in an archive, and their bytes."""

    files: int
    size: int


def exclusion(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a function that returns whether a path is left out of an asset.

    The patterns are those of `find -path`, where * also matches /; what a matching folder contains is left
    out as well.
    """
    plain = [pattern.rstrip("/") or "/*" for pattern in patterns]
    matches = re.compile("|".join(map(fnmatch.translate, plain)) or r"(?!)").match

    def is_excluded(path: str) -> bool:
        return path in _LEFT_OUT or path.endswith(f"/{_BYTECODE}") or matches(path) is not None

    return is_excluded


def pack(archive: str, changes: Sequence[Change], is_excluded: Callable[[str], bool]) -> Packed:
    """Write the archive of an asset, which belongs to root; return how much it contains. Raises OSError."""
    files = size = 0
    with tarfile.open(archive, "w:gz", compresslevel=_LEVEL, format=tarfile.GNU_FORMAT) as packed:
        for change in changes:
            path = place_of(change.path)
            if path is None or (path != change.path and _is_inside(path, is_excluded)):
                continue
            member = packed.gettarinfo(change.source, path.lstrip("/"))
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            if stat.S_ISREG(change.status.st_mode) and member.isreg():
                source = Path(change.source)
                content = _content(change, path)
                member.size = len(content) if content is not None else member.size
                with io.BytesIO(content) if content is not None else source.open("rb") as file:
                    packed.addfile(member, file)
            else:
                packed.addfile(member)
            if not member.isdir():
                files += 1
                size += member.size
    return Packed(files, size)


def place_of(path: str) -> str | None:
    """Return the path at which other jobs find a file of a build; None if they have no use for it."""
    if sys.prefix == sys.base_prefix:
        return path  # there is no environment
    for prefix in {sys.prefix, os.path.realpath(sys.prefix)}:
        if not path.startswith(f"{prefix}/"):
            continue
        inside = path[len(prefix) + 1 :]
        for folder, target in _OF_ENVIRONMENT.items():
            if inside.startswith(f"{folder}/"):
                return target + inside[len(folder) :]
        return None
    return path


def _is_inside(path: str, is_excluded: Callable[[str], bool]) -> bool:
    """Return whether a path or a folder that contains it is excluded."""
    return is_excluded(path) or any(is_excluded(str(folder)) for folder in Path(path).parents)


def _content(change: Change, path: str) -> bytes | None:
    """Return the content of a program that pip made for the Python of this job, for any Python; else None."""
    if path == change.path or not path.startswith("/usr/local/bin/"):
        return None
    with Path(change.source).open("rb") as file:
        head = file.read(_LONGEST_HEAD)
        if not _OWN_PYTHON.match(head):
            return None
        return _OWN_PYTHON.sub(_ANY_PYTHON, head, count=1) + file.read()
