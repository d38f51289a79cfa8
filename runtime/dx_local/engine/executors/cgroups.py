"""Limit the memory of all processes of a job together, with control groups of version 1 or 2.

The groups are created below the group of this process, so that its limits and accounting include them.
Version 2 forbids that if the group holds processes itself; then they are created next to it, if it has no
limit of its own. The variable DX_LOCAL_CGROUP names another parent group, or `none`.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.engine.executors import owned_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.worker.process.locks import Lock

VARIABLE = "DX_LOCAL_CGROUP"
"""Environment variable with the folder of the parent group, or `none` for no control groups."""

_PREFIX = "dx-local-"
_LEAVING_SECONDS = 1.0
_RETRY_SECONDS = 0.01


class NoControlGroupsError(Exception):
    """Control groups cannot be created; the message is the reason."""


@dataclass(frozen=True)
class _Names:
    """File names of a group in one version of control groups."""

    limit: str
    with_swap: str
    most_with_swap: str | None
    """Limit to write to `with_swap`; None for the memory limit, if the file counts both together."""
    kills: str


_VERSION_1 = _Names("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", None, "memory.oom_control")
_VERSION_2 = _Names("memory.max", "memory.swap.max", "0", "memory.events")


class MemoryGroup:
    """The group of one job; `link` leads to it for processes that its first process did not start."""

    def __init__(self, path: Path, names: _Names, limit: int, link: Path) -> None:
        """Create the group. Raises OSError.

        A process enters it by writing 0 to the open file `entrance`, which the caller closes.
        """
        self._path = path
        self._names = names
        self._link = link
        path.mkdir()
        try:
            _write(path / names.limit, str(limit))
            with suppress(OSError):  # the kernel may not count swap
                _write(path / names.with_swap, names.most_with_swap or str(limit))
            link.symlink_to(path)
            self.entrance = os.open(path / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            path.rmdir()
            raise

    def unlink(self) -> None:
        """Remove the link, so that no more processes find the group."""
        self._link.unlink(missing_ok=True)

    def kills(self) -> int:
        """Return the number of processes that the kernel killed because the group reached its limit."""
        try:
            found = re.search(r"^oom_kill (\d+)$", (self._path / self._names.kills).read_text(), re.MULTILINE)
        except OSError:
            return 0
        return int(found[1]) if found else 0

    def remove(self) -> bool:
        """Remove the group and return true, or return false if some of its processes have not ended."""
        try:
            self._path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class MemoryGroups:
    """The groups of one executor's jobs, below a group of the executor's own."""

    def __init__(self) -> None:
        """Create the executor's group. Raises NoControlGroupsError."""
        problems = []
        for parent, names in _parents():
            remove_left(parent)
            try:
                self._enable_in, self._path, self._lock = _make(parent, names)
            except OSError as error:
                problems.append(f"{parent}: {error.strerror}")
            else:
                self._names = names
                self._leaving: list[MemoryGroup] = []
                self._numbers = count(1)
                return
        raise NoControlGroupsError("; ".join(problems) or "no control groups for memory were found")

    def make(self, job_id: str, limit: int, link: Path) -> MemoryGroup:
        """Create a group for a job with a limit in bytes. Raises OSError."""
        # Numbered, as a job may be tried again before the processes of its last try have ended.
        path = self._path / f"{job_id}-{next(self._numbers)}"
        return MemoryGroup(path, self._names, limit, link)

    def leave(self, group: MemoryGroup) -> None:
        """Remove the group of a job that has ended; if processes are left in it, remove it later."""
        group.unlink()
        self._leaving = [each for each in (*self._leaving, group) if not each.remove()]

    async def close(self) -> None:
        """Remove all groups, whose processes have ended or are about to."""
        tries = int(_LEAVING_SECONDS / _RETRY_SECONDS)
        for _ in range(tries):
            self._leaving = [each for each in self._leaving if not each.remove()]
            if not self._leaving:
                break
            await asyncio.sleep(_RETRY_SECONDS)
        with suppress(OSError):
            self._path.rmdir()
        self._lock.release()
        if self._enable_in:
            with suppress(OSError):
                _write(self._enable_in / "cgroup.subtree_control", "-memory")


def remove_all_left() -> None:
    """Remove the groups that killed executors left behind, wherever this process would create its own."""
    with suppress(NoControlGroupsError):
        for parent, _ in _parents():
            remove_left(parent)


def remove_left(parent: Path) -> None:
    """Remove the groups of killed executors below a group: those whose folder is not locked.

    A group that still holds processes stays; the next executor tries again.
    """
    for path in owned_folders.abandoned(parent.glob(f"{_PREFIX}*")):
        with suppress(OSError):
            for group in (*path.glob("job-*"), path):
                group.rmdir()


def _make(parent: Path, names: _Names) -> tuple[Path | None, Path, Lock]:
    """Create a group that can hold groups with limits. Raises OSError.

    Returns the group for which memory control had to be enabled, the new group, and its lock.
    """
    path = parent / f"{_PREFIX}{os.getpid()}-{os.urandom(4).hex()}"
    lock = owned_folders.make(path)
    enabled = None
    try:
        if names is _VERSION_2:
            if not (path / names.limit).exists():
                _write(parent / "cgroup.subtree_control", "+memory")
                enabled = parent
            _write(path / "cgroup.subtree_control", "+memory")
        elif not (path / names.limit).exists():
            raise FileNotFoundError(None, "memory is not controlled in this group")
        # The right to create a group does not imply the right to move processes into it.
        os.close(os.open(parent / "cgroup.procs", os.O_WRONLY))
    except OSError:
        path.rmdir()
        lock.release()
        raise
    return enabled, path, lock


def _parents() -> Iterator[tuple[Path, _Names]]:
    """Yield the parent groups to try. Raises NoControlGroupsError if the user has turned them off."""
    chosen = os.environ.get(VARIABLE)
    if chosen == "none":
        raise NoControlGroupsError(f"{VARIABLE} is none")
    if chosen:
        path = Path(chosen)
        yield path, _VERSION_1 if (path / _VERSION_1.limit).exists() else _VERSION_2
        return
    memberships = [line.split(":", 2) for line in _lines("/proc/self/cgroup")]
    for _, controllers, own in memberships:
        if "memory" in controllers.split(","):
            for place, root in _mounts("cgroup", "memory"):
                yield _below(place, root, own), _VERSION_1
            return
    for number, _, own in memberships:
        if number == "0":
            for place, root in _mounts("cgroup2", ""):
                group = _below(place, root, own)
                yield group, _VERSION_2
                if group != place and _read(group / _VERSION_2.limit) in (None, "max"):
                    yield group.parent, _VERSION_2


def _mounts(kind: str, controller: str) -> Iterator[tuple[Path, str]]:
    """Yield the mount points of a file system type, each with the folder that is mounted there.

    Source: proc(5), /proc/PID/mountinfo.
    """
    for line in _lines("/proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        _, _, _, root, place, *_ = before.split(" ")
        found, _, options = after.split(" ", 2)
        if found == kind and (not controller or controller in options.split(" ")[-1].split(",")):
            yield Path(place), root


def _below(place: Path, root: str, path: str) -> Path:
    """Return the path of a group below a mount point at which the group `root` is mounted."""
    inside = os.path.relpath(path, root)
    return place if inside.startswith("..") else place / inside


def _lines(path: str) -> list[str]:
    return (_read(Path(path)) or "").splitlines()


def _write(path: Path, text: str) -> None:
    """Write to an existing file; unlike `Path.write_text`, never create one among the kernel's."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
