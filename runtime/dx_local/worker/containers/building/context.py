"""The folder from which `docker build` copies, without what .dockerignore names."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from typing import NamedTuple


class Context(NamedTuple):
    """A folder, and the patterns of its .dockerignore, each with whether it excludes."""

    folder: str
    patterns: tuple[tuple[re.Pattern[str], bool], ...]

    def matches(self, pattern: str) -> list[str]:
        """Return the paths that fit a pattern of COPY, none outside of the folder."""
        root = os.path.realpath(self.folder)
        relative = os.path.normpath(pattern.lstrip("/"))
        found = sorted(glob.glob(os.path.join(glob.escape(root), relative)))
        inside = [path for path in found if f"{os.path.realpath(path)}/".startswith(f"{root}/")]
        return [path for path in inside if path == root or not self.is_ignored(path)]

    def is_ignored(self, path: str) -> bool:
        """Return whether the last pattern that fits a path, or a folder above it, excludes it."""
        relative = os.path.relpath(path, os.path.realpath(self.folder))
        ignored = False
        for pattern, excludes in self.patterns:
            if pattern.fullmatch(relative):
                ignored = excludes
        return ignored


def open_context(folder: str) -> Context:
    """Return the context in a folder."""
    try:
        with open(os.path.join(folder, ".dockerignore"), encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except FileNotFoundError:
        lines = []
    wanted = [line for line in lines if line and not line.startswith("#")]
    return Context(folder, tuple((_pattern(line.lstrip("!")), not line.startswith("!")) for line in wanted))


def _pattern(text: str) -> re.Pattern[str]:
    """Return the expression for a pattern: it fits a path, and everything in a folder that it fits."""
    text = os.path.normpath(text.strip("/"))
    parts = [
        "(?:[^/]+/)*" if part == "**" else fnmatch.translate(part)[4:-3].replace(".*", "[^/]*") + "/"
        for part in text.split("/")
    ]
    return re.compile("".join(parts).rstrip("/") + "(?:/.*)?", re.DOTALL)
