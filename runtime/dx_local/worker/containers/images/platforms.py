"""The image for this machine among several for different ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dx_local.worker.containers.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Sequence

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
"""The architecture of this machine, as images name it."""


def matching_manifest(descriptors: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the descriptor of the image for this machine. Raises ArchiveError if there is none."""
    found: list[str] = []
    for descriptor in descriptors:
        platform = descriptor.get("platform") or {}
        if not platform or (platform.get("os"), platform.get("architecture")) == ("linux", ARCHITECTURE):
            return descriptor
        found.append(f"{platform.get('os')}/{platform.get('architecture')}")
    raise ArchiveError(f"the image is not for linux/{ARCHITECTURE}, only for {', '.join(found) or 'nothing'}")
