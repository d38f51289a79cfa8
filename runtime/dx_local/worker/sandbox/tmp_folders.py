"""Folders for temporary files, a set for each job that runs, used again if a job leaves nothing in them."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from dx_local.worker.sandbox.host_folders import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_TIDIED = 100  # files and folders


class Temporaries:
    """The folders that become PRIVATE for jobs. To make and remove some for each job would take longer."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._count = 0
        self._free: list[str] = []
        self._places: dict[str, set[str]] = {}
        """What was made in each set of folders for something to be mounted at."""

    def take(self, shown: Sequence[str]) -> str:
        """Return a folder with those of one job, which is empty but for places to mount what is shown at."""
        if self._free:
            folder = self._free.pop()
        else:
            self._count += 1
            folder = f"{self._folder}/{self._count}"
            self._places[folder] = set()
            for path in parts(folder):
                os.makedirs(path)
        self.renew(folder)
        for index, path in enumerate(parts(folder)):
            for file in shown:
                if file.startswith(f"{PRIVATE[index]}/"):
                    self._make_place(folder, path + file[len(PRIVATE[index]) :], os.path.isdir(file))
        return folder

    def renew(self, folder: str) -> None:
        """Let all users use folders again, whatever the last job has changed of that."""
        for path in parts(folder):
            os.chmod(path, 0o1777)  # noqa: S103  (as /tmp is, in a folder that others cannot enter)

    def left_in(self, folder: str) -> int | None:
        """Return how many bytes a job has left, in files; None if it has left nothing at all."""
        known = {*self._places[folder], *parts(folder)} if folder else set()
        size, is_clean = 0, True
        for path, folders, files in os.walk(folder):
            for name in (*folders, *files):
                file = f"{path}/{name}"
                if file not in known:
                    is_clean = False
                    with contextlib.suppress(OSError):
                        size += os.lstat(file).st_size if name in files else 0
        return None if is_clean else size

    def tidy(self, folder: str) -> bool:
        """Remove what a job has left in some files; return whether nothing is left.

        That takes less time than to make another sandbox, which is what another folder would need.
        """
        known = {*self._places[folder], *parts(folder)}
        left: list[str] = []
        for path, folders, files in os.walk(folder):
            left += [place for name in (*folders, *files) if (place := f"{path}/{name}") not in known]
            if len(left) > _MOST_TIDIED:
                return False
        with contextlib.suppress(OSError):
            for place in reversed(left):  # what is in a folder comes after it
                remove = os.unlink if os.path.islink(place) or not os.path.isdir(place) else os.rmdir
                remove(place)
            return True
        return False

    def give_back(self, folder: str, *, is_clean: bool) -> int:
        """Take back what a job had; return the ID of a process that removes what the job has left, or 0."""
        if is_clean:
            self._free.append(folder)
            return 0
        pid = os.fork()
        if pid == 0:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)
        return pid

    def _make_place(self, folder: str, place: str, is_folder: bool) -> None:
        if place not in self._places[folder]:
            os.makedirs(place if is_folder else os.path.dirname(place), exist_ok=True)
            if not is_folder:
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
            while place not in (self._places[folder] | {folder}):
                self._places[folder].add(place)
                place = os.path.dirname(place)


def parts(folder: str) -> list[str]:
    """Return the folders in one job's, in the order of PRIVATE."""
    return [f"{folder}/{index}" for index in range(len(PRIVATE))]
