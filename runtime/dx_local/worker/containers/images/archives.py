"""Image archives: what `docker save` writes, old and new, and OCI layouts, as archives or folders.

Nothing is unpacked: an image is its configuration and the places of its layers in the archive.
Sources: https://github.com/moby/docker-image-spec, https://github.com/opencontainers/image-spec.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

from dx_local.worker.containers.errors import ArchiveError
from dx_local.worker.containers.images import compression, tar_headers
from dx_local.worker.containers.images.platforms import matching_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    JSON = dict[str, Any]

_MANIFEST, _INDEX = "manifest.json", "index.json"
_LARGEST_JSON = 16 << 20
_MOST_LINKS = 10
_HEX_DIGITS = 64
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


class Part(NamedTuple):
    """A part of an open file."""

    file: int
    offset: int
    length: int

    def read(self) -> bytes:
        """Return its bytes. Raises ArchiveError if it is too large to be a JSON document."""
        if self.length > _LARGEST_JSON:
            raise ArchiveError("a JSON document of the archive is too large")
        return b"".join(compression.raw_chunks(*self))

    def compression(self) -> str:
        """Return its compression."""
        return compression.compression_of(os.pread(self.file, compression.LONGEST_MAGIC, self.offset))


class LayerSource(NamedTuple):
    """A layer in an archive."""

    digest: str
    """The SHA-256 of the uncompressed layer, in hexadecimal."""
    part: Part


class ArchivedImage(NamedTuple):
    """An image of an archive."""

    names: tuple[str, ...]
    config: bytes
    layers: tuple[LayerSource, ...]

    @property
    def image_id(self) -> str:
        """The digest of the configuration, in hexadecimal."""
        return hashlib.sha256(self.config).hexdigest()


_DEFAULTS: dict[str, type] = {
    **dict.fromkeys(("Env", "Cmd", "Entrypoint"), list),
    **dict.fromkeys(("User", "WorkingDir"), str),
    **dict.fromkeys(("Labels", "Volumes"), dict),
}


@contextlib.contextmanager
def open_archive(file: int, temporary: str) -> Iterator[list[ArchivedImage]]:
    """Read the images of an open archive, which may be compressed and need not be seekable.

    Their parts are valid as long as the context. An archive that has to be copied or decompressed is kept in
    the folder `temporary` for that time. Raises ArchiveError.
    """
    try:
        start = os.lseek(file, 0, os.SEEK_CUR)
        length = os.fstat(file).st_size - start
    except OSError:  # a pipe
        start, length = -1, 0
    with contextlib.ExitStack() as stack:
        if start < 0:
            copy = stack.enter_context(tempfile.TemporaryFile(dir=temporary))
            while chunk := os.read(file, compression.CHUNK):
                copy.write(chunk)
            copy.flush()
            file, start, length = copy.fileno(), 0, copy.tell()
        whole = Part(file, start, length)
        kind = whole.compression()
        if kind != compression.NONE:
            plain = stack.enter_context(tempfile.TemporaryFile(dir=temporary))
            for chunk in compression.chunks(kind, *whole):
                plain.write(chunk)
            plain.flush()
            whole = Part(plain.fileno(), 0, plain.tell())
        yield images_of(_TarFiles(whole))


@contextlib.contextmanager
def open_layout(folder: str) -> Iterator[list[ArchivedImage]]:
    """Read the images of a folder: an OCI layout, or an unpacked archive. Raises ArchiveError."""
    with contextlib.ExitStack() as stack:
        yield images_of(_FolderFiles(folder, stack))


class _TarFiles:
    """The files of a tar archive by name."""

    def __init__(self, whole: Part) -> None:
        self._parts: dict[str, Part] = {}
        self._links: dict[str, str] = {}
        source = _SeekingSource(whole)
        for entry in tar_headers.entries(source):
            name = posixpath.normpath(os.fsdecode(entry.name)).lstrip("/")
            if entry.kind == tar_headers.FILE:
                self._parts[name] = Part(whole.file, whole.offset + source.position, entry.size)
            elif entry.kind == tar_headers.SYMLINK:  # to a layer that several images share
                target = os.fsdecode(entry.target)
                self._links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            elif entry.kind == tar_headers.HARD_LINK:
                self._links[name] = posixpath.normpath(os.fsdecode(entry.target)).lstrip("/")

    def find(self, name: str) -> Part | None:
        name = posixpath.normpath(name)
        for _ in range(_MOST_LINKS):
            if name not in self._links:
                break
            name = self._links[name]
        return self._parts.get(name)


class _SeekingSource(tar_headers.ByteSource):
    """An archive in a file, of which only the headers are read."""

    def __init__(self, whole: Part) -> None:
        super().__init__(lambda: b"")
        self._whole = whole
        self._place = 0

    @property
    def position(self) -> int:
        return self._place

    def read(self, size: int) -> bytes:
        size = min(size, self._whole.length - self._place)
        data = os.pread(self._whole.file, size, self._whole.offset + self._place)
        self._place += len(data)
        return data

    def skip(self, size: int) -> None:
        if self._place + size > self._whole.length:
            raise ArchiveError("the archive is truncated")
        self._place += size


class _FolderFiles:
    """The files of a folder by name."""

    def __init__(self, folder: str, stack: contextlib.ExitStack) -> None:
        self._folder = os.path.realpath(folder)
        self._stack = stack

    def find(self, name: str) -> Part | None:
        path = os.path.realpath(os.path.join(self._folder, name))
        if not path.startswith(f"{self._folder}/"):
            raise ArchiveError(f"{name!r} is outside of the folder")
        try:
            file = self._stack.enter_context(open(path, "rb"))  # noqa: SIM115  (the stack closes it)
        except (FileNotFoundError, IsADirectoryError):
            return None
        return Part(file.fileno(), 0, os.fstat(file.fileno()).st_size)


def images_of(files: _TarFiles | _FolderFiles) -> list[ArchivedImage]:
    """Return the images that the files describe. Raises ArchiveError."""
    try:
        if manifest := files.find(_MANIFEST):
            return [_docker_image(files, each) for each in _json(manifest)]
        if index := files.find(_INDEX):
            return [image for each in _json(index)["manifests"] for image in _oci_images(files, each)]
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ArchiveError(f"the description of the images in the archive is damaged ({error!r})") from error
    raise ArchiveError(
        "this is not an image: it has neither manifest.json (of `docker save`) nor index.json (of OCI)"
    )


def _docker_image(files: _TarFiles | _FolderFiles, manifest: JSON) -> ArchivedImage:
    config = _found(files, manifest["Config"]).read()
    layers = [_found(files, name) for name in manifest["Layers"] or ()]
    return _image(tuple(manifest.get("RepoTags") or ()), config, layers)


def _oci_images(files: _TarFiles | _FolderFiles, descriptor: JSON) -> Iterator[ArchivedImage]:
    """Yield the image of a descriptor; of several for different machines, that for this one."""
    manifest = _json(_blob(files, descriptor))
    if "manifests" in manifest:
        manifest = _json(_blob(files, matching_manifest(manifest["manifests"])))
    annotations = descriptor.get("annotations") or {}
    # Some programs write only the tag.
    name = next((annotations[key] for key in _NAMES if ":" in annotations.get(key, "")), "")
    config = _blob(files, manifest["config"]).read()
    yield _image((name,) if name else (), config, [_blob(files, each) for each in manifest["layers"]])


def _image(names: tuple[str, ...], config: bytes, parts: list[Part]) -> ArchivedImage:
    if not all(isinstance(name, str) for name in names):
        raise TypeError(names)
    digests = layer_digests(config)
    if len(digests) != len(parts):
        raise ArchiveError(f"the image has {len(parts)} layers, but its configuration names {len(digests)}")
    layers = map(LayerSource, digests, parts)
    return ArchivedImage(names, config, tuple(layers))


def layer_digests(config: bytes) -> list[str]:
    """Return the digests of the layers of a configuration, the lowest first.

    Raises ArchiveError, also if other parts of the configuration are not what they have to be.
    """
    try:
        content = json.loads(config)
        digests = [str(digest) for digest in content["rootfs"]["diff_ids"] or ()]
        _check_defaults(content.get("config") or {})
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ArchiveError("the configuration of the image is damaged") from error
    return [hex_digest(digest) for digest in digests]


def _check_defaults(defaults: JSON) -> None:
    """Check the defaults of containers in a configuration. Raises AttributeError or ValueError."""
    for name, kind in _DEFAULTS.items():
        value = defaults.get(name)
        texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
        if not isinstance(value, (kind, type(None))):
            raise ValueError(name)  # noqa: TRY004  (as other damage is)
        if not all(isinstance(text, str) and "\0" not in text for text in texts):
            raise ValueError(name)


def hex_digest(digest: str) -> str:
    """Return the hexadecimal digits of `sha256:…`. Raises ArchiveError for anything else."""
    algorithm, _, digits = digest.partition(":")
    if algorithm != "sha256" or len(digits) != _HEX_DIGITS or set(digits) - set("0123456789abcdef"):
        raise ArchiveError(f"{digest!r} is not a SHA-256 digest")
    return digits


def _blob(files: _TarFiles | _FolderFiles, descriptor: JSON) -> Part:
    return _found(files, f"blobs/sha256/{hex_digest(descriptor['digest'])}")


def _found(files: _TarFiles | _FolderFiles, name: str) -> Part:
    part = files.find(name)
    if part is None:
        raise ArchiveError(f"the archive lacks {name!r}, which it names")
    return part


def _json(part: Part) -> Any:
    return json.loads(part.read())
