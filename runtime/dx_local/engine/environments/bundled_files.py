"""Files that an applet bundles: its bundledDepends, unpacked once for all jobs that use the same files.

A worker of the platform unpacks them at its root. Here they are unpacked into a folder of their own, which is
then treated like the `resources/` of an app.

Source: https://documentation.dnanexus.com/developer/apps/execution-environment and `upload_resources` in
dxpy.app_builder.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import stat
import subprocess
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import link_id
from dx_local.platform.core.errors import ApiError
from dx_local.platform.core.local_bytes import copy_to, temporary_in
from dx_local.platform.data import file_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dx_local.platform.core.context import JSON, Platform

_TAR_ENDS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz")


class BundledFileError(Exception):
    """A file of bundledDepends is missing or cannot be unpacked."""


@dataclass(frozen=True)
class BundledFile:
    """One entry of bundledDepends: its name, which implies its format, and the local files with its bytes."""

    name: str
    file_id: str
    pieces: tuple[Path, ...]


class BundledFiles:
    """The unpacked bundled files of a platform's applets."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._folders: dict[str, asyncio.Future[Path]] = {}
        self._mode_layers: dict[Path, asyncio.Future[list[Path]]] = {}
        for unfinished in (platform.folder / "resources").glob(".*"):
            # Left by an earlier process that was killed while it unpacked.
            shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink()

    async def layers_of(self, applet: JSON) -> tuple[Path, ...]:
        """Return the folders to overlay on `/` for an applet, the topmost first. Raises BundledFileError.

        An app that runs from its folder has resources/ there, and its assets above that. A built applet has
        all of them in its bundledDepends.
        """
        local = applet.get("local")
        if local is not None:
            own = await self._own_resources(Path(local["resources"])) if local.get("resources") else []
            assets = [await self._asset(Path(path)) for path in local.get("assets") or ()]
            return (*reversed(assets), *own)
        files = bundled_files_of(self._platform, applet["runSpec"])
        return (await self._unpacked(files),) if files else ()

    async def _own_resources(self, resources: Path) -> list[Path]:
        """Return the resources/ of an app, and above it a copy of files whose modes a build would change."""
        if resources not in self._mode_layers:
            key = hashlib.sha256(os.fsencode(resources)).hexdigest()[:24]
            folder = self._platform.folder / "resources" / f"modes-{key}"
            work = asyncio.to_thread(layer_with_build_modes, resources, folder)
            self._mode_layers[resources] = asyncio.ensure_future(work)
        return [*await asyncio.shield(self._mode_layers[resources]), resources]

    async def _asset(self, path: Path) -> Path:
        file = _archive_of(path)
        return await self._unpacked([file]) if file else path

    async def _unpacked(self, files: Sequence[BundledFile]) -> Path:
        key = hashlib.sha256(repr([(file.name, file.file_id) for file in files]).encode()).hexdigest()
        known = self._folders.get(key)
        if known is None or known.done():
            work = asyncio.to_thread(unpack, files, self._platform.folder / "resources" / key[:24])
            known = self._folders[key] = asyncio.ensure_future(work)
        return await asyncio.shield(known)


def is_archive(name: str) -> bool:
    """Return whether a file of this name is an archive that can be unpacked."""
    return name.endswith((*_TAR_ENDS, ".zip"))


def bundled_files_of(platform: Platform, run_spec: JSON) -> list[BundledFile]:
    """Return the files that an applet's runSpec bundles. Raises BundledFileError if one is missing."""
    found = []
    for entry in run_spec.get("bundledDepends") or ():
        file_id = link_id(entry.get("id"))
        if file_id is None or not file_id.startswith("file-"):
            continue
        if platform.store.value("SELECT state FROM object WHERE id = ?", file_id) != "closed":
            raise BundledFileError(f"bundledDepends: {file_id} is not a closed file on this platform")
        name = Path(str(entry.get("name") or file_id)).name
        try:
            found.append(BundledFile(name, file_id, tuple(file_bytes.pieces(platform, file_id))))
        except ApiError as error:
            raise BundledFileError(f"bundledDepends: {error.message}") from None
    return found


