"""`docker build`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from dx_local.worker.containers.building.build import Builder
from dx_local.worker.containers.building.context import open_context
from dx_local.worker.containers.building.dockerfile import parse_dockerfile
from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images.job_images import SHOWN_ID, name_image
from dx_local.worker.containers.images.references import parse_reference
from dx_local.worker.containers.options import parse, table

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = table(
    "q,quiet no-cache pull rm force-rm squash compress load disable-content-trust",
    "t,tag f,file build-arg target label network platform progress cache-from cache-to memory m,memory-limit"
    " shm-size ulimit cpu-shares c,cpu-limit cpuset-cpus isolation add-host security-opt iidfile",
)


def build(words: Sequence[str]) -> int:
    """Build an image from the Dockerfile of a folder, and give it names."""
    parsed = parse(words, _OPTIONS)
    if len(parsed.words) != 1 or not os.path.isdir(parsed.words[0]):
        raise DockerError(
            "docker build needs one folder as its build context; URLs and archives are not supported"
        )
    folder = parsed.words[0]
    for name in parsed.all("tag"):
        parse_reference(name)
    file = parsed.last("file") or os.path.join(folder, "Dockerfile")
    dockerfile = parse_dockerfile(_text_of(file))
    is_quiet = "quiet" in parsed.flags
    given = dict(text.partition("=")[::2] for text in parsed.all("build-arg"))
    for name in [name for name, value in given.items() if not value and name in os.environ]:
        given[name] = os.environ[name]

    def report(line: str) -> None:
        if not is_quiet:
            print(line, flush=True)

    image = Builder(dockerfile, open_context(folder), given, report).build(parsed.last("target"))
    name_image(image, parsed.all("tag"))
    if path := parsed.last("iidfile"):
        with open(path, "w", encoding="utf-8") as id_file:
            id_file.write(f"sha256:{image.image_id}")
    if is_quiet:
        print(f"sha256:{image.image_id}")
        return 0
    print(f"Successfully built {image.image_id[:SHOWN_ID]}")
    for name in parsed.all("tag"):
        print(f"Successfully tagged {parse_reference(name)}")
    return 0


def _text_of(file: str) -> str:
    if file == "-":
        return sys.stdin.read()
    try:
        with open(file, encoding="utf-8-sig") as opened:
            return opened.read()
    except (OSError, ValueError) as error:
        raise DockerError(f"unable to read the Dockerfile {file}: {error}") from error
