"""What an applet brings along: its bundledDepends, unpacked once for all jobs that want the same files.

A worker of the platform unpacks them at its root; here they are unpacked into a folder of their own, which
then counts as the applet's `resources/`.

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


class BundleError(Exception):
    """A file of bundledDepends that is not here, or that cannot be unpacked."""


@dataclass(frozen=True)
class Bundle:
    """One entry of bundledDepends: its name, which says what it is, and the local files with its bytes."""

    name: str
    file_id: str
    pieces: tuple[Path, ...]


class Resources:
    """The folders of a platform's applets that count as their `resources/`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._folders: dict[str, asyncio.Future[Path]] = {}
        self._changed: dict[Path, asyncio.Future[list[Path]]] = {}
        for unfinished in (platform.folder / "resources").glob(".*"):
            # What an earlier process left that was killed while it unpacked.
            shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink()

    async def layers_of(self, applet: JSON) -> tuple[Path, ...]:
        """Return the folders that an applet has laid over `/`, the topmost first. Raises BundleError.

        An app that is run from its folder has them there, and above them the assets that it was given; what
        was built has them in its bundledDepends.
        """
        local = applet.get("local")
        if local is not None:
            own = await self._own(Path(local["resources"])) if local.get("resources") else []
            assets = [await self._asset(Path(path)) for path in local.get("assets") or ()]
            return (*reversed(assets), *own)
        bundles = bundles_of(self._platform, applet["runSpec"])
        return (await self._unpacked(bundles),) if bundles else ()

    async def _own(self, resources: Path) -> list[Path]:
        """Return the resources/ of an app, and above it those of its files that get another mode."""
        if resources not in self._changed:
            key = hashlib.sha256(os.fsencode(resources)).hexdigest()[:24]
            folder = self._platform.folder / "resources" / f"modes-{key}"
            work = asyncio.to_thread(with_modes_of_builds, resources, folder)
            self._changed[resources] = asyncio.ensure_future(work)
        return [*await asyncio.shield(self._changed[resources]), resources]

    async def _asset(self, path: Path) -> Path:
        bundle = _archive_of(path)
        return await self._unpacked([bundle]) if bundle else path

    async def _unpacked(self, bundles: Sequence[Bundle]) -> Path:
        key = hashlib.sha256(repr([(bundle.name, bundle.file_id) for bundle in bundles]).encode()).hexdigest()
        known = self._folders.get(key)
        if known is None or known.done():
            work = asyncio.to_thread(unpack, bundles, self._platform.folder / "resources" / key[:24])
            known = self._folders[key] = asyncio.ensure_future(work)
        return await asyncio.shield(known)


def is_archive(name: str) -> bool:
    """Tell whether what has this name can be unpacked."""
    return name.endswith((*_TAR_ENDS, ".zip"))


def bundles_of(platform: Platform, run_spec: JSON) -> list[Bundle]:
    """Return the files that an applet's runSpec bundles. Raises BundleError for one that is not here."""
    found = []
    for entry in run_spec.get("bundledDepends") or ():
        file_id = link_id(entry.get("id"))
        if file_id is None or not file_id.startswith("file-"):
            continue
        if platform.store.value("SELECT state FROM object WHERE id = ?", file_id) != "closed":
            raise BundleError(f"bundledDepends names {file_id}, which is no closed file of this platform")
        name = Path(str(entry.get("name") or file_id)).name
        try:
            found.append(Bundle(name, file_id, tuple(file_bytes.pieces(platform, file_id))))
        except ApiError as error:
            raise BundleError(f"bundledDepends cannot be had: {error.message}") from None
    return found


def _archive_of(asset: Path) -> Bundle | None:
    """Return an asset as what is to be unpacked, if it is no folder; it is known by its time as well."""
    if asset.is_dir():
        return None
    return Bundle(asset.name, f"{asset} {asset.stat().st_mtime_ns}", (asset,))


def unpack(bundles: Sequence[Bundle], folder: Path) -> Path:
    """Unpack files into folder, in whose place the whole comes at once; return it. Raises BundleError.

    Archives are told by their names; what is none of tar or zip is put there as it is.
    """
    if folder.is_dir():
        return folder
    try:
        with _made_at_once(folder) as unfinished:
            for bundle in bundles:
                _unpack(bundle, unfinished)
    except OSError as error:
        raise BundleError(f"the bundledDepends cannot be unpacked: {error}") from error
    return folder


def with_modes_of_builds(resources: Path, folder: Path) -> list[Path]:
    """Make a layer in folder with all that `dx build` would give another mode; return it, if there is any.

    Everybody may read what is built, and execute what its owner may execute. Source: dxpy 0.417.1,
    app_builder._fix_perms. The app's own files stay as they are. Raises BundleError.
    """
    if folder.is_dir():
        return [folder]
    try:
        changed = [path for path in resources.rglob("*") if _mode_of_builds(path) != path.lstat().st_mode]
        if not changed:
            return []
        with _made_at_once(folder) as unfinished:
            for path in changed:
                for parent in reversed(path.relative_to(resources).parents[:-1]):
                    _copy(resources / parent, unfinished / parent)
                _copy(path, unfinished / path.relative_to(resources))
    except OSError as error:
        raise BundleError(f"resources/ cannot be read: {error}") from error
    return [folder]


def _copy(original: Path, copy: Path) -> None:
    """Copy a file, or make a folder without its content, with the mode of builds; leave out anything else."""
    if original.is_dir():
        copy.mkdir(exist_ok=True)
    elif original.is_file():
        copy_to([original], copy)
    else:
        return
    status = original.stat()
    copy.chmod(stat.S_IMODE(_mode_of_builds(original)))
    os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


def _mode_of_builds(path: Path) -> int:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode
    return mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0)


@contextmanager
def _made_at_once(folder: Path) -> Iterator[Path]:
    """Yield a new folder that takes the place of another one at the end, unless that is there by then."""
    unfinished = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if not folder.is_dir():
            unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack(bundle: Bundle, root: Path) -> None:
    if bundle.name.endswith(_TAR_ENDS):
        with _in_one_file(bundle.pieces, root.parent) as archive:
            _untar(bundle, archive, root)
    elif bundle.name.endswith(".zip"):
        with _in_one_file(bundle.pieces, root.parent) as archive:
            _unzip(bundle, archive, root)
    else:
        copy_to(bundle.pieces, root / bundle.name)


@contextmanager
def _in_one_file(pieces: Sequence[Path], place: Path) -> Iterator[Path]:
    """Yield a file that holds all pieces, which is not to be changed; several are put together meanwhile."""
    if len(pieces) == 1:
        yield pieces[0]
        return
    with temporary_in(place) as whole:
        copy_to(pieces, whole)
        yield whole


def _untar(bundle: Bundle, archive: Path, root: Path) -> None:
    # The program, because unlike Python's module it unpacks links safely in every version.
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
        raise BundleError(f"{bundle.name} cannot be unpacked: {done.stderr.strip()[-500:]}")


def _unzip(bundle: Bundle, archive: Path, root: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as content:
            content.extractall(root)
    except zipfile.BadZipFile as error:
        raise BundleError(f"{bundle.name} cannot be unpacked: {error}") from None
