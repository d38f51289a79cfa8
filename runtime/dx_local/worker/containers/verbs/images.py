"""`docker load`, `images`, `tag` and `rmi`."""

from __future__ import annotations

import calendar
import os
import time
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import archives, job_images, places
from dx_local.worker.containers.images.job_images import Image, find_image
from dx_local.worker.containers.images.provide import add_archived
from dx_local.worker.containers.images.references import parse_reference
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.running.state import all_containers
from dx_local.worker.containers.verbs.tables import age_text, print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOAD_OPTIONS = table("q,quiet", "i,input platform")
_IMAGES_OPTIONS = table("a,all q,quiet no-trunc digests", "f,filter format")
_RMI_OPTIONS = table("f,force no-prune")


def load(words: Sequence[str]) -> int:
    """Load the images of an archive, and print their names as docker does: apps parse that line."""
    parsed = parse(words, _LOAD_OPTIONS)
    path = parsed.last("input")
    if not path and os.isatty(0):
        raise DockerError("requested load from stdin, but stdin is empty")
    places.make_state_folders()
    try:
        file = os.open(path, os.O_RDONLY) if path else 0
    except OSError as error:
        raise DockerError(f"open {path}: {(error.strerror or '').lower()}") from error
    with archives.open_archive(file, places.STATE) as images:
        for image in images:
            add_archived(image, image.names)
            for name in image.names:
                print(f"Loaded image: {parse_reference(name)}")
            if not image.names:
                print(f"Loaded image ID: sha256:{image.image_id}")
    return 0


def wanted_image(name: str) -> Image:
    """Return a known image. Raises DockerError if there is none."""
    image = find_image(name)
    if image is None:
        raise DockerError(f"No such image: {name}")
    return image


def images(words: Sequence[str]) -> int:
    """List the images of the job."""
    parsed = parse(words, _IMAGES_OPTIONS)
    wanted = str(parse_reference(parsed.words[0])) if parsed.words else ""
    is_any_tag = bool(parsed.words) and ":" not in parsed.words[0].rpartition("/")[2]
    rows = []
    for image in job_images.all_images():
        digits = image.image_id if "no-trunc" in parsed.flags else image.image_id[: job_images.SHOWN_ID]
        for name in job_images.names_of(image.image_id) or ["<none>:<none>"]:
            repository, _, tag = name.rpartition(":")
            if wanted and name != wanted and not (is_any_tag and repository == wanted.rpartition(":")[0]):
                continue
            fields = {
                "Repository": repository,
                "Tag": tag,
                "ID": digits,
                "CreatedSince": _age_of(image),
                "Size": "-",
            }
            rows.append(fields)
    titles = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE")
    print_rows(rows, titles, parsed, id_field="ID")
    return 0


def _age_of(image: Image) -> str:
    try:
        created = time.strptime(str(image.config["created"])[:19], "%Y-%m-%dT%H:%M:%S")
    except (KeyError, ValueError):
        return "N/A"
    return age_text(calendar.timegm(created))


def tag(words: Sequence[str]) -> int:
    """Give an image a further name."""
    source, target = _two(parse(words, table("")).words, "tag")
    job_images.name_image(wanted_image(source), [target])
    return 0


def _two(words: Sequence[str], verb: str) -> tuple[str, str]:
    if len(words) != 2:
        raise DockerError(f'"docker {verb}" requires exactly 2 arguments')
    return words[0], words[1]


def rmi(words: Sequence[str]) -> int:
    """Remove names of images, and images with their last name."""
    parsed = parse(words, _RMI_OPTIONS)
    for name in parsed.words:
        image = wanted_image(name)
        names = job_images.names_of(image.image_id)
        is_id = image.image_id.startswith(name.replace("sha256:", "", 1))
        full_name = "" if is_id else str(parse_reference(name))
        if full_name:
            job_images.forget_name(full_name)
            print(f"Untagged: {full_name}")
        if is_id or names == [full_name]:
            used = [each.name for each in all_containers() if each.spec.image_id == image.image_id]
            if used and "force" not in parsed.flags:
                raise DockerError(
                    f"image {name} is used by container {used[0]}; remove that first, or pass -f"
                )
            for other in names if is_id else ():
                print(f"Untagged: {other}")
            job_images.remove_image(image)
            print(f"Deleted: sha256:{image.image_id}")
    return 0
