"""Folders of programs that this package provides to jobs."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent

OWN_PROGRAMS = _PACKAGE / "bin"
"""Programs that precede others of the same name in PATH, and end by calling them."""

IMAGE = str(_PACKAGE / "image")
"""Files that exist at / only on workers of the platform. Those of an app precede them."""

CONTAINERS = _PACKAGE / "containers" / "bin"
"""`docker` and its like, which precede the host's in PATH; they do the work if no Docker daemon answers."""


def is_for_containers(name: str) -> bool:
    """Return whether a program is one of `CONTAINERS`."""
    return "/" not in name and (CONTAINERS / name).exists()
