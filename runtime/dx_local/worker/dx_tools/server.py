"""The tool server: runs the official programs `dx` and `dx-*` in forks of a process that has imported them.

A client (client.c or client.py) sends what a program would have been started with, its open files beside it.

    client → server   length in four bytes, then fields that end in a zero byte: name, umask, how many signals
                      are ignored, these, how many files, their numbers, how many arguments, these, variables;
                      then one byte for each signal to pass on
    server → client   + when the program is about to run (sent by its own process), = and its wait status in
                      four bytes when it has ended. Without the + nothing was run: the client does it.

When the client is gone, so is the program.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import selectors
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dx_local.worker import channel
from dx_local.worker.dx_tools.call import Call, become, client_of
from dx_local.worker.dxpy_patches import file_transfer
from dx_local.worker.process import linux, usage
from dx_local.worker.process.exits import Deaths, ended

if TYPE_CHECKING:
    import socket
    import types

_REQUEST_SECONDS = 5.0
_NEEDED_BY_TOOLS = ("dxpy.scripts.dx", "concurrent.futures.thread")


def warm_up() -> None:
    """Import what the programs import; dxpy.scripts.dx takes its name from the command line."""
    sys.argv = ["dx"]
    for module in _NEEDED_BY_TOOLS:
        importlib.import_module(module)
    file_transfer.install_in_dx()
    gc.collect()
    gc.freeze()


class ToolServer:
    """The running programs, by process ID, each with the connection to its client and the job it is of."""

    def __init__(self, listener: socket.socket, programs: Path, log_sockets: str, notes: str) -> None:
        """Of paths of a job's sockets `log_sockets` is the beginning as jobs see it, and `notes` as it is."""
        self._listener = listener
        self._programs = programs
        self._log_sockets = log_sockets
        self._notes = notes
        self._running: dict[int, tuple[socket.socket, str]] = {}
        self._selector = selectors.DefaultSelector()

    def serve(self) -> NoReturn:
        """Run programs until this process is killed."""
        deaths = Deaths()
        self._selector.register(deaths, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        while True:
            ready = [key for key, _ in self._selector.select()]
            for key in ready:
                if key.fileobj is deaths:
                    deaths.heard()
                    self._bury()
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.data in self._running:
                    self._hear(key.data)

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
        files.append(client := linux.open_process(client_of(connection)))
        try:
            call = Call.of(request)
            if "/" in call.name:
                raise ValueError(call.name)
            program = str(self._programs / call.name)
            code = _compiled(program)
            # The program would not find itself in the client's /proc otherwise.
            linux.send_children_to(client)
            pid = os.fork()
            if pid == 0:
                beginnings = (self._log_sockets, self._notes)
                become(call, program, code, (connection, client, files[:-1]), beginnings)
        finally:
            for file in files:
                os.close(file)
        self._running[pid] = connection, os.fsdecode(call.variables.get(b"DX_JOB_ID", b""))
        self._selector.register(connection, selectors.EVENT_READ, pid)

    def _hear(self, pid: int) -> None:
        connection, _ = self._running[pid]
        try:
            numbers = connection.recv(64)
        except OSError:
            numbers = b""
        for number in numbers or (signal.SIGKILL,):
            os.kill(pid, number)
        if not numbers:
            self._selector.unregister(connection)

    def _bury(self) -> None:
        for death in ended():
            connection, job_id = self._running.pop(death.pid)
            # Before the client hears of the end, which may be that of the job as well.
            if "/" not in job_id:
                with contextlib.suppress(OSError):
                    usage.note(f"{self._notes}{job_id}", death.usage)
            with contextlib.suppress(KeyError):
                self._selector.unregister(connection)
            with contextlib.suppress(OSError):
                connection.sendall(b"=" + death.status.to_bytes(4, "big"))
            connection.close()


@functools.lru_cache(maxsize=None)  # noqa: UP033  (workers may run Python 3.8)
def _compiled(program: str) -> types.CodeType:
    return compile(Path(program).read_bytes(), program, "exec", dont_inherit=True)
