"""The images of a job: those that it loaded, pulled or built, and those of `dx-local image add`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from dx_local.worker.channel import IMAGES
from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import places
from dx_local.worker.containers.images.json_files import changing, read_json, write_json
from dx_local.worker.containers.images.references import parse_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    JSON = dict[str, Any]

_NAMES = f"{places.STATE}/names.json"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHORTEST_ID = 4
SHOWN_ID = 12
"""The digits of an ID that docker prints in tables."""


class Image(NamedTuple):
    """An image whose layers are unpacked."""

    image_id: str
    """The digest of its configuration, in hexadecimal."""
    config: JSON
    layers: tuple[str, ...]
    """The folders of its layers, the lowest first."""

    @property
    def defaults(self) -> JSON:
        """The environment, command and so on of its containers."""
        return self.config.get("config") or {}

    @property
    def variables(self) -> dict[str, str]:
        """The environment that it gives its containers."""
        given = dict(text.partition("=")[::2] for text in self.defaults.get("Env") or ())
        return {"PATH": _PATH, **given}


def add_image(image_id: str, config: str, layers: Sequence[str], names: Sequence[str]) -> Image:
    """Record an image, and give it these names, which others lose."""
    places.make_state_folders()
    known = Image(image_id, json.loads(config), tuple(layers))
    write_json(_file_of(image_id), {"config": config, "layers": known.layers, "added": time.time()})
    name_image(known, names)
    return known


def name_image(image: Image, names: Sequence[str]) -> None:
    """Give an image further names, which others lose."""
    with changing(_NAMES) as known:
        known.update({str(parse_reference(name)): image.image_id for name in names})


def names_of(image_id: str) -> list[str]:
    """Return the names of an image."""
    return [name for name, named in (read_json(_NAMES) or {}).items() if named == image_id]


def all_images() -> list[Image]:
    """Return the images of this job, the last one first."""
    with contextlib.suppress(FileNotFoundError):
        files = [entry for entry in os.scandir(places.KNOWN_IMAGES) if entry.name.endswith(".json")]
        files.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        return [found for entry in files if (found := _read(entry.name[: -len(".json")]))]
    return []


def find_image(name: str) -> Image | None:
    """Return the image with a name, or with an ID that begins so; None if the job has none.

    An image of `dx-local image add` is known by its name from then on. Raises DockerError if the name is not
    one, or fits several images.
    """
    digits = name.rpartition("sha256:")[2]
    if len(digits) >= _SHORTEST_ID and not set(digits) - set("0123456789abcdef"):
        fitting = [image for image in all_images() if image.image_id.startswith(digits)]
        if len(fitting) > 1:
            raise DockerError(f"{name!r} fits {len(fitting)} images")
        if fitting:
            return fitting[0]
    full_name = str(parse_reference(name))
    known = (read_json(_NAMES) or {}).get(full_name)
    return _read(known) if known else _added(full_name)


def _added(full_name: str) -> Image | None:
    """Return an image of `dx-local image add`, which is this job's own from then on."""
    content = read_json(f"{IMAGES}/names/{quote(full_name, safe='')}.json")
    if content is None:
        return None
    layers = [places.cached_layer(digest) for digest in content["layers"]]
    return add_image(content["id"], content["config"], layers, [full_name])


def forget_name(name: str) -> None:
    """Remove a name from its image."""
    with changing(_NAMES) as known:
        known.pop(name, None)


def remove_image(image: Image) -> None:
    """Forget an image, and remove those of its layers that this job made and no other image has."""
    with changing(_NAMES) as known:
        for name in [name for name, named in known.items() if named == image.image_id]:
            del known[name]
    os.unlink(_file_of(image.image_id))
    kept = {layer for other in all_images() for layer in other.layers}
    for layer in image.layers:
        if layer.startswith(f"{places.LAYERS}/") and layer not in kept:
            shutil.rmtree(layer, ignore_errors=True)


def _read(image_id: str) -> Image | None:
    content = read_json(_file_of(image_id))
    return content and Image(image_id, json.loads(content["config"]), tuple(content["layers"]))


def _file_of(image_id: str) -> str:
    return f"{places.KNOWN_IMAGES}/{image_id}.json"
