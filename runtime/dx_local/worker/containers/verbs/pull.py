"""`docker pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images.job_images import find_image
from dx_local.worker.containers.images.obtain import fetch_image
from dx_local.worker.containers.images.references import parse_reference
from dx_local.worker.containers.options import parse, table

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = table("q,quiet disable-content-trust", "platform")


def pull(words: Sequence[str]) -> int:
    """Fetch images from their registries, unless the job has them already."""
    parsed = parse(words, _OPTIONS)
    if not parsed.words:
        raise DockerError('"docker pull" requires an argument: the name of an image')
    for name in parsed.words:
        reference = parse_reference(name)
        is_new = find_image(name) is None
        if is_new:
            fetch_image(reference)
        full_name = f"{reference.registry}/{reference.repository}"
        full_name += f"@{reference.digest}" if reference.digest else f":{reference.tag}"
        if "quiet" not in parsed.flags:
            state = "Downloaded newer image" if is_new else "Image is up to date"
            print(f"Status: {state} for {reference}")
        print(full_name)
    return 0
