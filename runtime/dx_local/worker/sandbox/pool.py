"""The pool of sandboxes: each is used by one job at a time, and again as long as no job changed it.

To make a sandbox takes several milliseconds, to check that one is pristine a fraction of that. Changes are
never undone: a changed sandbox is discarded with its overlays, because only a new one is certain to hold
nothing of the job before.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from dx_local.worker.process.trees import remove_tree
from dx_local.worker.sandbox import mount_plan, mounts
from dx_local.worker.sandbox.host_folders import HOME
from dx_local.worker.sandbox.init_process import SandboxInit
from dx_local.worker.sandbox.mount_watch import MountWatch
from dx_local.worker.sandbox.sandbox import Sandbox
from dx_local.worker.sandbox.tmp_folders import TmpFolders, subfolders
from dx_local.worker.sandbox.user_namespace import IdMaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dx_local.worker.sandbox.host_folders import HostFolders

_LOG_SOCKETS = ("priority", "bulk")

_PROC = "/proc"
_WITHOUT_SUBSET = "/proc/meminfo"  # missing with the option `subset=pid`, which no remount takes back

# Another process removes temporary files beyond this size, because that takes long.
_LARGEST_CLEANED = 16 << 20

# A sandbox may not show changes that the host made since it was assembled, so none is reused after this time.
_LONGEST_REUSE_SECONDS = 3.0


class SandboxPool:
    """Makes sandboxes, mounts the homes of jobs in them, and keeps the free ones."""

    def __init__(
        self, host: HostFolders, folder: str, executor_folder: str, images: str, *, has_pid_namespace: bool
    ) -> None:
        """`folder` contains `base`, for small files, and `assembly`, the mount point for new sandboxes.

        `images` is the cache of images, or empty.

        With `has_pid_namespace`, this process is in a PID namespace that its user namespace owns, and each
        sandbox gets one below that.
        """
        self._host = host
        self._folder = folder
        self._executor_folder = executor_folder
        self._images = images
        self._has_pid_namespace = has_pid_namespace
        self._maps = IdMaps.own()
        # Kept open, because in the mount namespace of a sandbox the path /proc leads to a different one.
        self._proc = os.open("/proc", os.O_RDONLY)
        self._own_mounts = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._free: list[Sandbox] = []
        self._inits: dict[int, SandboxInit] = {}
        self._count = 0
        self._tmp_folders = TmpFolders(f"{folder}/temporary")

    def take(self, spec: mount_plan.SandboxSpec, home: str, log_sockets: str) -> Sandbox:
        """Return a sandbox for a job with this home. Raises OSError if none can be made.

        `log_sockets` is the prefix of the paths of the job's two sockets, as the job sees them.
        """
        self._discard_expired()
        identity = _identity_of(spec)
        free = next((each for each in self._free if (each.spec, each.identity) == (spec, identity)), None)
        if free:
            self._free.remove(free)
            self._tmp_folders.reset_modes(free.tmp)
        taken = free or self._make(spec, identity)
        for name in _LOG_SOCKETS:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{taken.log}/{name}")
            os.symlink(f"{log_sockets}.{name}", f"{taken.log}/{name}")
        try:
            self._mount_home(taken, home)
        except OSError:
            self._discard(taken, is_clean=True)
            raise
        return taken

    def fork(self, entered: Sandbox, fork: Callable[[], int] = os.fork) -> int:
        """Call `fork`; the child is in the PID namespace of the sandbox, but not yet in its others.

        A process cannot change its own PID namespace, only that of its future children. So this one sets it
        for the fork and resets it afterwards. Raises OSError.
        """
        if not self._has_pid_namespace:
            return fork()
        mounts.perform([mounts.enter_namespace(entered.init.pids, mounts.NEW_PIDS)])
        pid = -1
        try:
            pid = fork()
        finally:
            if pid:
                mounts.perform([mounts.enter_namespace(self._own_pids, mounts.NEW_PIDS)])
        return pid

    def note_reaped(self, pid: int) -> None:
        """Record that a process was waited for, which may be the first one of a sandbox.

        From then on its process ID may belong to another process, and must not be signalled.
        """
        init = self._inits.pop(pid, None)
        if init is None:
            return
        init.pid = 0
        for each in [each for each in self._free if each.init is init]:  # killed from outside
            self._free.remove(each)
            self._discard(each, is_clean=True)

    def kill_all(self) -> None:
        """Kill all processes in the PID namespaces of sandboxes."""
        for init in self._inits.values():
            init.kill()

    def leftover_bytes(self, used: Sandbox) -> int | None:
        """Return the size of the temporary files that a job left; None if it left nothing at all."""
        return self._tmp_folders.leftover_bytes(used.tmp)

    def release(self, used: Sandbox, *, leftover: int | None, has_no_process: bool) -> int:
        """Take back a sandbox; return the ID of a process that removes leftover temporary files, or 0.

        `leftover` is the result of `leftover_bytes`.
        """
        is_clean = leftover is None
        if has_no_process and leftover is not None and leftover < _LARGEST_CLEANED:
            is_clean = self._tmp_folders.clean(used.tmp)
        if has_no_process and is_clean and self._is_pristine(used):
            self._free.append(used)
            return 0
        return self._discard(used, is_clean=is_clean)

    def _mount_home(self, empty: Sandbox, home: str) -> None:
        # The home's path does not exist in the sandbox, so a detached mount carries it from one to the other.
        tree = mounts.clone_mount(home)
        try:
            with self._inside(empty.init):
                mounts.perform([mounts.attach_mount(tree, HOME)])
        finally:
            os.close(tree)
        empty.mount_watch.has_changed()  # every later change is the job's

    def _make(self, spec: mount_plan.SandboxSpec, identity: tuple[object, ...]) -> Sandbox:
        self._count += 1
        log, mount_point = f"{self._folder}/base/{self._count}", f"{self._folder}/assembly"
        os.mkdir(log)
        tmp = self._tmp_folders.take(spec.visible_paths)
        sources = mount_plan.MountSources(
            mount_point, subfolders(tmp), self._executor_folder, self._images, log
        )
        plan = mount_plan.plan_mounts(self._host, sources, spec, has_pid_namespace=self._has_pid_namespace)
        try:
            mounts.perform(plan.build)
            memory = os.open(mount_point, os.O_RDONLY)
            mounts.perform(plan.change_root)
            init = SandboxInit(
                self._proc, self._maps, plan.calls_inside, has_pid_namespace=self._has_pid_namespace
            )
        finally:
            self._leave()
        if init.pid:
            self._inits[init.pid] = init
        with self._inside(init):
            watch = MountWatch(self._proc)
        return Sandbox(
            spec=spec,
            identity=identity,
            init=init,
            memory=memory,
            mount_watch=watch,
            tmp=tmp,
            log=log,
            change_markers=tuple(plan.change_markers),
            pristine=_states_of(memory, plan.change_markers),
            made_at=time.monotonic(),
        )

    def _is_pristine(self, used: Sandbox) -> bool:
        """Return whether a sandbox is as it was made, once the home of its job is unmounted."""
        if used.mount_watch.has_changed():
            return False
        try:
            with self._inside(used.init):
                # A job can have made mounts shared, which is not noticed.
                mounts.perform([mounts.unmount(HOME), mounts.make_mounts_private()])
                if self._has_pid_namespace:
                    self._reset_proc()
            return _states_of(used.memory, used.change_markers) == used.pristine
        except OSError:
            return False

    def _reset_proc(self) -> None:
        """Set /proc to what it was made with; raise OSError if that is impossible.

        It is the only file system whose options a job may change, which is not noticed either if the job uses
        fsconfig(2), as newer programs `mount` do.
        """
        os.stat(_WITHOUT_SUBSET)
        mounts.perform([mounts.proc_for_all(_PROC)])

    def _discard_expired(self) -> None:
        oldest = time.monotonic() - _LONGEST_REUSE_SECONDS
        for each in [each for each in self._free if each.made_at < oldest]:
            self._free.remove(each)
            self._discard(each, is_clean=True)

    def _discard(self, used: Sandbox, *, is_clean: bool) -> int:
        used.init.kill()
        used.init.close()
        used.mount_watch.close()
        os.close(used.memory)
        remove_tree(used.log)
        return self._tmp_folders.release(used.tmp, is_clean=is_clean)

    @contextlib.contextmanager
    def _inside(self, entered: SandboxInit) -> Iterator[None]:
        mounts.perform([mounts.enter_namespace(entered.mounts, mounts.NEW_MOUNTS)])
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        mounts.perform([mounts.enter_namespace(self._own_mounts, mounts.NEW_MOUNTS)])


def _states_of(memory: int, change_markers: Iterable[str]) -> list[tuple[int, ...]]:
    """Return a state of each marker that differs once it was changed. Raises OSError."""
    states = [os.stat(marker, dir_fd=memory) for marker in change_markers]
    return [
        (state.st_mode, state.st_uid, state.st_gid, state.st_size, state.st_nlink, state.st_ctime_ns)
        for state in states
    ]


def _identity_of(spec: mount_plan.SandboxSpec) -> tuple[object, ...]:
    """Return a value that differs once other folders exist at the paths of a spec. Raises OSError.

    The kernel soon reuses inode numbers, so the change time of layers counts as well; visible paths change
    all the time.
    """
    layers, visible = ([os.stat(path) for path in paths] for paths in (spec.layers, spec.visible_paths))
    return (
        *((state.st_dev, state.st_ino, state.st_ctime_ns) for state in layers),
        *((state.st_dev, state.st_ino) for state in visible),
    )
