"""What scripts of Debian packages do and programs need: links and settings. They are read, not run."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

_ALTERNATIVE = re.compile(
    r"--(?:install|slave)\s+(?P<link>/[\w./+-]+)\s+[\w.+-]+\s+(?P<target>/[\w./+-]+)(?=\s|$)", re.ASCII
)


def link_alternatives(root: Path, script: str) -> None:
    """Make the links below root that a package's script makes by update-alternatives."""
    for link, target in alternatives(script):
        _link(root, link, target)


def furnish(root: Path) -> None:
    """Do below root what the scripts of a Java and of R do besides."""
    for program in sorted(root.glob("usr/lib/jvm/*/bin/*")):
        if not program.parent.parent.is_symlink():
            _link(root, f"/usr/bin/{program.name}", f"/{program.relative_to(root)}")
    settings = root / "usr/lib/R/etc/Renviron.ucf"
    place = root / "etc/R/Renviron"
    if settings.is_file() and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(settings, place)


def alternatives(script: str) -> list[tuple[str, str]]:
    """Return the links, and what they lead to, that a package's script makes by update-alternatives.

    Only those are found that it names in full, without variables.
    """
    whole = script.replace("\\\n", " ")
    return [
        (match["link"], match["target"])
        for line in whole.splitlines()
        if "update-alternatives" in line
        for match in _ALTERNATIVE.finditer(line)
    ]


def _link(root: Path, link: str, target: str) -> None:
    """Make a link below root, if both are below it and nothing is there yet."""
    place, goal = (Path(os.path.normpath(f"{root}/{path}")) for path in (link, target))
    if not (place.is_relative_to(root) and goal.is_relative_to(root)):
        return
    if os.path.lexists(goal) and not os.path.lexists(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(os.path.relpath(goal, place.parent))
