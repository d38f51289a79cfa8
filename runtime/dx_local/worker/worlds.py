"""Worlds that jobs have one after another, each for itself, as long as none leaves a trace in its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker import mounts, world
from dx_local.worker.host_view import HOME
from dx_local.worker.temporaries import Temporaries, parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_local.worker.host_view import HostView
    from dx_local.worker.mounts import Call

_LOG_SOCKETS = ("priority", "bulk")

# A world may not show what of the host has changed since it was made, so none is used for longer.
_LONGEST_USE_SECONDS = 3.0


@dataclass(frozen=True)
class World:
    """A mount namespace that is kept by an open file, and what tells whether somebody has changed it."""

    needs: world.Needs
    origin: tuple[object, ...]
    """What tells the folders that it shows from others that come to lie at their paths."""
    entrance: int
    """The file by which the namespace is entered."""
    memory: int
    """The folder that holds what is changed; it can be found nowhere else any more."""
    temporary: str
    """Its folders for temporary files."""
    log: str
    """The folder that it shows as that of the sockets for log messages."""
    traces: tuple[str, ...]
    """Folders in memory in which every change changes something."""
    untouched: tuple[object, ...]
    """How it looks as long as nobody has changed it."""
    made: float

    def entering(self) -> list[Call]:
        """Return the calls by which a process enters it."""
        return [mounts.join(self.entrance, mounts.NEW_MOUNTS)]


class Worlds:
    """Makes worlds, puts the homes of jobs into them, and keeps those that are free."""

    def __init__(self, host: HostView, folder: str, ours: str) -> None:
        """`folder` holds `base`, for small things, and `world`, to mount memory at; `ours` becomes OURS."""
        self._host = host
        self._folder = folder
        self._ours = ours
        self._own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        self._free: list[World] = []
        self._count = 0
        self._temporaries = Temporaries(f"{folder}/temporary")

    def take(self, needs: world.Needs, home: str, log_sockets: str) -> World:
        """Return a world for a job with this home; raise OSError where none can be made.

        `log_sockets` is what the paths of the job's two sockets begin with, as it sees them.
        """
        self._forget_the_old()
        origin = _origin(needs)
        free = next((each for each in self._free if (each.needs, each.origin) == (needs, origin)), None)
        if free:
            self._free.remove(free)
            self._temporaries.renew(free.temporary)
        taken = free or self._make(needs, origin)
        for name in _LOG_SOCKETS:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{taken.log}/{name}")
            os.symlink(f"{log_sockets}.{name}", f"{taken.log}/{name}")
        try:
            self._put_home(taken, home)
        except OSError:
            self._forget(taken, is_clean=True)
            raise
        return taken

    def left_in(self, used: World) -> int | None:
        """Return how many bytes a job has left in temporary files; None if it has left nothing at all."""
        return self._temporaries.left_in(used.temporary)

    def give_back(self, used: World, *, is_clean: bool, is_deserted: bool) -> int:
        """Take back a world; return the ID of a process that removes what is left in temporary files, or 0.

        `is_clean` says that this is nothing, `is_deserted` that nobody is there any more.
        """
        if is_clean and is_deserted and self._is_untouched(used):
            self._free.append(used)
            return 0
        return self._forget(used, is_clean=is_clean)

    def _put_home(self, empty: World, home: str) -> None:
        tree = mounts.take_along(home)
        try:
            with self._inside(empty):
                mounts.perform([mounts.put_down(tree, HOME)])
        finally:
            os.close(tree)

    def _make(self, needs: world.Needs, origin: tuple[object, ...]) -> World:
        self._count += 1
        log, place = f"{self._folder}/base/{self._count}", f"{self._folder}/world"
        os.mkdir(log)
        temporary = self._temporaries.take(needs.shown)
        plan = world.plan(self._host, world.Places(place, parts(temporary), self._ours, log), needs)
        try:
            mounts.perform(plan.building)
            memory = os.open(place, os.O_RDONLY)
            mounts.perform(plan.entering)
            entrance = os.open("/proc/self/ns/mnt", os.O_RDONLY)
            untouched = _look(memory, plan.traces)
        finally:
            self._return()
        now = time.monotonic()
        return World(needs, origin, entrance, memory, temporary, log, tuple(plan.traces), untouched, now)

    def _is_untouched(self, used: World) -> bool:
        try:
            with self._inside(used):
                mounts.perform([mounts.unmount(HOME)])
                return _look(used.memory, used.traces) == used.untouched
        except OSError:
            return False

    def _forget_the_old(self) -> None:
        oldest = time.monotonic() - _LONGEST_USE_SECONDS
        for each in [each for each in self._free if each.made < oldest]:
            self._free.remove(each)
            self._forget(each, is_clean=True)

    def _forget(self, used: World, *, is_clean: bool) -> int:
        os.close(used.entrance)
        os.close(used.memory)
        shutil.rmtree(used.log)
        return self._temporaries.give_back(used.temporary, is_clean=is_clean)

    @contextlib.contextmanager
    def _inside(self, entered: World) -> Iterator[None]:
        mounts.perform(entered.entering())
        try:
            yield
        finally:
            self._return()

    def _return(self) -> None:
        mounts.perform([mounts.join(self._own, mounts.NEW_MOUNTS)])


def _origin(needs: world.Needs) -> tuple[object, ...]:
    """Return what differs when another folder has come to lie at a path that is shown. Raises OSError.

    A folder's number is soon given to another one; but what is shown besides layers changes all the time.
    """
    layers, shown = ([os.stat(path) for path in paths] for paths in (needs.layers, needs.shown))
    return (
        *((state.st_dev, state.st_ino, state.st_ctime_ns) for state in layers),
        *((state.st_dev, state.st_ino) for state in shown),
    )


def _look(memory: int, traces: Iterable[str]) -> tuple[object, ...]:
    """Return what is mounted in this process's world, and what its traces look like. Raises OSError."""
    with open("/proc/self/mountinfo", "rb") as file:
        mounted = file.read()
    states = [os.stat(trace, dir_fd=memory) for trace in traces]
    return mounted, *(
        (state.st_mode, state.st_uid, state.st_gid, state.st_size, state.st_nlink, state.st_ctime_ns)
        for state in states
    )
