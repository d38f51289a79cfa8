"""Imitate the parts of Debian maintainer scripts that programs depend on: links and settings.

The scripts are only read. They are written for root and the whole system, and a layer is neither.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

_ALTERNATIVE = re.compile(
    r"--(?:install|slave)\s+(?P<link>/[\w./+-]+)\s+[\w.+-]+\s+(?P<target>/[\w./+-]+)(?=\s|$)", re.ASCII
)


def link_alternatives(root: Path, script: str) -> None:
    """Create the links in `root` that a package's script would create with update-alternatives."""
    for link, target in alternatives(script):
        _link(root, link, target)


def configure_java_and_r(root: Path) -> None:
    """Create the links to the programs of a Java, and the settings of R, that their scripts would create."""
    for program in sorted(root.glob("usr/lib/jvm/*/bin/*")):
        if not program.parent.parent.is_symlink():
            _link(root, f"/usr/bin/{program.name}", f"/{program.relative_to(root)}")
    template = root / "usr/lib/R/etc/Renviron.ucf"
    settings = root / "etc/R/Renviron"
    if template.is_file() and not settings.exists():
        settings.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(template, settings)


def alternatives(script: str) -> list[tuple[str, str]]:
    """Return the links, with their targets, that a package's script creates with update-alternatives.

    Only links whose paths contain no variables are found.
    """
    whole = script.replace("\\\n", " ")
    return [
        (match["link"], match["target"])
        for line in whole.splitlines()
        if "update-alternatives" in line
        for match in _ALTERNATIVE.finditer(line)
    ]


def _link(root: Path, link: str, target: str) -> None:
    """Create a link in `root`, if both paths are inside it and the link does not exist yet."""
    path, goal = (Path(os.path.normpath(f"{root}/{each}")) for each in (link, target))
    if not (path.is_relative_to(root) and goal.is_relative_to(root)):
        return
    if os.path.lexists(goal) and not os.path.lexists(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(os.path.relpath(goal, path.parent))
