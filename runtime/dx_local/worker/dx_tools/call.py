"""One call of an official program: a fork of the tool server takes the place of the client."""

from __future__ import annotations

# The signal module looks up a name for each number, which takes longer than the call itself.
import _signal  # type: ignore[import-not-found,unused-ignore]
import fcntl
import gc
import io
import itertools
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import time
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import dxpy

from dx_local.worker import programs
from dx_local.worker.dxpy_defaults import sitecustomize
from dx_local.worker.dxpy_patches import file_transfer
from dx_local.worker.process import linux, memory_limit
from dx_local.worker.runners import python
from dx_local.worker.runners.locales import WORKERS_LOCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

_CREDENTIALS = "3i"  # process, user and group ID
_LIMITS = tuple(getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_"))
_ALWAYS_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)  # by every Python
_NEVER_IGNORED = (signal.SIGKILL, signal.SIGSTOP)
_CHANGEABLE = tuple(map(int, signal.valid_signals() - {*_NEVER_IGNORED, *_ALWAYS_IGNORED}))


@dataclass(frozen=True)
class ToolCall:
    """The state that a program is started with."""

    name: str
    arguments: list[str]
    variables: dict[bytes, bytes]
    umask: int
    ignored: list[int]
    """The signals that the caller ignores."""
    files: list[int]
    """The numbers of the caller's open files."""

    @classmethod
    def of(cls, request: bytes) -> ToolCall:
        """Return the call in a request; server.py describes the format. Raises ValueError if malformed."""
        fields = iter(request.split(b"\0")[:-1])

        def counted_fields() -> list[bytes]:
            return list(itertools.islice(fields, int(next(fields, b""))))

        return cls(
            name=os.fsdecode(next(fields, b"")),
            umask=int(next(fields, b"")),
            ignored=[int(number) for number in counted_fields()],
            files=[int(number) for number in counted_fields()],
            arguments=[os.fsdecode(argument) for argument in counted_fields()],
            variables=dict(_split(variable) for variable in fields if b"=" in variable),
        )


def _split(variable: bytes) -> tuple[bytes, bytes]:
    name, _, value = variable.partition(b"=")
    return name, value


def client_of(connection: socket.socket) -> int:
    """Return the process ID of a client in this process's PID namespace.

    Raises PermissionError if the client is another user's, or not in this namespace.
    """
    size = struct.calcsize(_CREDENTIALS)
    pid, user, _ = struct.unpack(
        _CREDENTIALS, connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    if user != os.getuid() or pid == 0:
        raise PermissionError(user)
    return int(pid)


def become_tool(
    call: ToolCall,
    program: str,
    code: types.CodeType,
    received: tuple[socket.socket, int, list[int]],
    socket_prefixes: tuple[str, str],
) -> NoReturn:
    """Turn this freshly forked process into the program; never return to the server's code.

    `received` are the connection to the client, its `open_process`, and its current folder and open files.
    `socket_prefixes` are the prefixes of the paths of jobs' sockets, as the jobs see them and on the host.
    The `+` that commits the client to this call is sent only when nothing else can fail: until then, the
    client can still become the program itself.
    """
    connection, process, files = received
    log_sockets, host_prefix = socket_prefixes
    try:
        gc.enable()
        os.setsid()
        linux.die_with_parent()
        memory_limit.join_cgroup(host_prefix + os.fsdecode(call.variables[b"DX_JOB_ID"]))
        # Its ID in this process's PID namespace, which is the job's. The server's is another.
        client = client_of(connection)
        reply = take_over_client(call, client, (connection.fileno(), process, *files))
        sys.argv = [program, *call.arguments]
        sys.path.insert(0, os.path.dirname(program))  # noqa: PTH120
        if not programs.is_for_containers(call.name):  # they do not use dxpy
            configure(call, client, log_sockets)
        os.write(reply, b"+")
        os.close(reply)
        run(program, code)
    finally:
        os._exit(1)


def take_over_client(call: ToolCall, client: int, files: Sequence[int]) -> int:
    """Take over the client's files, namespaces, folder, variables, signals and limits.

    `files` are the connection, the client's `open_process`, its current folder and its files. Returns the new
    number of the connection. Raises OSError or ValueError if something cannot be taken over.
    """
    # First move all files above every number that the client uses, so that none is overwritten.
    above_all = max([2, *call.files, *files]) + 1
    kept = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, above_all) for file in files]
    for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208
        if number not in kept:
            _close(number)
    connection, process, current, *opened = kept
    for file, number in zip(opened, call.files):  # noqa: B905  (workers may run Python 3.8)
        os.dup2(file, number)
        os.close(file)
    for limit in _LIMITS:
        wanted = resource.prlimit(client, limit)
        if wanted != resource.getrlimit(limit):
            resource.setrlimit(limit, wanted)
    os.sched_setaffinity(0, os.sched_getaffinity(client))
    os.nice(os.getpriority(os.PRIO_PROCESS, client) - os.getpriority(os.PRIO_PROCESS, 0))
    linux.join_namespaces_of(process)
    os.close(process)
    os.fchdir(current)
    os.close(current)
    os.environ.clear()
    os.environb.update(call.variables)
    os.umask(call.umask)
    time.tzset()
    tempfile.tempdir = None
    _take_over_signals(call.ignored)
    _reopen_streams()
    return connection


