"""Show a folder as a disk that ignores upper and lower case, as most disks of macOS do; by FUSE.

    python folded_disk.py FOLDER MOUNT_POINT

Like NFS before version 4.2, it cannot reserve space. It requires libfuse and `mfusepy` from PyPI.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import mfusepy as fuse  # type: ignore[import-not-found,import-untyped,unused-ignore]

_TIMES = ("st_atime", "st_mtime", "st_ctime")
_FACTS = ("st_gid", "st_ino", "st_mode", "st_nlink", "st_size", "st_uid")
_DISK = (
    *("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_favail", "f_ffree", "f_files", "f_flag", "f_frsize"),
    "f_namemax",
)


class FoldedDisk(fuse.Operations):  # type: ignore[misc,unused-ignore]
    """The operations of the disk, on the files of a folder."""

    use_ns = True

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _find(self, path: str) -> str:
        place = self._folder
        for name in path.strip("/").split("/"):
            there = os.path.join(place, name)
            if name and not os.path.lexists(there) and os.path.isdir(place):
                same = [other for other in os.listdir(place) if other.casefold() == name.casefold()]
                there = os.path.join(place, *(same or [name]))
            place = there
        return place

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        status = os.lstat(self._find(path))
        facts = {name: getattr(status, name) for name in _FACTS}
        return {**facts, **{name: getattr(status, f"{name}_ns") for name in _TIMES}}

    def statfs(self, path: str) -> dict[str, Any]:
        disk = os.statvfs(self._folder)
        return {name: getattr(disk, name) for name in _DISK}

    def readdir(self, path: str, fh: Any) -> list[str]:
        return [".", "..", *os.listdir(self._find(path))]

    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(self._find(path), mode)

    def rmdir(self, path: str) -> None:
        os.rmdir(self._find(path))

    def unlink(self, path: str) -> None:
        os.unlink(self._find(path))

    def rename(self, old: str, new: str) -> None:
        os.rename(self._find(old), self._find(new))

    def symlink(self, target: str, source: str) -> None:
        os.symlink(source, self._find(target))

    def link(self, target: str, source: str) -> None:
        os.link(self._find(source), self._find(target))

    def readlink(self, path: str) -> str:
        return os.readlink(self._find(path))

    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self._find(path), mode)

    def chown(self, path: str, uid: int, gid: int) -> None:
        os.chown(self._find(path), uid, gid)

    def utimens(self, path: str, times: Any = None) -> None:
        os.utime(self._find(path), ns=times)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return os.open(self._find(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC, mode)

    def open(self, path: str, flags: int) -> int:
        return os.open(self._find(path), flags & ~os.O_APPEND)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: Any = None) -> None:
        os.truncate(self._find(path), length)

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0


if __name__ == "__main__":
    fuse.FUSE(FoldedDisk(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True)
