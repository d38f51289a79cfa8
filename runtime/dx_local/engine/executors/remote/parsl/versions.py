"""The versions that must agree between this machine and the nodes."""

from __future__ import annotations

import sys
from importlib import metadata

_NAMES = {"python": "Python", "parsl": "Parsl", "dx-app-wizard": "dx-app-wizard"}


def versions() -> dict[str, str]:
    """Return the versions of Python, Parsl and this package; of Python without its patch level.

    Tasks and results are pickles, and Parsl refuses nodes with another version of itself.
    """
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "parsl": _version("parsl"),
        "dx-app-wizard": _version("dx-app-wizard"),
    }


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "missing"


def differences(wanted: dict[str, str], found: dict[str, str], node: str) -> list[str]:
    """Return a sentence for each version of a node that differs from the wanted one."""
    return [
        f"node {node} has {_NAMES[name]} {found[name]}, but dx-local runs with {_NAMES[name]} {version}"
        for name, version in wanted.items()
        if found[name] != version
    ]
