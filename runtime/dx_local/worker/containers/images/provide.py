"""Have the layers of an archived image unpacked into the cache, and record it as one of the job's."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from dx_local.worker import channel
from dx_local.worker.containers.errors import ArchiveError, DockerError
from dx_local.worker.containers.images.job_images import add_image
from dx_local.worker.containers.images.places import cached_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.containers.images.archives import ArchivedImage, LayerSource
    from dx_local.worker.containers.images.job_images import Image


def add_archived(image: ArchivedImage, names: Sequence[str]) -> Image:
    """Unpack those layers of an image that the cache lacks, and give it names. Raises DockerError."""
    for layer in image.layers:
        provide_layer(layer)
    layers = [cached_layer(layer.digest) for layer in image.layers]
    return add_image(image.image_id, image.config.decode("utf-8"), layers, names)


def provide_layer(layer: LayerSource) -> None:
    """Have dx-local unpack a layer, unless it is in the cache. Raises DockerError.

    The job cannot write to the cache, so it passes the open archive on (engine/images/layer_service.py).
    """
    if os.path.isdir(cached_layer(layer.digest)):
        return
    request = {"layer": layer.digest, "offset": layer.part.offset, "length": layer.part.length}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(f"{channel.EXECUTOR_FOLDER}/{channel.LAYERS_SOCKET}")
            channel.send(connection, request, [layer.part.file])
            answer = channel.receive(connection)
    except OSError as error:
        raise DockerError(
            f"the cache of images cannot be used ({error}); see `dx-local doctor`, and XDG_CACHE_HOME"
        ) from error
    if answer is None:
        raise DockerError("dx-local has ended while it unpacked the image")
    if "error" in answer[0]:
        raise ArchiveError(answer[0]["error"])
