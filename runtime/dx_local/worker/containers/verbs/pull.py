"""`docker pull`, and images that are named before they are there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images.known import Image, find_image
from dx_local.worker.containers.images.references import parse_reference
from dx_local.worker.containers.options import parse, table

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = table("a,all-tags q,quiet disable-content-trust", "platform")


def pull(words: Sequence[str]) -> int:
    """Fetch images from their registries, unless `dx-local image add` has added them."""
    for name in parse(words, _OPTIONS).words:
        image = find_image(name) or obtain_image(name)
        reference = parse_reference(name)
        print(f"Digest: sha256:{image.image_id}")
        print(f"Status: Image is up to date for {reference}")
        print(f"{reference.registry}/{reference.repository}:{reference.tag}")
    return 0


def obtain_image(name: str) -> Image:
    """Fetch an image that the job does not know. Raises DockerError."""
    reference = parse_reference(name)
    print(f"Unable to find image '{reference}' locally", file=sys.stderr)
    raise DockerError(
        f"image {reference} is neither in this job nor on this machine; add it with `dx-local image add FILE"
        f" --name {reference}`, load it from a file, or declare network access in dxapp.json"
    )
