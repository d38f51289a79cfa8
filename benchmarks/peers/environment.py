"""Python environments of the peers: pinned, created once by uv, and stored in the user's cache folder."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from benchmarks.environment import cached, new_environment, running_python

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def programs_of(name: str, requirements: Sequence[str]) -> Path:
    """Return the folder of a peer's programs, which are installed if necessary. Raises CommandError.

    Each peer has an environment of its own, so that no peer restricts the dependencies of another.
    """
    wanted = "\n".join([*requirements, running_python()])
    key = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    folder = cached(f"{name}-{key}", lambda folder: new_environment(folder, "--", *requirements))
    return folder / "bin"