def _archive_of(asset: Path) -> BundledFile | None:
    """Return an asset that is to be unpacked, or None if it is a folder. Its ID includes its change time."""
    if asset.is_dir():
        return None
    return BundledFile(asset.name, f"{asset} {asset.stat().st_mtime_ns}", (asset,))


def unpack(files: Sequence[BundledFile], folder: Path) -> Path:
    """Unpack files into a folder, which is created atomically; return it. Raises BundledFileError.

    Archives are recognised by name. A file that is neither tar nor zip is copied.
    """
    if folder.is_dir():
        return folder
    try:
        with _created_atomically(folder) as unfinished:
            for file in files:
                _unpack(file, unfinished)
    except OSError as error:
        raise BundledFileError(f"bundledDepends cannot be unpacked: {error}") from error
    return folder


def layer_with_build_modes(resources: Path, folder: Path) -> list[Path]:
    """Copy the files whose modes `dx build` would change into the layer `folder`; return it unless empty.

    A build makes all files readable for everyone, and executable if they are so for their owner. Source: dxpy
    0.417.1, app_builder._fix_perms. The app's own files stay unchanged. Raises BundledFileError.
    """
    if folder.is_dir():
        return [folder]
    try:
        changed = [path for path in resources.rglob("*") if _build_mode(path) != path.lstat().st_mode]
        if not changed:
            return []
        with _created_atomically(folder) as unfinished:
            for path in changed:
                for parent in reversed(path.relative_to(resources).parents[:-1]):
                    _copy(resources / parent, unfinished / parent)
                _copy(path, unfinished / path.relative_to(resources))
    except OSError as error:
        raise BundledFileError(f"resources/ cannot be read: {error}") from error
    return [folder]


def _copy(original: Path, copy: Path) -> None:
    """Copy a file, or create a folder without its content, with the mode of builds; skip everything else."""
    if original.is_dir():
        copy.mkdir(exist_ok=True)
    elif original.is_file():
        copy_to([original], copy)
    else:
        return
    status = original.stat()
    copy.chmod(stat.S_IMODE(_build_mode(original)))
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


def _build_mode(path: Path) -> int:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode
    return mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0)


@contextmanager
def _created_atomically(folder: Path) -> Iterator[Path]:
    """Yield a new folder that is renamed to `folder` at the end, unless that exists by then."""
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if not folder.is_dir():
            unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(file: BundledFile, root: Path) -> None:
    if file.name.endswith(_TAR_ENDS):
        with _joined(file.pieces, root.parent) as archive:
            _untar(file, archive, root)
    elif file.name.endswith(".zip"):
        with _joined(file.pieces, root.parent) as archive:
            _unzip(file, archive, root)
    else:
        copy_to(file.pieces, root / file.name)


@contextmanager
def _joined(pieces: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Yield a read-only file with the content of all pieces; several are joined in a temporary file."""
    if len(pieces) == 1:
        yield pieces[0]
        return
    with temporary_in(folder) as whole:
        copy_to(pieces, whole)
        yield whole


def _untar(file: BundledFile, archive: Path, root: Path) -> None:
    # The program rather than Python's module, whose older versions do not unpack links safely.
    done = subprocess.run(
        [
            "tar",
            "--extract",
            "--no-same-owner",
            "--same-permissions",
            f"--file={archive}",
            f"--directory={root}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if done.returncode != 0:
        raise BundledFileError(f"{file.name} cannot be unpacked: {done.stderr.strip()[-500:]}")


def _unzip(file: BundledFile, archive: Path, root: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(root)
    except zipfile.BadZipFile as error:
        raise BundledFileError(f"{file.name} cannot be unpacked: {error}") from None
