"""Names of Debian packages: those available to this machine's apt, and those similar to an unknown one."""

from __future__ import annotations

import re
import subprocess
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cache_dir

if TYPE_CHECKING:
    from collections.abc import Collection

_LISTS = Path("/var/lib/apt/lists")
_MOST_SUGGESTIONS = 3

# https://www.debian.org/doc/debian-policy/ch-controlfields.html, "Source"; apt accepts an architecture as
# well.
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")


def is_valid_name(name: str) -> bool:
    """Return whether this is a valid name for a Debian package."""
    return _NAME.fullmatch(name) is not None


def available_names() -> frozenset[str]:
    """Return the packages in the lists of this machine's apt; none if it has no lists, as in containers."""
    if not any(_LISTS.glob("*_Packages*")):
        return frozenset()
    try:
        # With a cache of its own: the host's may be turned off, and without one this takes half a second.
        cache = cache_dir("dx-local") / "debian" / "host-cache"
        files = [f"-oDir::Cache::{name}={cache / name}.bin" for name in ("pkgcache", "srcpkgcache")]
        cache.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["apt-cache", *files, "pkgnames"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return frozenset()
    return frozenset(done.stdout.split())


def similar(name: str, names: Collection[str]) -> list[str]:
    """Return the most similar names: those that differ in numbers only, or have the same beginning."""
    pattern = re.compile(re.sub(r"\d+", r"\\d+", re.escape(name)))
    found = sorted((other for other in names if pattern.fullmatch(other)), key=_by_numbers, reverse=True)
    stem = re.split(r"\d", name)[0]
    if not found and stem != name and len(stem) > 3:
        alike = re.compile(rf"{re.escape(stem)}[\d.]+")
        found = sorted((other for other in names if alike.fullmatch(other)), key=_by_numbers, reverse=True)
        rest = (other for other in names if other.startswith(stem) and other not in found)
        found += sorted(rest, key=lambda other: (len(other), other))
    if not found:
        found = get_close_matches(name, sorted(other for other in names if other[:2] == name[:2]), cutoff=0.8)
    return found[:_MOST_SUGGESTIONS]


def _by_numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]
