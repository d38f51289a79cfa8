"""Fetch images from registries, by the protocol of the OCI distribution specification.

Source: https://github.com/opencontainers/distribution-spec, and for tokens
https://distribution.github.io/distribution/spec/auth/token/.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import tempfile
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urljoin, urlsplit

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.images import places
from dx_local.worker.containers.images.archives import (
    ArchivedImage,
    LayerSource,
    Part,
    hex_digest,
    layer_digests,
)
from dx_local.worker.containers.images.compression import CHUNK
from dx_local.worker.containers.images.json_files import read_json
from dx_local.worker.containers.images.platforms import matching_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.worker.containers.images.references import Reference

    JSON = dict[str, Any]

_HUB, _HUB_SERVER, _HUB_ADDRESS = "docker.io", "registry-1.docker.io", "https://index.docker.io/v1/"
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json,"
    " application/vnd.docker.distribution.manifest.list.v2+json,"
    " application/vnd.docker.distribution.manifest.v2+json"
)
_LARGEST_JSON = 16 << 20
_PATIENCE_SECONDS = 60
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class RegistryError(DockerError):
    """A registry does not have an image, or does not answer."""


@contextlib.contextmanager
def fetch(reference: Reference) -> Iterator[tuple[ArchivedImage, str]]:
    """Download an image, except for layers in the cache; yield it and the digest of its manifest.

    Its layers are in temporary files as long as the context. Raises RegistryError or ArchiveError.
    """
    registry = _Registry(reference)
    data = registry.manifest(reference.digest or reference.tag)
    manifest = json.loads(data)
    if "manifests" in manifest:
        data = registry.manifest(matching_manifest(manifest["manifests"])["digest"])
        manifest = json.loads(data)
    if "layers" not in manifest:
        raise RegistryError(f"{reference}: its manifest has an unsupported form")
    with contextlib.ExitStack() as stack:
        config_part = registry.blob(manifest["config"]["digest"], stack)
        config = config_part.read()
        digests = layer_digests(config)
        if len(digests) != len(manifest["layers"]):
            raise RegistryError(f"{reference}: its manifest and its configuration name different layers")
        layers = []
        for digest, each in zip(digests, manifest["layers"]):  # noqa: B905  (workers may run Python 3.8)
            is_cached = os.path.isdir(places.cached_layer(digest))
            part = Part(-1, 0, 0) if is_cached else registry.blob(each["digest"], stack)
            layers.append(LayerSource(digest, part))
        yield ArchivedImage((), config, tuple(layers)), hashlib.sha256(data).hexdigest()


class _Registry:
    """The repository of an image in a registry."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        server = _HUB_SERVER if reference.registry == _HUB else reference.registry
        # As docker does: without TLS only on this machine.
        is_here = server.partition(":")[0] in ("localhost", "127.0.0.1")
        self._base = f"{'http' if is_here else 'https'}://{server}/v2/{reference.repository}/"
        self._authorization = ""

    def manifest(self, name: str) -> bytes:
        """Return a manifest by its tag or digest."""
        with self._open(f"manifests/{name}", {"Accept": _MANIFESTS}) as answer:
            data: bytes = answer.read(_LARGEST_JSON)
        if name.startswith("sha256:") and hashlib.sha256(data).hexdigest() != hex_digest(name):
            raise RegistryError(f"{self._reference}: the registry sent another manifest than {name}")
        return data

    def blob(self, digest: str, stack: contextlib.ExitStack) -> Part:
        """Download a blob into a temporary file, which the stack closes."""
        places.make_state_folders()
        file = stack.enter_context(tempfile.TemporaryFile(dir=places.STATE))  # noqa: SIM115  (the stack closes it)
        found = hashlib.sha256()
        with self._open(f"blobs/{digest}", {}) as answer:
            while chunk := answer.read(CHUNK):
                found.update(chunk)
                file.write(chunk)
        file.flush()
        if found.hexdigest() != hex_digest(digest):
            raise RegistryError(f"{self._reference}: the registry sent damaged data")
        return Part(file.fileno(), 0, file.tell())

    def _open(self, path: str, headers: dict[str, str]) -> Any:
        try:
            return self._request(path, headers)
        except urllib.error.HTTPError as error:
            if error.code != 401 or self._authorization:
                raise self._failure(error) from error
            self._authorize(error.headers.get("WWW-Authenticate", ""))
        except OSError as error:
            raise self._failure(error) from error
        try:
            return self._request(path, headers)
        except OSError as error:
            raise self._failure(error) from error

    def _request(self, path: str, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(urljoin(self._base, path), headers=headers)  # noqa: S310  (http, https)
        if self._authorization:
            # Not passed on to the server to which a registry redirects for blobs.
            request.add_unredirected_header("Authorization", self._authorization)
        return urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS)  # noqa: S310  (http, https)

    def _failure(self, error: OSError) -> RegistryError:
        if isinstance(error, urllib.error.HTTPError):
            if error.code in (401, 403, 404):
                return RegistryError(
                    f"pull access denied for {self._reference.name}, or there is no image {self._reference}"
                )
            return RegistryError(f"{self._reference}: the registry answers {error.code} {error.reason}")
        reason = getattr(error, "reason", error)
        return RegistryError(
            f"{self._reference}: the registry {self._reference.registry} cannot be reached: {reason}"
        )

    def _authorize(self, challenge: str) -> None:
        """Get permission to read as the registry demands it."""
        kind, _, rest = challenge.partition(" ")
        credentials = self._credentials()
        basic = {"Authorization": f"Basic {credentials}"} if credentials else {}
        if kind.lower() == "basic":
            self._authorization = basic.get("Authorization", "Basic ")
            return
        parameters = dict(_PARAMETER.findall(rest))
        realm = parameters.pop("realm", "")
        if kind.lower() != "bearer" or urlsplit(realm).scheme not in ("http", "https"):
            raise RegistryError(f"{self._reference}: the registry demands an unknown kind of login: {kind!r}")
        query = {"scope": f"repository:{self._reference.repository}:pull", **parameters}
        request = urllib.request.Request(f"{realm}?{urlencode(query)}", headers=basic)  # noqa: S310  (checked)
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310  (checked)
                content = json.loads(answer.read(_LARGEST_JSON))
        except OSError as error:
            raise self._failure(error) from error
        self._authorization = f"Bearer {content.get('token') or content.get('access_token')}"

    def _credentials(self) -> str:
        """Return those of `docker login`, in base64; empty if there are none."""
        folder = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
        known = (read_json(f"{folder}/config.json") or {}).get("auths") or {}
        names = (_HUB_ADDRESS, _HUB) if self._reference.registry == _HUB else (self._reference.registry,)
        for name in (*names, *(f"https://{each}" for each in names)):
            secret = str((known.get(name) or {}).get("auth") or "")
            with contextlib.suppress(ValueError):
                base64.b64decode(secret, validate=True)
                if secret:
                    return secret
        return ""
