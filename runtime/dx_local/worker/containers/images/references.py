"""Names of images: `samtools`, `quay.io/biocontainers/samtools:1.19`, `name@sha256:…`.

Source: https://github.com/distribution/reference; a short name belongs to the registry of Docker Hub.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dx_local.worker.containers.errors import DockerError

_HUB = "docker.io"
_HUB_FOLDER = "library/"
_LATEST = "latest"
_LONGEST = 255
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?")


class Reference(NamedTuple):
    """A complete name, with the registry that a short one leaves out."""

    registry: str
    repository: str
    tag: str
    """Empty if a digest takes its place."""
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"

    @property
    def name(self) -> str:
        """The name as docker prints it, without tag."""
        if self.registry != _HUB:
            return f"{self.registry}/{self.repository}"
        is_official = self.repository.startswith(_HUB_FOLDER) and self.repository.count("/") == 1
        return self.repository[len(_HUB_FOLDER) :] if is_official else self.repository


def parse_reference(text: str) -> Reference:
    """Return the reference that a name means. Raises DockerError if it is not one."""
    rest, _, digest = text.partition("@")
    head, slash, path = rest.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        registry = _HUB if head in ("docker.io", "index.docker.io") else head
    else:
        registry, path = _HUB, rest
    path, colon, tag = path.partition(":")
    if registry == _HUB and "/" not in path:
        path = _HUB_FOLDER + path
    tag = tag if colon else ("" if digest else _LATEST)
    is_valid = (
        len(f"{registry}/{path}") <= _LONGEST
        and _PATH.fullmatch(path)
        and _HOST.fullmatch(registry)
        and (digest or _TAG.fullmatch(tag))
        and ("@" not in text or _DIGEST.fullmatch(digest))
    )
    if not is_valid:
        raise DockerError(f"invalid reference format: {text!r} is not the name of an image")
    return Reference(registry, path, "" if digest else tag, digest)
