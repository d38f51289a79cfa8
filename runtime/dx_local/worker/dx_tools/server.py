"""The tool server: runs the official programs `dx` and `dx-*` in forks that need not import their modules.

A client (client.c or client.py) sends the arguments, variables and other state that the program would have
been started with, together with its open files.

    client → server   length in four bytes, then fields that each end in a zero byte: name; umask; number of
                      ignored signals, and these; number of files, and their numbers; number of arguments, and
                      these; environment variables. Later one byte for each signal to pass on
    server → client   + just before the program runs (sent by its own process), = and its wait status in four
                      bytes when it has ended. Without the + nothing was run, and the client runs the program.

If the client dies, the server kills the program.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import selectors
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker import channel, programs
from dx_local.worker.dx_tools import rehearsal
from dx_local.worker.dx_tools.call import ToolCall, become_tool, client_of
from dx_local.worker.dxpy_patches import file_locks, file_transfer
from dx_local.worker.process import linux, usage
from dx_local.worker.process.exits import ExitNotifier, reap_children
from dx_local.worker.process.forks import immortal

if TYPE_CHECKING:
    import ctypes
    import socket
    import types

_REQUEST_SECONDS = 5.0
_PRELOADED = ("dxpy.scripts.dx", "concurrent.futures.thread")

# For example with another version of dxpy. Calls then do the same, and take longer.
_FAILURES_OF_REHEARSALS = (Exception, SystemExit)


def warm_up(library: ctypes.PyDLL | None) -> None:
    """Import the modules of the programs, and rehearse `dx`.

    dxpy.scripts.dx takes its name from the command line. `library` contains immortal.c.
    """
    sys.argv = ["dx"]
    for module in _PRELOADED:
        importlib.import_module(module)
    file_transfer.install_in_dx()
    file_locks.install()
    with contextlib.suppress(*_FAILURES_OF_REHEARSALS):
        rehearsal.rehearse_dx()
    immortal.freeze(library)


class ToolServer:
    """The running programs by process ID, each with the connection to its client and its job."""

    def __init__(self, listener: socket.socket, folder: Path, log_sockets: str, host_prefix: str) -> None:
        """`folder` is that of dxpy's programs.

        `log_sockets` is the prefix of paths of jobs' sockets inside jobs, `host_prefix` on the host.
        """
        self._listener = listener
        self._programs = folder
        self._log_sockets = log_sockets
        self._host_prefix = host_prefix
        self._running: dict[int, tuple[socket.socket, str]] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> NoReturn:
        """Run programs until this process is killed."""
        exits = ExitNotifier()
        self._selector.register(exits, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            ready = [key for key, _ in self._selector.select()]
            for key in ready:
                if key.fileobj is exits:
                    exits.clear()
                    self._reap()
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.data in self._running:
                    self._forward_signals(key.data)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(_REQUEST_SECONDS)
        try:
            self._start(connection)
        except (OSError, ValueError, EOFError, TypeError):
            connection.close()

    def _start(self, connection: socket.socket) -> None:
        received = channel.receive_bytes(connection)
        if received is None:
            raise EOFError
        request, files = received
        # As an open file, because the ID of a client that dies may be reused.
        files.append(client := linux.open_process(client_of(connection)))
        try:
            call = ToolCall.of(request)
            if "/" in call.name:
                raise ValueError(call.name)
            is_for_containers = programs.is_for_containers(call.name)
            if is_for_containers:  # imported here and not in each call
                importlib.import_module("dx_local.worker.containers.preloaded")
            program = str((programs.CONTAINERS if is_for_containers else self._programs) / call.name)
            code = _compiled(program)
            # Otherwise the program would not exist in its own /proc, which is the client's.
            linux.fork_into_pid_namespace_of(client)
            pid = os.fork()
            if pid == 0:
                socket_prefixes = (self._log_sockets, self._host_prefix)
                become_tool(call, program, code, (connection, client, files[:-1]), socket_prefixes)
        finally:
            for file in files:
                os.close(file)
        self._running[pid] = connection, os.fsdecode(call.variables.get(b"DX_JOB_ID", b""))
        self._selector.register(connection, selectors.EVENT_READ, pid)

    def _forward_signals(self, pid: int) -> None:
        connection, _ = self._running[pid]
        try:
            numbers = connection.recv(64)
        except OSError:
            numbers = b""
        # No byte means that the client is gone.
        for number in numbers or (signal.SIGKILL,):
            os.kill(pid, number)
        if not numbers:
            self._selector.unregister(connection)

    def _reap(self) -> None:
        for child in reap_children():
            connection, job_id = self._running.pop(child.pid)
            # Before the client is notified: its end may be that of the job, whose usage is then collected.
            if "/" not in job_id:
                with contextlib.suppress(OSError):
                    usage.record(f"{self._host_prefix}{job_id}", child.usage)
            with contextlib.suppress(KeyError):
                self._selector.unregister(connection)
            with contextlib.suppress(OSError):
                connection.sendall(b"=" + child.status.to_bytes(4, "big"))
            connection.close()


@functools.lru_cache(maxsize=None)  # noqa: UP033  (workers may run Python 3.8)
def _compiled(program: str) -> types.CodeType:
    code = compile(Path(program).read_bytes(), program, "exec", dont_inherit=True)
    with contextlib.suppress(*_FAILURES_OF_REHEARSALS):
        rehearsal.rehearse_helper(program, code)
    return code
