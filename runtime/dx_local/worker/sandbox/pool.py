"""Worlds that jobs have one after another, each for itself, as long as none leaves a trace in its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.worker.sandbox import mount_plan, mounts
from dx_local.worker.sandbox.host_folders import HOME
from dx_local.worker.sandbox.init import SandboxInit
from dx_local.worker.sandbox.tmp_folders import Temporaries, parts
from dx_local.worker.sandbox.user_namespace import IdMaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dx_local.worker.sandbox.host_folders import HostView
    from dx_local.worker.sandbox.mounts import Call

_LOG_SOCKETS = ("priority", "bulk")

# More bytes of temporary files are removed by another process, since that takes long.
_LARGEST_TIDIED = 16 << 20

# A world may not show what of the host has changed since it was made, so none is used for longer.
_LONGEST_USE_SECONDS = 3.0


@dataclass(frozen=True)
class World:
    """The namespaces of a sandbox, kept by its first process, and what tells whether a job has changed it."""

    needs: mount_plan.Needs
    origin: tuple[object, ...]
    """What tells the folders that it shows from others that come to lie at their paths."""
    init: SandboxInit
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
        """Return the calls by which a process that `Worlds.fork` made enters it.

        Namespaces that are the zygote's own, such as its network, can be entered before and not after.
        """
        return [
            mounts.join(self.init.mounts, mounts.NEW_MOUNTS),
            mounts.join(self.init.user, mounts.NEW_USER),
        ]


class Worlds:
    """Makes worlds, puts the homes of jobs into them, and keeps those that are free."""

    def __init__(self, host: HostView, folder: str, ours: str, *, has_processes: bool) -> None:
        """`folder` holds `base`, for small things, and `world`, to mount memory at; `ours` becomes OURS.

        With `has_processes`, this process is in a PID namespace that its user namespace owns, and each world
        gets one below that.
        """
        self._host = host
        self._folder = folder
        self._ours = ours
        self._has_processes = has_processes
        self._maps = IdMaps.own()
        # In the mount namespace of a world, its path leads to another.
        self._proc = os.open("/proc", os.O_RDONLY)
        self._own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        self._own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._free: list[World] = []
        self._inits: dict[int, SandboxInit] = {}
        self._count = 0
        self._temporaries = Temporaries(f"{folder}/temporary")

    def take(self, needs: mount_plan.Needs, home: str, log_sockets: str) -> World:
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

    def fork(self, entered: World) -> int:
        """Fork as os.fork does; the child is in the PID namespace of the world, but not yet in its others.

        Raises OSError.
        """
        if not self._has_processes:
            return os.fork()
        mounts.perform([mounts.join(entered.init.processes, mounts.NEW_PROCESSES)])
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid:
                mounts.perform([mounts.join(self._own_processes, mounts.NEW_PROCESSES)])
        return pid

    def note_end(self, pid: int) -> None:
        """Note that a process has been waited for, which may be the first one of a world."""
        init = self._inits.pop(pid, None)
        if init is None:
            return
        init.pid = 0
        for each in [each for each in self._free if each.init is init]:  # something else has killed it
            self._free.remove(each)
            self._forget(each, is_clean=True)

    def kill_all(self) -> None:
        """Kill all that is in the PID namespaces of worlds."""
        for init in self._inits.values():
            init.kill()

    def left_in(self, used: World) -> int | None:
        """Return how many bytes a job has left in temporary files; None if it has left nothing at all."""
        return self._temporaries.left_in(used.temporary)

    def give_back(self, used: World, *, left: int | None, is_deserted: bool) -> int:
        """Take back a world; return the ID of a process that removes what is left in temporary files, or 0.

        `left` is the result of `left_in`; a world that `is_deserted` has no processes.
        """
        is_clean = left is None
        if is_deserted and left is not None and left < _LARGEST_TIDIED:
            is_clean = self._temporaries.tidy(used.temporary)
        if is_deserted and is_clean and self._is_untouched(used):
            self._free.append(used)
            return 0
        return self._forget(used, is_clean=is_clean)

    def _put_home(self, empty: World, home: str) -> None:
        tree = mounts.take_along(home)
        try:
            with self._inside(empty.init):
                mounts.perform([mounts.put_down(tree, HOME)])
        finally:
            os.close(tree)

    def _make(self, needs: mount_plan.Needs, origin: tuple[object, ...]) -> World:
        self._count += 1
        log, place = f"{self._folder}/base/{self._count}", f"{self._folder}/world"
        os.mkdir(log)
        temporary = self._temporaries.take(needs.shown)
        places = mount_plan.Places(place, parts(temporary), self._ours, log)
        plan = mount_plan.plan(self._host, places, needs, has_processes=self._has_processes)
        try:
            mounts.perform(plan.building)
            memory = os.open(place, os.O_RDONLY)
            mounts.perform(plan.entering)
            init = SandboxInit(self._proc, self._maps, plan.preparations, has_processes=self._has_processes)
        finally:
            self._return()
        if init.pid:
            self._inits[init.pid] = init
        with self._inside(init):
            untouched = self._look(memory, plan.traces)
        now = time.monotonic()
        return World(needs, origin, init, memory, temporary, log, tuple(plan.traces), untouched, now)

    def _look(self, memory: int, traces: Iterable[str]) -> tuple[object, ...]:
        """Return the mounts of this process's namespace, and the state of the traces. Raises OSError."""
        with open(os.open("self/mountinfo", os.O_RDONLY, dir_fd=self._proc), "rb") as file:
            mounted = file.read()
        states = [os.stat(trace, dir_fd=memory) for trace in traces]
        return mounted, *(
            (state.st_mode, state.st_uid, state.st_gid, state.st_size, state.st_nlink, state.st_ctime_ns)
            for state in states
        )

    def _is_untouched(self, used: World) -> bool:
        try:
            with self._inside(used.init):
                mounts.perform([mounts.unmount(HOME)])
                return self._look(used.memory, used.traces) == used.untouched
        except OSError:
            return False

    def _forget_the_old(self) -> None:
        oldest = time.monotonic() - _LONGEST_USE_SECONDS
        for each in [each for each in self._free if each.made < oldest]:
            self._free.remove(each)
            self._forget(each, is_clean=True)

    def _forget(self, used: World, *, is_clean: bool) -> int:
        used.init.kill()
        used.init.close()
        os.close(used.memory)
        shutil.rmtree(used.log)
        return self._temporaries.give_back(used.temporary, is_clean=is_clean)

    @contextlib.contextmanager
    def _inside(self, entered: SandboxInit) -> Iterator[None]:
        mounts.perform([mounts.join(entered.mounts, mounts.NEW_MOUNTS)])
        try:
            yield
        finally:
            self._return()

    def _return(self) -> None:
        mounts.perform([mounts.join(self._own, mounts.NEW_MOUNTS)])


def _origin(needs: mount_plan.Needs) -> tuple[object, ...]:
    """Return what differs when another folder has come to lie at a path that is shown. Raises OSError.

    A folder's number is soon given to another one; but what is shown besides layers changes all the time.
    """
    layers, shown = ([os.stat(path) for path in paths] for paths in (needs.layers, needs.shown))
    return (
        *((state.st_dev, state.st_ino, state.st_ctime_ns) for state in layers),
        *((state.st_dev, state.st_ino) for state in shown),
    )
