"""Wheels on a node: requested from the submitting machine if this node reaches no package index."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.environments.python_versions import running_version
from dx_local.engine.executors.remote.node.link import Link, LinkError

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.engine.environments.python_environments import EnvironmentRequest
    from dx_local.engine.executors.remote.assignment import Assignment

_NAME = re.compile(r"[\w.+!-]+\.whl", re.ASCII)
_BLOCK = 1 << 20


def fetch_wheels(assignment: Assignment, request: EnvironmentRequest) -> Path | None:
    """Return a folder with the wheels for an environment, or None if the submitting machine has none."""
    link = Link(assignment)
    try:
        wheels = link.wheels(request.python or running_version())
        whole = hashlib.sha256("".join(sorted(digest for _, digest in wheels)).encode()).hexdigest()
        folder = cache_dir("dx-local") / "wheels" / whole[:24]
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in wheels:
            _fetch(link, folder, name, digest)
    except (LinkError, OSError):
        return None
    finally:
        link.close()
    return folder


def _fetch(link: Link, folder: Path, name: str, digest: str) -> None:
    if not _NAME.fullmatch(name):
        raise LinkError(f"{name!r} is not the name of a wheel")
    wheel = folder / name
    if wheel.exists():
        return
    unfinished = folder / f".{secrets.token_hex(8)}"
    found = hashlib.sha256()
    try:
        with link.wheel(digest) as response, unfinished.open("xb") as file:
            while block := response.read(_BLOCK):
                found.update(block)
                file.write(block)
        if found.hexdigest() != digest:
            raise LinkError(f"{name} has arrived damaged")
        unfinished.replace(wheel)
    finally:
        unfinished.unlink(missing_ok=True)
