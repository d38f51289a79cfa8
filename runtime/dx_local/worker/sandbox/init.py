"""The first process of a sandbox, made together with the user, mount and PID namespaces that jobs enter.

Jobs are in a user namespace below the zygote's. So the kernel locks the mounts that they find, and lets
them look neither into the zygote nor into other processes of this machine, although all of these have the
same user. The first process reaps what jobs leave behind; when it ends, the kernel kills all of its PID
namespace.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker.process import linux
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.worker.sandbox.mounts import Call
    from dx_local.worker.sandbox.user_namespace import IdMaps

_READY = b"+"
_LONGEST_PROBLEM = 4096
_END = signal.SIGTERM
_AWAITED = (signal.SIGCHLD, _END)
# Less than the zygote waits for what is left of a job.
_FILTER_SECONDS = 0.8
_OUTSIDE = 0  # as the sender of a signal that is in no PID namespace that the receiver sees
# In /proc/PID/stat, counted after the name: page faults of children that were waited for. Source: proc(5).
_FAULTS_OF_CHILDREN = 8


class SandboxInit:
    """The process, and its namespaces as open files; without a PID namespace, these alone."""

    def __init__(self, proc: int, maps: IdMaps, preparations: Sequence[Call], *, has_processes: bool) -> None:
        """Fork it; its mounts are those of the namespace that this process is in. Raises OSError.

        `proc` is the open folder /proc, and `maps` those of the user namespace. `preparations` are calls that
        it makes once it is in the namespaces.
        """
        kinds = mounts.NEW_USER | mounts.NEW_MOUNTS
        if has_processes:
            kinds |= mounts.NEW_PROCESSES
        self._files: list[int] = []
        permission, permit = os.pipe()
        report, reports = os.pipe()
        self.pid = mounts.fork_into(kinds)
        """Its process ID, or 0 when it has ended and was waited for."""
        if self.pid == 0:
            os.close(permit)
            _become(permission, reports, preparations, is_first=has_processes)
        os.close(permission)
        os.close(reports)
        try:
            # Before it hides its memory, which hides its namespaces as well.
            self._open_namespaces(proc, has_processes=has_processes)
            maps.write(proc, self.pid)
            os.write(permit, _READY)
            _check(os.read(report, _LONGEST_PROBLEM))
        except OSError:
            self.kill()
            self.close()
            raise
        finally:
            os.close(permit)
            os.close(report)
        if not has_processes:
            os.waitpid(self.pid, 0)
            self.pid = 0

    def _open_namespaces(self, proc: int, *, has_processes: bool) -> None:
        def opened(path: str) -> int:
            self._files.append(os.open(f"{self.pid}/{path}", os.O_RDONLY, dir_fd=proc))
            return self._files[-1]

        self.user, self.mounts = opened("ns/user"), opened("ns/mnt")
        if has_processes:
            self.processes = opened("ns/pid")
            self._stat = opened("stat")
            self._children = opened(f"task/{self.pid}/children")

    def is_alone(self) -> bool:
        """Return whether no process ever outlived the one that started it; False if that is unknown."""
        if not self.pid or os.pread(self._children, 1, 0):
            return False
        fields = os.pread(self._stat, 4096, 0).rpartition(b")")[2].split()
        return int(fields[_FAULTS_OF_CHILDREN]) == 0

    def end(self) -> None:
        """Have it kill the rest of its PID namespace, reap it, which adds the usage to its own, and end.

        Filters such as `exec > >(tee log)` have a moment to pass on what the job printed last.
        """
        self._signal(_END)

    def kill(self) -> None:
        """End it and all that is in its PID namespace at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.pid:
            os.kill(self.pid, number)

    def close(self) -> None:
        """Close its files."""
        for file in self._files:
            os.close(file)
        self._files = []


def _check(report: bytes) -> None:
    """Raise OSError unless the first process reports that it is ready."""
    if report != _READY:
        raise OSError(
            errno.EPERM, report.decode("utf-8", "replace") or "the first process of a sandbox ended"
        )


def _become(permission: int, reports: int, preparations: Sequence[Call], *, is_first: bool) -> NoReturn:
    """Be the first process, in what is a copy of the zygote."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1, warn_on_full_buffer=False)
        # What has no handler does not reach the first process of a PID namespace from inside.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
        if not os.read(permission, 1):
            os._exit(1)
        try:
            mounts.perform(preparations)
        except OSError as error:
            os.write(reports, str(error).encode("utf-8", "replace")[:_LONGEST_PROBLEM])
            os._exit(1)
        linux.hide_memory()
        os.write(reports, _READY)
        os.closerange(0, 1024)
        while is_first:
            awaited = signal.sigwaitinfo(_AWAITED)
            _collect(os.WNOHANG)
            if awaited.si_signo == _END and awaited.si_pid == _OUTSIDE:
                _await_filters()
                os.kill(-1, signal.SIGKILL)
                _collect(0)
                break
    finally:
        os._exit(0)


def _await_filters() -> None:
    """Kill children that cannot read from a pipe; wait for a moment until the others have read theirs."""
    latest = time.monotonic() + _FILTER_SECONDS
    while children := linux.children():
        filters = [pid for pid in children if linux.reads_pipe(pid)]
        for pid in set(children) - set(filters):
            os.kill(pid, signal.SIGKILL)
        left = latest - time.monotonic()
        if not filters or left <= 0:
            return
        signal.sigtimedwait([signal.SIGCHLD], left)
        _collect(os.WNOHANG)


def _collect(options: int) -> None:
    """Wait for children that have ended, so that what they used counts as this process's.

    Without WNOHANG, wait for all children.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass
