"""The Debian packages that are installed on this machine, according to dpkg."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS = Path("/var/lib/dpkg/status")
"""The file in which dpkg records the installed packages."""

_FIELDS = "${db:Status-Status}\t${Package}\t${Version}\t${Provides}\n"


def stamp() -> int:
    """Return a number that changes when packages are installed or removed; 0 if there is no dpkg."""
    try:
        return os.stat(STATUS).st_mtime_ns  # noqa: PTH116  (called before every job that depends on packages)
    except OSError:
        return 0


def installed() -> Mapping[str, str] | None:
    """Return the versions of the installed packages by name, including names that they provide.

    None if there is no dpkg.
    """
    return _installed(stamp())


@lru_cache(maxsize=1)
def _installed(_stamp: int) -> Mapping[str, str] | None:
    dpkg_query = shutil.which("dpkg-query")
    if dpkg_query is None:
        return None
    try:
        listed = subprocess.run(
            [dpkg_query, "--show", f"--showformat={_FIELDS}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return parse(listed)


def parse(listed: str) -> dict[str, str]:
    """Return the versions in the output of dpkg-query: state, name, version and provided names by line."""
    own: dict[str, str] = {}
    provided: dict[str, str] = {}
    for line in listed.splitlines():
        state, name, version, provides = line.split("\t")
        if state == "installed":
            own[name] = version
            for text in filter(None, provides.split(", ")):
                virtual, _, rest = text.partition(" (= ")
                provided[virtual] = rest.rstrip(")") or version
    return {**provided, **own}
