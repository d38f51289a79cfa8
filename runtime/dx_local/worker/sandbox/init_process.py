"""The first process of a sandbox, made together with the user, mount and PID namespaces that jobs enter.

A PID namespace needs a first process: the kernel makes it the parent of all orphans in there, and kills the
whole namespace when it ends. So it reaps the processes that a job leaves behind, and one signal to it ends
all of them, however they hide.

Jobs are in a user namespace below the zygote's. Therefore the kernel locks the mounts that jobs find, and
keeps jobs from inspecting the zygote and the other processes of this machine, although all have the same
user.
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

    from dx_local.worker.sandbox.mounts import Syscall
    from dx_local.worker.sandbox.user_namespace import IdMaps

_READY = b"+"
_LONGEST_REPORT = 4096
_END_SIGNAL = signal.SIGTERM
_AWAITED_SIGNALS = (signal.SIGCHLD, _END_SIGNAL)
# Less than the zygote waits for the rest of a job.
_FILTER_SECONDS = 2.8
_SENDER_OUTSIDE = 0  # the sender of a signal, if it is in no PID namespace that the receiver can see
# In /proc/PID/stat, counted after the name: page faults of children that were waited for. Source: proc(5).
_FAULTS_OF_CHILDREN = 8


class SandboxInit:
    """The first process, with its namespaces as open files; without a PID namespace, only these files."""

    def __init__(
        self, proc: int, maps: IdMaps, calls_inside: Sequence[Syscall], *, has_pid_namespace: bool
    ) -> None:
        """Fork it; it starts with the mounts of this process's mount namespace. Raises OSError.

        `proc` is the open folder /proc, `maps` are those of the new user namespace, and `calls_inside` are
        the calls that it makes in the namespaces.
        """
        kinds = mounts.NEW_USER | mounts.NEW_MOUNTS | (mounts.NEW_PIDS if has_pid_namespace else 0)
        self._files: list[int] = []
        # The child waits for permission, because its user namespace has no users before the maps are written,
        # and reports once it is ready, because no job may enter before.
        permit_reader, permit_writer = os.pipe()
        report_reader, report_writer = os.pipe()
        self.pid = mounts.fork_into(kinds)
        """Its process ID, or 0 once it has ended and was waited for."""
        if self.pid == 0:
            os.close(permit_writer)
            _run_init(permit_reader, report_writer, calls_inside, is_first=has_pid_namespace)
        os.close(permit_reader)
        os.close(report_writer)
        try:
            # Before it hides its memory, which hides its namespaces as well.
            self._open_namespaces(proc, has_pid_namespace=has_pid_namespace)
            maps.write(proc, self.pid)
            os.write(permit_writer, _READY)
            _check(os.read(report_reader, _LONGEST_REPORT))
        except OSError:
            self.kill()
            self.close()
            raise
        finally:
            os.close(permit_writer)
            os.close(report_reader)
        if not has_pid_namespace:
            os.waitpid(self.pid, 0)
            self.pid = 0

    def _open_namespaces(self, proc: int, *, has_pid_namespace: bool) -> None:
        def open_file(path: str) -> int:
            self._files.append(os.open(f"{self.pid}/{path}", os.O_RDONLY, dir_fd=proc))
            return self._files[-1]

        self.user, self.mounts = open_file("ns/user"), open_file("ns/mnt")
        if has_pid_namespace:
            self.pids = open_file("ns/pid")
            self._stat = open_file("stat")
            self._children = open_file(f"task/{self.pid}/children")

    def has_no_orphans(self) -> bool:
        """Return whether no process ever outlived its parent; False if that is unknown.

        Orphans become children of this process. It has none now if the kernel lists no children, and had none
        earlier if it never waited for a child, which would have added the child's page faults to its own
        count.
        """
        if not self.pid or os.pread(self._children, 1, 0):
            return False
        fields = os.pread(self._stat, 4096, 0).rpartition(b")")[2].split()
        return int(fields[_FAULTS_OF_CHILDREN]) == 0

    def end(self) -> None:
        """Have it kill the rest of its PID namespace, reap it, which counts the usage as its own, and end.

        Filters such as `exec > >(tee log)` get a moment to pass on the last output of the job.
        """
        self._signal(_END_SIGNAL)

    def kill(self) -> None:
        """End it and its whole PID namespace at once."""
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
            errno.EPERM, report.decode("utf-8", "replace") or "the first process of a sandbox ended early"
        )


def _run_init(
    permit_reader: int, report_writer: int, calls_inside: Sequence[Syscall], *, is_first: bool
) -> NoReturn:
    """Be the first process, which starts as a copy of the zygote."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1, warn_on_full_buffer=False)
        # The kernel drops signals from inside a PID namespace to its first process unless there is a handler,
        # and the zygote's handlers were copied along.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED_SIGNALS)
        if not os.read(permit_reader, 1):
            os._exit(1)
        try:
            mounts.perform(calls_inside)
        except OSError as error:
            os.write(report_writer, str(error).encode("utf-8", "replace")[:_LONGEST_REPORT])
            os._exit(1)
        linux.hide_memory()
        os.write(report_writer, _READY)
        os.closerange(0, 1024)
        while is_first:
            received = signal.sigwaitinfo(_AWAITED_SIGNALS)
            _reap(os.WNOHANG)
            # A job must not end its own sandbox: only the zygote, which is outside, may.
            if received.si_signo == _END_SIGNAL and received.si_pid == _SENDER_OUTSIDE:
                _wait_for_filters()
                os.kill(-1, signal.SIGKILL)
                _reap(0)
                break
    finally:
        os._exit(0)


def _wait_for_filters() -> None:
    """Kill children that cannot read from a pipe; give the others a moment to finish reading."""
    deadline = time.monotonic() + _FILTER_SECONDS
    while children := linux.children():
        filters = [pid for pid in children if linux.reads_pipe(pid)]
        for pid in set(children) - set(filters):
            os.kill(pid, signal.SIGKILL)
        left = deadline - time.monotonic()
        if not filters or left <= 0:
            return
        signal.sigtimedwait([signal.SIGCHLD], left)
        _reap(os.WNOHANG)


def _reap(options: int) -> None:
    """Wait for children that have ended, so that their usage counts as this process's.

    Without WNOHANG, wait for all children.
    """
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass
