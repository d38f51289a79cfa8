"""Groups of processes that may use so much memory together: control groups, versions 1 and 2.

They are made below the group that this process is in, so that whoever limits or counts that one still does;
where version 2 does not allow it, because a group with processes has no groups below it, beside that one, if
it has no limit itself. The user may name another place, or none, by the variable DX_LOCAL_CGROUP.

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

VARIABLE = "DX_LOCAL_CGROUP"
"""The environment variable that names the folder of the group to make groups in, or `none`."""

_PREFIX = "dx-local-"
_LEAVING_SECONDS = 1.0
_RETRY_SECONDS = 0.01


class NoGroupsError(Exception):
    """Groups cannot be made here; the message says why."""


@dataclass(frozen=True)
class _Names:
    """What the files of a group are called in one of the versions."""

    limit: str
    with_swap: str
    most_with_swap: str | None
    """What is written for swap; None for the limit itself, which counts memory and swap together."""
    kills: str


_VERSION_1 = _Names("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", None, "memory.oom_control")
_VERSION_2 = _Names("memory.max", "memory.swap.max", "0", "memory.events")


class MemoryGroup:
    """A group for the processes of one job; `link` leads to it for those that do not come from the first."""

    def __init__(self, path: Path, names: _Names, limit: int, link: Path) -> None:
        """Make the group. Raises OSError.

        `entrance` is the open file into which a process writes 0 to enter; closing it is the caller's.
        """
        self._path = path
        self._names = names
        self._link = link
        path.mkdir()
        try:
            _write(path / names.limit, str(limit))
            with suppress(OSError):  # a kernel that does not count swap
                _write(path / names.with_swap, names.most_with_swap or str(limit))
            link.symlink_to(path)
            self.entrance = os.open(path / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        except OSError:
            path.rmdir()
            raise

    def unlink(self) -> None:
        """Let no more processes find the group."""
        self._link.unlink(missing_ok=True)

    def kills(self) -> int:
        """Return how many processes the kernel has killed because the group was at its limit."""
        try:
            found = re.search(r"^oom_kill (\d+)$", (self._path / self._names.kills).read_text(), re.MULTILINE)
        except OSError:
            return 0
        return int(found[1]) if found else 0

    def remove(self) -> bool:
        """Remove the group; return whether it is gone, which takes that all its processes have ended."""
        try:
            self._path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class MemoryGroups:
    """The groups of one executor's jobs, which lie together in a group of its own."""

    def __init__(self) -> None:
        """Make the group in which they lie. Raises NoGroupsError."""
        problems = []
        for parent, names in _places():
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
        raise NoGroupsError("; ".join(problems) or "no control groups for memory were found")

    def make(self, job_id: str, limit: int, link: Path) -> MemoryGroup:
        """Make a group for a job, of which the processes may use so many bytes. Raises OSError."""
        # A try may begin while something of the last one is dying yet.
        path = self._path / f"{job_id}-{next(self._numbers)}"
        return MemoryGroup(path, self._names, limit, link)

    def leave(self, group: MemoryGroup) -> None:
        """Remove the group of a job that has ended, or later, if something of it is dying yet."""
        group.unlink()
        self._leaving = [each for each in (*self._leaving, group) if not each.remove()]

    async def close(self) -> None:
        """Remove all groups. Their processes have ended, or are about to."""
        tries = int(_LEAVING_SECONDS / _RETRY_SECONDS)
        for _ in range(tries):
            self._leaving = [each for each in self._leaving if not each.remove()]
            if not self._leaving:
                break
            await asyncio.sleep(_RETRY_SECONDS)
        with suppress(OSError):
            self._path.rmdir()
        os.close(self._lock)
        if self._enable_in:
            with suppress(OSError):
                _write(self._enable_in / "cgroup.subtree_control", "-memory")


def remove_all_left() -> None:
    """Remove what killed executors left wherever this process would make groups."""
    with suppress(NoGroupsError):
        for parent, _ in _places():
            remove_left(parent)


def remove_left(parent: Path) -> None:
    """Remove the groups that executors left which were killed: those whose folder nobody holds a lock on.

    A group with processes cannot be removed; the next executor tries again.
    """
    for path in owned_folders.abandoned(parent.glob(f"{_PREFIX}*")):
        with suppress(OSError):
            for group in (*path.glob("job-*"), path):
                group.rmdir()


def _make(parent: Path, names: _Names) -> tuple[Path | None, Path, int]:
    """Make a group that can hold groups with limits.

    Return where memory had to be enabled for it, the group, and the lock on it. Raises OSError.
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
            raise FileNotFoundError(None, "memory is not controlled there")
        # Whoever may make a group may not always move processes there.
        os.close(os.open(parent / "cgroup.procs", os.O_WRONLY))
    except OSError:
        path.rmdir()
        os.close(lock)
        raise
    return enabled, path, lock


def _places() -> Iterator[tuple[Path, _Names]]:
    """Yield the groups in which to try to make groups. Raises NoGroupsError where the user wants none."""
    chosen = os.environ.get(VARIABLE)
    if chosen == "none":
        raise NoGroupsError(f"{VARIABLE} is none")
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
    """Yield where file systems of a kind are mounted, and which of their folders is seen there.

    Source: proc(5), /proc/PID/mountinfo.
    """
    for line in _lines("/proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        _, _, _, root, place, *_ = before.split(" ")
        found, _, options = after.split(" ", 2)
        if found == kind and (not controller or controller in options.split(" ")[-1].split(",")):
            yield Path(place), root


def _below(place: Path, root: str, path: str) -> Path:
    """Return where a group is seen below a mount that shows the groups from `root` on."""
    inside = os.path.relpath(path, root)
    return place if inside.startswith("..") else place / inside


def _lines(path: str) -> list[str]:
    return (_read(Path(path)) or "").splitlines()


def _write(path: Path, text: str) -> None:
    """Write into a file that is there; raise OSError where it is not, since it is the kernel's to make."""
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
