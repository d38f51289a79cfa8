"""The files of a container, whether it runs or not, for this process to read and write.

Links inside are followed inside: a link to /etc leads to the container's /etc.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.worker.containers.running.state import Container

_MOST_LINKS = 40


@contextlib.contextmanager
def root_of(container: Container) -> Iterator[str]:
    """Yield a path that leads to the root folder of a container.

    This process gets a mount namespace of its own unless the container runs.
    """
    if container.is_running():
        yield f"/proc/{container.content['pid']}/root"
        return
    mounts.perform([mounts.unshare(mounts.NEW_MOUNTS)])
    container.root_folders.mount()
    try:
        yield container.root_folders.root
    finally:
        container.root_folders.unmount()


def resolved(root: str, path: str, *, follows_last: bool = True) -> str:
    """Return the path, outside, of a path in a root folder, after all its links. Raises DockerError.

    Without `follows_last`, a link at the end is meant itself.
    """
    done = ""
    rest = [part for part in path.split("/") if part not in ("", ".")]
    links = 0
    while rest:
        part = rest.pop(0)
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        place = f"{root}{done}/{part}"
        if not os.path.islink(place) or not (rest or follows_last):
            done = f"{done}/{part}"
            continue
        links += 1
        if links > _MOST_LINKS:
            raise DockerError(f"{path}: too many levels of symbolic links")
        target = os.readlink(place)
        done = "" if target.startswith("/") else done
        rest = [each for each in target.split("/") if each not in ("", ".")] + rest
    return root + done
