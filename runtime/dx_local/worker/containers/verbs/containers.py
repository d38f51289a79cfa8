"""`docker rm`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running import process
from dx_local.worker.containers.running.state import find_container

if TYPE_CHECKING:
    from collections.abc import Sequence

_RM_OPTIONS = table("f,force v,volumes l,link")


def remove(words: Sequence[str]) -> int:
    """Remove containers; running ones only with --force."""
    parsed = parse(words, _RM_OPTIONS)
    for text in parsed.words:
        container = find_container(text)
        if container.is_running():
            if "force" not in parsed.flags:
                raise DockerError(f"container {text} is running; stop it first, or pass -f")
            process.stop(container, 0)
        container.remove()
        print(text)
    return 0