def _close(number: int) -> None:
    try:  # noqa: SIM105  (the listing's own file is closed by now)
        os.close(number)
    except OSError:
        pass


def _take_over_signals(ignored: list[int]) -> None:
    signal.set_wakeup_fd(-1, warn_on_full_buffer=False)
    for number in _CHANGEABLE:
        _signal.signal(number, _signal.SIG_IGN if number in ignored else _signal.SIG_DFL)
    if signal.SIGINT not in ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _reopen_streams() -> None:
    """Replace the standard streams: Python recorded facts about the server's, such as positions in files.

    The server has the locale C.UTF-8, in which Python passes bytes on that are not UTF-8. It does so in no
    other locale.
    """
    is_strict = os.environ.get("LC_ALL") != WORKERS_LOCALE
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        errors = "strict" if is_strict and number < 2 else stream.errors
        file = open(  # noqa: SIM115
            number,
            "r" if number == 0 else "w",
            encoding=stream.encoding,
            errors=errors,
            newline="\n",
            closefd=False,
        )
        file.buffer.raw.name = f"<{name}>"  # type: ignore[attr-defined]
        assert isinstance(file, io.TextIOWrapper)
        file.reconfigure(line_buffering=stream.line_buffering, write_through=stream.write_through)
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def run(program: str, code: types.CodeType) -> NoReturn:
    """Run the program as `__main__` and end as Python would."""
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=program, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)
    except KeyboardInterrupt as error:
        python.print_error(error)
        python.shut_down(0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        status = 1
    except SystemExit as error:
        status = python.exit_code_of(error)
    except BaseException as error:  # noqa: BLE001  (this is the last frame of the program)
        python.print_error(error)
        status = 1
    else:
        status = 0
    os._exit(python.shut_down(status))


def configure(call: ToolCall, client: int, log_sockets: str) -> None:
    """Have dxpy read its configuration again, as if the client had imported it."""
    original = dxpy.config.get_session_conf_dir

    def session_folder(cleanup: bool = False) -> Any:
        # dxpy looks for the session of the shell that called this process, or of one above it. Without any
        # sessions, it need not inspect all these processes.
        sessions = f"{dxpy.config.get_user_conf_dir()}/sessions"
        shell = linux.parent_of(client)
        if shell and not os.path.lexists(sessions):
            return f"{sessions}/{shell}"
        own = os.getpid
        os.getpid = lambda: client
        try:
            return original(cleanup)
        finally:
            os.getpid = own

    dxpy.config.get_session_conf_dir = session_folder
    dxpy.config.__init__()
    sitecustomize.use_server_of_environment()
    dxpy._pool_manager = None  # noqa: SLF001
    prefix = f"{log_sockets}{os.environ['DX_JOB_ID']}"
    file_transfer.set_socket(prefix)
    dxpy.DXLogHandler.__init__.__defaults__ = (f"{prefix}.priority", f"{prefix}.bulk", "DX_APP")
    if call.name == "dx":
        # dxpy.scripts.dx does these two things when it is imported.
        dx: Any = sys.modules["dxpy.scripts.dx"]
        dx.args_list = call.arguments
        os.environ["LESS"] = f"{os.environ['LESS']} -RS" if "LESS" in os.environ else "-RS"
