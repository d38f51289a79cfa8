"""Write the entries of a layer into the current root folder, in the form that overlayfs reads."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from typing import TYPE_CHECKING

from dx_local.worker.containers.errors import ArchiveError
from dx_local.worker.containers.images import tar_headers
from dx_local.worker.containers.images.layer_marks import OPAQUE, OPAQUE_ATTRIBUTE, RESERVED, WHITEOUT
from dx_local.worker.containers.images.tar_headers import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.worker.containers.images.tar_headers import ByteSource, Entry

_WHITEOUT, _OPAQUE, _RESERVED = map(os.fsencode, (WHITEOUT, OPAQUE, RESERVED))
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_DEEPEST = 500  # Python's functions for trees are recursive
_LATEST_NS = 1 << 62


class LayerFolder:
    """Writes entries; with `owns_all` their owners too, otherwise everything belongs to this user."""

    def __init__(self, most_entries: int, *, owns_all: bool) -> None:
        self._owns_all = owns_all
        self._entries_left = most_entries
        self._whiteouts: set[bytes] = set()
        self._folders: dict[bytes, Entry] = {}
        self._makers: dict[bytes, Callable[[bytes, Entry], None]] = {
            tar_headers.HARD_LINK: self._make_hard_link,
            tar_headers.SYMLINK: self._make_symlink,
            tar_headers.FIFO: self._make_fifo,
        }

    def fill(self, source: ByteSource) -> None:
        """Write all entries of an archive. Raises ArchiveError or OSError."""
        for entry in tar_headers.entries(source):
            self._entries_left -= 1
            if self._entries_left < 0:
                raise ArchiveError("the layer has more files than the disk of the cache can hold")
            path = _path_of(entry.name)
            name = path.rpartition(b"/")[2]
            if name.startswith(_WHITEOUT):
                self._hide(path, name)
            elif entry.kind == tar_headers.FILE:
                self._write_file(path, entry, source)
            elif entry.kind == tar_headers.FOLDER:
                self._make_folder(path, entry)
            elif entry.kind in self._makers:
                self._make(path, entry)
            # Devices are left out: a user cannot make them, and containers have those of /dev.
        self._finish_folders()

    def _write_file(self, path: bytes, entry: Entry, source: ByteSource) -> None:
        mode = entry.mode if self._owns_all else entry.mode & 0o777
        file = self._create(path, lambda: os.open(path, _NEW_FILE, mode))
        try:
            left = entry.size
            while left:
                piece = source.read_some(left)
                if not piece:
                    raise ArchiveError(f"{printable(entry.name)}: the archive ends before its data")
                left -= len(piece)
                while piece:
                    piece = piece[os.write(file, piece) :]
            if self._owns_all and (entry.uid or entry.gid):
                os.chown(file, entry.uid, entry.gid)
            if mode & (stat.S_ISUID | stat.S_ISGID):
                os.chmod(file, mode)  # the kernel has cleared these bits
            os.utime(file, ns=_times(entry))
        finally:
            os.close(file)

    def _make_folder(self, path: bytes, entry: Entry) -> None:
        if path and not (os.path.isdir(path) and not os.path.islink(path)):
            was_hidden = path in self._whiteouts
            self._create(path, lambda: os.mkdir(path, 0o700))
            if was_hidden:
                _set_opaque(path)
        # Modes and times are set last, because files are yet to be written into it.
        self._folders[path or b"."] = entry

    def _make(self, path: bytes, entry: Entry) -> None:
        self._create(path, lambda: self._makers[entry.kind](path, entry))
        if entry.kind != tar_headers.HARD_LINK:
            if self._owns_all:
                os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
            os.utime(path, ns=_times(entry), follow_symlinks=False)

    def _make_hard_link(self, path: bytes, entry: Entry) -> None:
        target = _path_of(entry.target)
        try:
            os.link(target, path, follow_symlinks=False)
        except FileNotFoundError:
            if os.path.lexists(target):
                raise
            message = f"{printable(entry.name)} is a hard link to {printable(entry.target)}, which is missing"
            raise ArchiveError(message) from None

    def _make_symlink(self, path: bytes, entry: Entry) -> None:
        os.symlink(entry.target, path)

    def _make_fifo(self, path: bytes, entry: Entry) -> None:
        os.mkfifo(path, entry.mode)

    def _create(self, path: bytes, create: Callable[[], int | None]) -> int:
        """Create a file; make its missing parents, and replace an earlier entry of its name."""
        try:
            return create() or 0
        except FileExistsError:
            self._remove(path)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        except NotADirectoryError as error:
            raise ArchiveError(f"{printable(path)} is inside of something that is no folder") from error
        return create() or 0

    def _remove(self, path: bytes) -> None:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
            for folder in [each for each in self._folders if (each + b"/").startswith(path + b"/")]:
                del self._folders[folder]
        else:
            os.unlink(path)
            self._whiteouts.discard(path)

    def _hide(self, path: bytes, name: bytes) -> None:
        folder = path[: -len(name)]
        if name == _OPAQUE:
            os.makedirs(folder or b".", 0o755, exist_ok=True)
            _set_opaque(folder or b".")
        elif not name.startswith(_RESERVED) and name != _WHITEOUT:
            hidden = folder + name[len(_WHITEOUT) :]
            if not os.path.lexists(hidden):
                self._create(hidden, lambda: os.mknod(hidden, stat.S_IFCHR, 0))
                self._whiteouts.add(hidden)
            elif hidden not in self._whiteouts and os.path.isdir(hidden) and not os.path.islink(hidden):
                _set_opaque(hidden)  # the same layer has another folder of this name

    def _finish_folders(self) -> None:
        for path, entry in reversed(list(self._folders.items())):
            mode = entry.mode if self._owns_all else entry.mode & 0o1777 | 0o700
            if self._owns_all:
                os.chown(path, entry.uid, entry.gid)
            os.chmod(path, mode)
            os.utime(path, ns=_times(entry))


def _path_of(name: bytes) -> bytes:
    """Return a relative path. Raises ArchiveError if it would lead outside."""
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise ArchiveError(f"{printable(name)} leads outside of the layer")
    if len(parts) > _DEEPEST:
        raise ArchiveError(f"{printable(name)} is nested too deeply")
    return b"/".join(parts)


def _times(entry: Entry) -> tuple[int, int]:
    changed = min(max(entry.mtime_ns, 0), _LATEST_NS)
    return changed, changed


def _set_opaque(folder: bytes) -> None:
    try:
        os.setxattr(folder, OPAQUE_ATTRIBUTE, b"y")
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            raise ArchiveError(
                "the file system of the cache keeps no extended attributes, which layers need; set"
                " XDG_CACHE_HOME to a folder on another one"
            ) from error
        raise
