"""Image archives for tests, made from busybox and from files of this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BUSYBOX = Path("/bin/busybox")
PROGRAMS = (
    "sh",
    "cat",
    "echo",
    "ls",
    "id",
    "stat",
    "env",
    "pwd",
    "sleep",
    "wc",
    "mkdir",
    "rm",
    "touch",
    "test",
    "cp",
    "ln",
    "chmod",
    "chown",
    "grep",
    "tr",
    "hostname",
    "ps",
    "kill",
    "true",
    "false",
    "head",
    "sort",
    "find",
    "mv",
    "df",
)


@dataclass
class Layer:
    """A tar archive, written entry by entry."""

    _buffer: io.BytesIO = field(default_factory=io.BytesIO)

    def __post_init__(self) -> None:
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115

    def add(self, name: str, content: bytes | None = None, **attributes: Any) -> Layer:
        """Add a file with this content, or an entry with these attributes of a TarInfo."""
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime = 0o644, 1_600_000_000
        if content is not None:
            entry.size = len(content)
        for attribute, value in attributes.items():
            setattr(entry, attribute, value)
        self._tar.addfile(entry, None if content is None else io.BytesIO(content))
        return self

    def folder(self, name: str, mode: int = 0o755) -> Layer:
        return self.add(name, type=tarfile.DIRTYPE, mode=mode)

    def link(self, name: str, target: str) -> Layer:
        return self.add(name, type=tarfile.SYMTYPE, linkname=target)

    def hard_link(self, name: str, target: str) -> Layer:
        return self.add(name, type=tarfile.LNKTYPE, linkname=target)

    def bytes(self) -> bytes:
        self._tar.close()
        return self._buffer.getvalue()


def with_libraries(program: Path) -> dict[str, bytes]:
    """Return a program and the libraries that it is linked with, if any, by their names in a layer."""
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    paths = [str(program), *re.findall(r"(/\S+) \(", linked)]
    return {path.lstrip("/"): Path(path).read_bytes() for path in paths}


def busybox_layer() -> bytes:
    """Return a layer with busybox under the names of its usual programs, and accounts."""
    layer = Layer().folder("bin").folder("etc").folder("tmp", 0o1777)
    for path, content in with_libraries(BUSYBOX).items():
        layer.add(path, content, mode=0o755)
    for name in PROGRAMS:
        layer.hard_link(f"bin/{name}", "bin/busybox")
    layer.add("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nworker:x:1234:1235:w:/home/worker:/bin/sh\n")
    layer.add("etc/group", b"root:x:0:\nworker:x:1235:\nextra:x:77:worker\n")
    return layer.link("linked", "/tmp").folder("root").folder("home").folder("home/worker").bytes()


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def config_of(layers: Sequence[bytes], **defaults: Any) -> bytes:
    digests = [f"sha256:{digest_of(layer)}" for layer in layers]
    content = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin", "FROM_IMAGE=yes"], **defaults},
        "rootfs": {"type": "layers", "diff_ids": digests},
    }
    return json.dumps(content).encode()


def docker_archive(layers: Sequence[bytes], *names: str, legacy: bool = False, **defaults: Any) -> bytes:
    """Return what `docker save` writes; `legacy` adds the per-layer files of old versions."""
    archive, config = Layer(), config_of(layers, **defaults)
    files = []
    for layer in layers:
        name = f"{digest_of(layer + b'id')}/layer.tar"
        if legacy:
            archive.folder(name.partition("/")[0])
            archive.add(name.replace("layer.tar", "VERSION"), b"1.0")
            archive.add(name.replace("layer.tar", "json"), b"{}")
        archive.add(name, layer)
        files.append(name)
    config_name = f"{digest_of(config)}.json"
    archive.add(config_name, config)
    manifest = [{"Config": config_name, "RepoTags": list(names) or None, "Layers": files}]
    return archive.add("manifest.json", json.dumps(manifest).encode()).bytes()


def oci_files(
    layers: Sequence[bytes], name: str, compress: str = "none", **defaults: Any
) -> dict[str, bytes]:
    """Return the files of an OCI layout."""
    packers: dict[str, Callable[[bytes], bytes]] = {"none": bytes, "gzip": gzip.compress, "zstd": zstd}
    packed = [packers[compress](layer) for layer in layers]
    config = config_of(layers, **defaults)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "config": {"digest": f"sha256:{digest_of(config)}", "size": len(config)},
            "layers": [{"digest": f"sha256:{digest_of(each)}", "size": len(each)} for each in packed],
        }
    ).encode()
    annotations = {"org.opencontainers.image.ref.name": name}
    index = {"manifests": [{"digest": f"sha256:{digest_of(manifest)}", "annotations": annotations}]}
    blobs = {f"blobs/sha256/{digest_of(blob)}": blob for blob in (*packed, config, manifest)}
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps(index).encode(),
        **blobs,
    }


def oci_archive(layers: Sequence[bytes], name: str, compress: str = "none", **defaults: Any) -> bytes:
    archive = Layer()
    for path, content in oci_files(layers, name, compress, **defaults).items():
        archive.add(path, content)
    return archive.bytes()


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout
