"""The process of a container: started as the first one of its own PID namespace, watched, signalled, joined.

The process that calls `docker` forks the container's with one clone3, waits for it and passes signals on. If
it is killed, the kernel kills the container's first process and with that all others.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from dx_local.worker.containers.errors import DockerError
from dx_local.worker.containers.running import users
from dx_local.worker.containers.running.root_folder import enter_root
from dx_local.worker.process import linux
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dx_local.worker.containers.running.state import Container
    from dx_local.worker.process.locks import Lock

CANNOT_START, CANNOT_EXECUTE, NOT_FOUND = 125, 126, 127
"""The exit codes of `docker run` if the process did not start."""

_PASSED_ON = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2
)  # fmt: skip
_LARGEST_REPORT = 65536
_LOWEST_REPORT = 10
_MOST_FILES = 1024


class StartError(DockerError):
    """A container's process could not be started; `exit_code` is that of `docker`."""

    def __init__(self, message: str, exit_code: int = CANNOT_START) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Command(NamedTuple):
    """A program to run in a container."""

    words: tuple[str, ...]
    variables: dict[str, str]
    working_folder: str
    user: str


def start(container: Container, streams: Sequence[int], *, is_attached: bool) -> int:
    """Start the process of a container with these streams; return its ID. Raises StartError.

    If `is_attached`, it ends with this process.
    """
    spec = container.spec

    def enter() -> None:
        enter_root(container.root_folders, spec.mounts)
        with contextlib.suppress(OSError):
            socket.sethostname(spec.hostname)

    command = Command(tuple(spec.command), spec.variables, spec.working_folder, spec.user)
    kinds = mounts.NEW_MOUNTS | mounts.NEW_PIDS | mounts.NEW_HOSTNAME
    return _start(command, streams, enter, kinds, is_attached=is_attached)


def start_inside(container: Container, command: Command, streams: Sequence[int], *, is_attached: bool) -> int:
    """Start a further process in a running container; return its ID. Raises StartError."""
    pid = container.content["pid"]
    try:
        spaces = {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in ("pid", "mnt", "uts")}
    except OSError as error:
        raise StartError(f"container {container.name} is not running", 1) from error
    mounts.perform([mounts.enter_namespace(spaces["pid"], mounts.NEW_PIDS)])

    def enter() -> None:
        mounts.perform(
            [
                mounts.enter_namespace(spaces["uts"], mounts.NEW_HOSTNAME),
                mounts.enter_namespace(spaces["mnt"], mounts.NEW_MOUNTS),
            ]
        )

    return _start(command, streams, enter, 0, is_attached=is_attached)


def _start(
    command: Command, streams: Sequence[int], enter: Callable[[], None], kinds: int, *, is_attached: bool
) -> int:
    reader, writer = os.pipe()  # closed by the kernel when the program begins
    try:
        pid = mounts.fork_into(kinds)
    except OSError as error:
        raise StartError(mounts.explain_refusal(error)) from error
    if pid == 0:
        _become(command, streams, enter, writer, is_attached=is_attached)
    os.close(writer)
    with open(reader, "rb") as report:
        failure = report.read(_LARGEST_REPORT)
    if failure:
        os.waitpid(pid, 0)
        raise StartError(*json.loads(failure))
    return pid


def _become(
    command: Command, streams: Sequence[int], enter: Callable[[], None], report: int, *, is_attached: bool
) -> NoReturn:
    """Turn this freshly forked process into the program; report the failure otherwise."""
    failure: tuple[str, int] = ("the process ended early", CANNOT_START)
    try:
        # Above the numbers of the streams, in case the caller has closed some of them.
        report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, _LOWEST_REPORT)
        if is_attached:
            linux.die_with_parent()
        if not (streams[0] == 0 and os.isatty(0)):
            with contextlib.suppress(OSError):
                os.setsid()
        proc = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        enter()
        user = users.find_user(command.user)
        variables = {"HOME": user.home, **command.variables}
        os.umask(0o022)
        with contextlib.suppress(FileExistsError):
            os.makedirs(command.working_folder, exist_ok=True)
        os.chdir(command.working_folder)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        users.become(user, proc)
        if is_attached:
            linux.die_with_parent()  # once more: the kernel forgets it when the user changes
        for number in (*_PASSED_ON, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.closerange(3, report)
        os.closerange(report + 1, _MOST_FILES)
        _execute(command.words, variables)
    except StartError as error:
        failure = (str(error), error.exit_code)
    except DockerError as error:
        failure = (str(error), CANNOT_START)
    except OSError as error:
        failure = (mounts.explain_refusal(error), CANNOT_START)
    except Exception as error:  # noqa: BLE001  (a bug here must not look like one of the app)
        failure = (f"{type(error).__name__}: {error}", CANNOT_START)
    finally:
        os.write(report, json.dumps(failure).encode()[:_LARGEST_REPORT])
        os._exit(1)


def _execute(words: Sequence[str], variables: dict[str, str]) -> NoReturn:
    """Become the program that the first word names. Raises StartError."""
    program = words[0]
    folders = [""] if "/" in program else variables.get("PATH", os.defpath).split(os.pathsep)
    denied: OSError | None = None
    for folder in folders:
        path = os.path.join(folder or ".", program) if "/" not in program else program
        try:
            os.execve(path, list(words), variables)  # noqa: S606  (the job asks for this program)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                denied = denied or error
    if denied is None:
        kind = "no such file or directory" if "/" in program else "executable file not found in $PATH"
        raise StartError(f'exec: "{program}": {kind}', NOT_FOUND)
    reason = "exec format error" if denied.errno == errno.ENOEXEC else (denied.strerror or "").lower()
    raise StartError(f'exec: "{program}": {reason}', CANNOT_EXECUTE)


def watch(pid: int) -> int:
    """Wait for a process, passing on signals to it; return its exit code as docker does."""

    def pass_on(number: int, _frame: Any) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    for number in _PASSED_ON:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, pass_on)
    _, status = os.waitpid(pid, 0)
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def run(container: Container, streams: Sequence[int]) -> int:
    """Run a container to its end with these streams; return its exit code. Raises StartError."""
    lock = container.lock()
    try:
        pid = start(container, streams, is_attached=True)
        container.record(pid=pid, started=time.time())
        code = watch(pid)
        _end(container, lock, code)
    finally:
        if container.spec.is_removed:
            container.remove()
        lock.release()
    return code


def _end(container: Container, lock: Lock, code: int) -> None:
    """Record the end of a container, also for those that wait for one that is removed then."""
    os.pwrite(lock.file, str(code).encode(), 0)
    if not container.spec.is_removed:
        container.record(pid=None, exit_code=code, finished=time.time())


def run_in_background(container: Container) -> None:
    """Run a container whose output goes to its log; return once it has started. Raises StartError."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        _be_watcher(container, writer)
    os.close(writer)
    with open(reader, "rb") as report:
        failure = json.loads(report.read() or b'["the process ended early", 125]')
    if failure:
        raise StartError(*failure)


def _be_watcher(container: Container, report: int) -> NoReturn:
    """Watch a container in a process of its own, which outlives the command."""
    try:
        os.setsid()
        log = os.open(container.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        lock: Lock | None = None
        try:
            lock = container.lock()
            pid = start(container, (nothing, log, log), is_attached=True)
            container.record(pid=pid, started=time.time(), exit_code=None)
            failure: Any = None
        except StartError as error:
            failure, pid = (str(error), error.exit_code), 0
        except DockerError as error:
            failure, pid = (str(error), CANNOT_START), 0
        for number in range(3):
            os.dup2(nothing, number)
        os.write(report, json.dumps(failure).encode())
        os.close(report)
        if lock and failure is None:
            _end(container, lock, watch(pid))
            if container.spec.is_removed:
                container.remove()
            lock.release()
    finally:
        os._exit(0)


def stop(container: Container, seconds: float, number: int = signal.SIGTERM) -> None:
    """Signal a running container, and kill it if it still runs after some seconds."""
    _signal(container, number)
    deadline = time.monotonic() + seconds
    while container.is_running():
        if time.monotonic() >= deadline:
            _signal(container, signal.SIGKILL)
            container.wait()
            return
        time.sleep(0.01)


def _signal(container: Container, number: int) -> None:
    container.read_again()
    if container.is_running() and container.content.get("pid"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(container.content["pid"], number)


def kill(container: Container, number: int) -> None:
    """Send a signal to a running container. Raises DockerError if it does not run."""
    if not container.is_running():
        raise DockerError(f"container {container.name} is not running")
    _signal(container, number)
