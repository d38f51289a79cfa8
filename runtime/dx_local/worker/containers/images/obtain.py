"""Get an image by its name: one that the job has, or that is in a registry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images.job_images import find_image
from dx_local.worker.containers.images.provide import add_archived
from dx_local.worker.containers.images.references import parse_reference

if TYPE_CHECKING:
    from dx_local.worker.containers.images.job_images import Image
    from dx_local.worker.containers.images.references import Reference


def obtain_image(name: str) -> Image:
    """Return an image; fetch it if the job does not have it. Raises DockerError."""
    if known := find_image(name):
        return known
    reference = parse_reference(name)
    print(f"Unable to find image '{reference}' locally", file=sys.stderr)
    return fetch_image(reference)


def fetch_image(reference: Reference) -> Image:
    """Fetch an image from its registry. Raises DockerError that names the other ways to get it."""
    # Imported here, because most jobs have their images.
    from dx_local.worker.containers.images import registry

    try:
        with registry.fetch(reference) as (image, digest):
            added = add_archived(image, [str(reference)])
    except registry.RegistryError as error:
        raise DockerError(
            f"{error}\nAdd the image with `dx-local image add FILE --name {reference}`, load it from a file,"
            " or declare network access in dxapp.json."
        ) from error
    print(f"Digest: sha256:{digest}", file=sys.stderr)
    return added
