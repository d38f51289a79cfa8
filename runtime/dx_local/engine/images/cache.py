"""Unpack layers into the cache, record images under names, and remove them.

A layer is unpacked by a process of its own, which is locked in the new folder (worker/containers/unpacking).
`image_folder` describes the files.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dx_app_wizard.files import atomic_write
from dx_local.engine.images import image_folder
from dx_local.worker.containers.errors import ArchiveError
from dx_local.worker.containers.unpacking import unpack_layer
from dx_local.worker.process import locks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dx_local.worker.containers.images.archives import ArchivedImage, Part


@dataclass(frozen=True)
class NamedImage:
    """An image that was added to the cache under a name."""

    name: str
    image_id: str
    layers: tuple[str, ...]
    """The digests of its layers, the lowest first."""
    added: float
    """Seconds since the epoch."""


class ImageCache:
    """The cache in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has_layer(self, digest: str) -> bool:
        """Return whether a layer is unpacked."""
        return (self.folder / "layers" / digest).is_dir()

    def add_layer(
        self,
        digest: str,
        part: Part,
        *,
        on_process: Callable[[subprocess.Popen[str]], None] = lambda _: None,
    ) -> None:
        """Unpack a layer, unless another process does. Raises ArchiveError or OSError.

        `on_process` is called with the process that unpacks; if it is killed, nothing is left.
        """
        if self.has_layer(digest):
            return
        with locks.hold(self.folder / "locks" / digest):
            if self.has_layer(digest):
                return
            self._remove_abandoned(digest)
            unfinished = self.folder / "unfinished" / f"{digest}.{secrets.token_hex(4)}"
            unfinished.mkdir(mode=0o755)
            try:
                _unpack(part, digest, unfinished, on_process)
                unfinished.replace(self.folder / "layers" / digest)
            finally:
                remove_tree(unfinished)

    def _remove_abandoned(self, own: str) -> None:
        """Remove what killed processes left: of the layer whose lock is held, and of those without one."""
        for left in (self.folder / "unfinished").iterdir():
            digest = left.name.partition(".")[0]
            if digest == own:
                remove_tree(left)
                continue
            if lock := locks.try_hold(self.folder / "locks" / digest):
                with lock:
                    remove_tree(left)

    def add_image(self, name: str, image: ArchivedImage) -> NamedImage:
        """Unpack the layers of an image and record it under a name. Raises ArchiveError or OSError."""
        for layer in image.layers:
            self.add_layer(layer.digest, layer.part)
        named = NamedImage(name, image.image_id, tuple(layer.digest for layer in image.layers), time.time())
        content = {
            "name": name,
            "id": image.image_id,
            "config": image.config.decode("utf-8"),
            "layers": named.layers,
            "added": named.added,
        }
        atomic_write(self._file_of(name), json.dumps(content))
        return named

    def images(self) -> list[NamedImage]:
        """Return the named images, sorted by name."""
        found = []
        for file in (self.folder / "names").glob("*.json"):
            with suppress(OSError, ValueError, KeyError):
                content: dict[str, Any] = json.loads(file.read_text("utf-8"))
                found.append(
                    NamedImage(content["name"], content["id"], tuple(content["layers"]), content["added"])
                )
        return sorted(found, key=lambda image: image.name)

    def forget(self, name: str) -> None:
        """Remove the name of an image; its layers stay until `remove_layers`."""
        self._file_of(name).unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Keep other processes from using the cache; False if some do."""
        lock = locks.try_hold(self.folder / image_folder.IN_USE)
        try:
            yield lock is not None
        finally:
            if lock:
                lock.release()

    def layers(self) -> list[str]:
        """Return the digests of all unpacked layers."""
        return sorted(path.name for path in (self.folder / "layers").iterdir())

    def size_of(self, digest: str) -> int:
        """Return the bytes on disk of a layer; hard links count once."""
        sizes: dict[tuple[int, int], int] = {}
        for folder, folders, files in os.walk(self.folder / "layers" / digest):
            for name in (*folders, *files):
                state = os.lstat(os.path.join(folder, name))  # noqa: PTH118  (a million files)
                sizes[state.st_dev, state.st_ino] = state.st_blocks * 512
        return sum(sizes.values())

    def remove_layer(self, digest: str) -> None:
        """Remove a layer; the caller is alone. Raises OSError."""
        removed = self.folder / "unfinished" / f"{digest}.{secrets.token_hex(4)}"
        (self.folder / "layers" / digest).replace(removed)  # so that no half of it is ever found
        remove_tree(removed)

    def _file_of(self, name: str) -> Path:
        return self.folder / "names" / f"{quote(name, safe='')}.json"


def remove_tree(folder: Path) -> None:
    """Remove a folder, however deep, also if its subfolders deny access to their owner. Raises OSError."""
    # shutil.rmtree needs a level of recursion and an open file for each level of the tree.
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if not folder.exists():
            return
        subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL, check=False)
    if folder.exists():
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(folder))


def _unpack(
    part: Part, digest: str, folder: Path, on_process: Callable[[subprocess.Popen[str]], None]
) -> None:
    compression = part.compression()
    program = Path(unpack_layer.__file__)
    process = subprocess.Popen(
        [
            *(sys.executable, "-IS", program),
            *(str(part.file), str(part.offset), str(part.length), compression, digest, folder),
        ],
        pass_fds=[part.file],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        encoding="utf-8",
        errors="replace",
    )
    on_process(process)
    reason, problem = process.communicate()
    if process.returncode == 0:
        return
    if process.returncode < 0:
        raise ArchiveError(f"unpacking the layer was interrupted by signal {-process.returncode}")
    raise ArchiveError(reason.strip() or f"the layer cannot be unpacked: {problem.strip()[-500:]}")
