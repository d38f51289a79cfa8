"""`docker save`."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import job_images, places
from dx_local.worker.containers.images.compression import CHUNK
from dx_local.worker.containers.images.layer_archive import write_layer
from dx_local.worker.containers.images.references import parse_reference
from dx_local.worker.containers.options import parse, table
from dx_local.worker.containers.verbs.images import wanted_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, BinaryIO

    from dx_local.worker.containers.images.job_images import Image

_OPTIONS = table("", "o,output platform")


def save(words: Sequence[str]) -> int:
    """Write images to an archive that every docker can load.

    Layers are packed again from their files, so their digests, and with that the IDs of the images, differ.
    """
    parsed = parse(words, _OPTIONS)
    images = [(name, wanted_image(name)) for name in parsed.words]
    if not images:
        raise DockerError('"docker save" requires at least 1 argument: the name of an image')
    path = parsed.last("output")
    if not path and os.isatty(1):
        raise DockerError("cowardly refusing to save to a terminal; use the -o flag or redirect")
    places.make_state_folders()
    if not path:
        _write(sys.stdout.buffer, images)
        return 0
    unfinished = f"{path}.{os.getpid()}.tmp"
    try:
        with open(unfinished, "wb") as file:
            _write(file, images)
        os.replace(unfinished, path)
    except OSError as error:
        raise DockerError(f"cannot save to {path}: {error.strerror}") from error
    finally:
        if os.path.lexists(unfinished):
            os.unlink(unfinished)
    return 0


def _write(file: BinaryIO, images: Sequence[tuple[str, Image]]) -> None:
    manifest = []
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        written: dict[str, tuple[str, str]] = {}
        for name, image in images:
            for folder in image.layers:
                if folder not in written:
                    written[folder] = _add_layer(archive, folder)
            config = dict(image.config)
            digests = [written[folder][0] for folder in image.layers]
            config["rootfs"] = {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]}
            data = json.dumps(config).encode()
            config_name = f"{hashlib.sha256(data).hexdigest()}.json"
            _add(archive, config_name, data)
            is_id = image.image_id.startswith(name.replace("sha256:", "", 1))
            names = job_images.names_of(image.image_id) if is_id else [str(parse_reference(name))]
            layers = [written[folder][1] for folder in image.layers]
            manifest.append({"Config": config_name, "RepoTags": names or None, "Layers": layers})
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _add_layer(archive: tarfile.TarFile, folder: str) -> tuple[str, str]:
    """Add a layer; return its digest and its name."""
    with tempfile.TemporaryFile(dir=places.STATE) as packed:
        write_layer(folder, packed)
        entry = tarfile.TarInfo()
        entry.size = packed.tell()
        packed.seek(0)
        digest = hashlib.sha256()
        while chunk := packed.read(CHUNK):
            digest.update(chunk)
        packed.seek(0)
        entry.name = f"{digest.hexdigest()}/layer.tar"
        archive.addfile(entry, packed)
    return digest.hexdigest(), entry.name


def _add(archive: tarfile.TarFile, name: str, data: Any) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
