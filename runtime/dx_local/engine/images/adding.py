"""Add images from files to the cache, list them and remove them."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.images import image_folder
from dx_local.engine.images.cache import ImageCache, NamedImage
from dx_local.errors import UsageError
from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import archives
from dx_local.worker.containers.images.references import parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dx_local.worker.containers.images.archives import ArchivedImage


@dataclass(frozen=True)
class CacheContent:
    """The named images with their sizes, and the layers that only jobs have loaded."""

    images: tuple[tuple[NamedImage, int], ...]
    """The images, each with the bytes of its layers on disk."""
    unnamed_layers: tuple[str, ...]
    unnamed_bytes: int


def add_images(path: Path, name: str | None) -> list[NamedImage]:
    """Unpack the images of an archive or a layout, and record them under their names, or under `name`.

    Raises UsageError.
    """
    cache = usable_cache()
    lock = image_folder.hold(cache.folder)  # so that nobody removes the layers before they have a name
    try:
        with _opened(path) as images:
            named = [(given, image) for image in images for given in ([name] if name else image.names)]
            if not named:
                raise UsageError(f"{str(path)!r} does not name its image", "Pass --name NAME:TAG.")
            if name and len(images) > 1:
                raise UsageError(f"{str(path)!r} contains {len(images)} images", "Leave out --name.")
            return [cache.add_image(str(parse_reference(given)), image) for given, image in named]
    except DockerError as error:
        raise UsageError(f"{str(path)!r}: {error}") from error
    finally:
        if lock:
            lock.release()


def cache_content() -> CacheContent:
    """Return what the cache contains. Raises UsageError."""
    cache = usable_cache()
    sizes = {digest: cache.size_of(digest) for digest in cache.layers()}
    images = cache.images()
    named = {digest for image in images for digest in image.layers}
    unnamed = tuple(digest for digest in sizes if digest not in named)
    return CacheContent(
        tuple((image, sum(sizes.get(digest, 0) for digest in set(image.layers))) for image in images),
        unnamed,
        sum(sizes[digest] for digest in unnamed),
    )


def remove_images(names: tuple[str, ...], *, with_unnamed: bool) -> int:
    """Remove images by name, and layers that no other image has; return the number of freed bytes.

    With `with_unnamed`, layers that only jobs have loaded are removed too. Raises UsageError if a name is
    unknown, or a run in progress uses the cache.
    """
    cache = usable_cache()
    with cache.alone() as is_alone:
        if not is_alone:
            raise UsageError("a run in progress uses the images", "Try again when it has ended.")
        images = {image.name: image for image in cache.images()}
        wanted = [str(_reference(name)) for name in names]
        for name in wanted:
            if name not in images:
                raise UsageError(f"there is no image {name!r}", "`dx-local image ls` lists them.")
        for name in wanted:
            cache.forget(name)
        kept = {digest for name, image in images.items() if name not in wanted for digest in image.layers}
        own = {digest for name in wanted for digest in images[name].layers}
        freed = 0
        for digest in cache.layers():
            if digest not in kept and (with_unnamed or digest in own):
                freed += cache.size_of(digest)
                cache.remove_layer(digest)
        return freed


def usable_cache() -> ImageCache:
    """Return the user's cache. Raises UsageError if there can be none."""
    folder = image_folder.user_folder()
    if folder is None:
        raise UsageError(
            "there is no folder for the cache of images",
            "Set XDG_CACHE_HOME to a folder that you can write to.",
        )
    return ImageCache(folder)


def _reference(name: str) -> object:
    try:
        return parse_reference(name)
    except DockerError as error:
        raise UsageError(str(error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[list[ArchivedImage]]:
    if path.is_dir():
        with archives.open_layout(str(path)) as images:
            yield images
        return
    if not path.exists():
        raise UsageError(f"no such file: {str(path)!r}")
    file = os.open(path, os.O_RDONLY)
    try:
        with archives.open_archive(file, tempfile.gettempdir()) as images:
            yield images
    finally:
        os.close(file)
