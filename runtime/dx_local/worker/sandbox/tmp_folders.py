"""Folders that become /tmp and /var/tmp of jobs: a set for each running job, reused if left clean."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from dx_local.worker.process.trees import remove_tree
from dx_local.worker.sandbox.host_folders import TMP_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_CLEANED = 100  # files and folders


class TmpFolders:
    """The sets of folders, some of them free. Making and removing a set for each job would take longer."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._count = 0
        self._free: list[str] = []
        self._mount_points: dict[str, set[str]] = {}
        """The files and folders created in each set as mount points."""

    def take(self, visible_paths: Sequence[str]) -> str:
        """Return a set for one job: a folder, empty but for mount points for visible paths."""
        if self._free:
            folder = self._free.pop()
        else:
            self._count += 1
            folder = f"{self._folder}/{self._count}"
            self._mount_points[folder] = set()
            for path in subfolders(folder):
                os.makedirs(path)
        self.reset_modes(folder)
        for index, path in enumerate(subfolders(folder)):
            for file in visible_paths:
                if file.startswith(f"{TMP_FOLDERS[index]}/"):
                    inside = path + file[len(TMP_FOLDERS[index]) :]
                    self._make_mount_point(folder, inside, os.path.isdir(file))
        return folder

    def reset_modes(self, folder: str) -> None:
        """Open a set to all users again, in case the last job closed it."""
        for path in subfolders(folder):
            os.chmod(path, 0o1777)  # noqa: S103  (like /tmp; other users cannot enter the folder above)

    def leftover_bytes(self, folder: str) -> int | None:
        """Return the size of the files that a job left in a set; None if it left nothing at all."""
        if not folder:
            return None
        known = {*self._mount_points[folder], *subfolders(folder)}
        size, is_clean = 0, True
        for entry, is_folder in _content(folder):
            if entry.path not in known:
                is_clean = False
                with contextlib.suppress(OSError):
                    size += 0 if is_folder else entry.stat(follow_symlinks=False).st_size
        return None if is_clean else size

    def clean(self, folder: str) -> bool:
        """Remove a few leftovers of a job; return whether nothing is left.

        That takes less time than another sandbox, which another set of folders would require.
        """
        known = {*self._mount_points[folder], *subfolders(folder)}
        leftovers: list[tuple[str, bool]] = []
        for entry, is_folder in _content(folder):
            if entry.path not in known:
                leftovers.append((entry.path, is_folder))
            if len(leftovers) > _MOST_CLEANED:
                return False
        with contextlib.suppress(OSError):
            for path, is_folder in reversed(leftovers):  # a folder's content comes after the folder
                remove = os.rmdir if is_folder else os.unlink
                remove(path)
            return True
        return False

    def release(self, folder: str, *, is_clean: bool) -> int:
        """Take back a job's set; return the ID of a process that removes its leftovers, or 0."""
        if is_clean:
            self._free.append(folder)
            return 0
        pid = os.fork()
        if pid == 0:
            try:
                remove_tree(folder, ignore_errors=True)
            finally:
                os._exit(0)
        return pid

    def _make_mount_point(self, folder: str, path: str, is_folder: bool) -> None:
        if path not in self._mount_points[folder]:
            os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
            if not is_folder:
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            while path not in (self._mount_points[folder] | {folder}):
                self._mount_points[folder].add(path)
                path = os.path.dirname(path)


def _content(folder: str) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Yield all files and folders in a folder, however deep, and whether each is a folder.

    A folder comes before its content. One that cannot be read counts as empty.
    """
    folders = [folder]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder:
                    folders.append(entry.path)
                yield entry, is_folder


def subfolders(folder: str) -> list[str]:
    """Return the folders of one set, in the order of TMP_FOLDERS."""
    return [f"{folder}/{index}" for index in range(len(TMP_FOLDERS))]
