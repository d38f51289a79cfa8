"""Layers on a node: requested by digest, unpacked once, kept in the user's cache for later runs."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_app_wizard.user_dirs import cache_dir
from dx_local.engine.executors.remote.layers import reference_of
from dx_local.worker.process import locks
from dx_local.worker.process.trees import remove_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from http.client import HTTPResponse
    from pathlib import Path

    from dx_local.engine.executors.remote.node.link import Link

_BLOCK = 1 << 20


class LayerError(Exception):
    """A layer could not be put into the cache of this node."""


def layers_on_node(digests: Sequence[str], link: Link) -> tuple[Path, ...]:
    """Return the folders of these layers in their order. Raises LayerError or LinkError."""
    folder = cache_dir("dx-local") / "layers"
    return tuple(_layer(digest, folder, link) for digest in digests)


def _layer(digest: str, cache: Path, link: Link) -> Path:
    if not (len(digest) == 64 and digest.isalnum() and digest.isascii()):
        raise LayerError(f"{digest!r} is not a digest")
    folder = cache / digest
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with locks.hold(cache / f"{digest}.lock"):
            if not folder.is_dir():  # another process may have made it before the lock was free
                _fetch(digest, folder, link)
    except OSError as error:
        raise LayerError(f"a layer cannot be kept in {str(cache)!r}: {error}") from error
    return folder


def _fetch(digest: str, folder: Path, link: Link) -> None:
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    unfinished.mkdir()
    try:
        with link.layer(digest) as response:
            _unpack(response, unfinished)
        if reference_of(unfinished).digest != digest:
            raise LayerError("a layer has changed while it was transferred; run the app again")
        unfinished.replace(folder)
    finally:
        if unfinished.exists():
            remove_tree(unfinished, ignore_errors=True)


def _unpack(archive: HTTPResponse, folder: Path) -> None:
    command = ["tar", "--extract", "--no-same-owner", "--same-permissions", "--file=-"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, f"--directory={folder}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, "LC_ALL": "C"},
        )
        try:
            _write_all(archive, process)
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode != 0:
            errors.seek(0)
            text = errors.read().decode(errors="replace").strip()[-300:]
            raise LayerError(f"a layer cannot be unpacked: {text}")


def _write_all(archive: HTTPResponse, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:  # a tar that fails reports the reason itself
        while block := archive.read(_BLOCK):
            pipe.write(block)
