"""JSON files that are replaced as a whole, so that nobody reads a half of one."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Iterator

_WISH = locks.Wish(renews=False)  # `docker` makes namespaces


def read_json(path: str) -> Any:
    """Return the content of a file; None if there is no such file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def write_json(path: str, content: Any) -> None:
    """Write a file, or replace it."""
    unfinished = f"{path}.{os.getpid()}.tmp"
    with open(unfinished, "w", encoding="utf-8") as file:
        json.dump(content, file)
    os.replace(unfinished, path)


@contextlib.contextmanager
def changing(path: str) -> Iterator[dict[str, Any]]:
    """Yield the object in a file, and write it back; other processes of the job wait meanwhile."""
    with locks.hold(f"{path}.lock", _WISH):
        content = read_json(path) or {}
        yield content
        write_json(path, content)
