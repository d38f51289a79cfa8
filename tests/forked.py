"""Run programs in forks of a Python that has already imported the modules of others that they need.

To start Python and to import what dxpy needs takes a quarter of a second, and the suite calls the real `dx`
many hundred times. A fork differs from a process of its own in nothing else: the program imports dxpy by
itself. Our own commands take as long; nothing in our packages depends on when they are imported, so their
forks have them. Tests whose subject is the start of a program start a process.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests import fork_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECONDS = 60
_PACKAGES = {"dx-app-wizard": "dx_app_wizard", "dx-local": "dx_local"}
_OURS = (
    "dx_app_wizard.cli",
    "dx_app_wizard.commands.create",
    "dx_app_wizard.commands.update",
    "dx_app_wizard.importing.command_import",
    "dx_local.cli.run",
    "dx_local.engine.runs.run",
    "dx_local.engine.session",
    "rich.console",
    "tests.warm_wizard",
)


class ForkServer:
    """A process that forks for each program; fork_server.py is what it runs."""

    def __init__(self, python: Path, modules: Sequence[str], own: Sequence[str] = ()) -> None:
        """`modules` import what the programs need; each program imports the packages `own` itself."""
        self._folder = Path(tempfile.mkdtemp(prefix="forks-"))
        self._address = str(self._folder / "socket")
        self._process = subprocess.Popen(
            [python, fork_server.__file__, self._address, ",".join(modules), *own],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**at_start(os.environ), "LC_ALL": "C.UTF-8", "PATH": os.defpath, "HOME": str(self._folder)},
        )
        atexit.register(self.close)
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End the process, though programs may go on."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._process.wait()
        shutil.rmtree(self._folder)

    def start(
        self,
        argv: Sequence[str | Path],
        env: Mapping[str, str],
        cwd: Path,
        streams: Sequence[int],
        *,
        seconds: int = 0,
        is_session: bool = False,
        is_terminal: bool = False,
    ) -> Fork:
        """Start `-c CODE`, `-m MODULE` or the path of a program, each with arguments.

        `streams` are its standard streams, which are closed here. It begins a session if `is_session`, whose
        terminal they are if `is_terminal`. It is killed after `seconds`, unless 0.
        """
        request = {
            "argv": list(map(str, argv)),
            "variables": dict(env),
            "folder": str(cwd),
            "session": is_session,
            "terminal": is_terminal,
            "seconds": seconds,
        }
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._address)
        socket.send_fds(connection, [b"+"], streams)
        for number in streams:
            os.close(number)
        connection.sendall(json.dumps(request).encode() + b"\n")
        return Fork(connection)

    def run(
        self, argv: Sequence[str | Path], env: Mapping[str, str], cwd: Path, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run like `start`, and return how it ended.

        Its standard streams are pipes as with subprocess.run, or /dev/null for no `stdin`.
        """
        given, taken = os.pipe() if stdin is not None else (os.open(os.devnull, os.O_RDONLY), None)
        (stdout, writer), (stderr, error_writer) = os.pipe(), os.pipe()
        fork = self.start(argv, env, cwd, (given, writer, error_writer), seconds=_SECONDS)
        with ThreadPoolExecutor() as pool:
            printed = [pool.submit(_read, reader) for reader in (stdout, stderr)]
            if taken is not None:
                _write(taken, stdin or "")
            code = fork.wait()
            return subprocess.CompletedProcess(list(argv), code, *(each.result() for each in printed))


class Fork:
    """A program that was started, by its process ID."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("r", encoding="utf-8")
        self.pid = int(self._lines.readline())
        self._code: int | None = None

    def send_signal(self, number: int) -> None:
        """Send a signal to it."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        if self._code is None and select.select([self._connection], [], [], 0)[0]:
            return self.wait()
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code, negative for a signal. Raises TimeoutError."""
        if self._code is None:
            self._connection.settimeout(timeout)
            self._code = int(self._lines.readline())
            self._lines.close()
            self._connection.close()
        return self._code


def _read(number: int) -> str:
    with open(number, encoding="utf-8") as file:
        return file.read()


def _write(number: int, text: str) -> None:
    with suppress(BrokenPipeError), open(number, "w", encoding="utf-8") as file:
        file.write(text)


@functools.cache
def dxpy_forks(python: Path) -> ForkServer:
    """Return the server for `dx` and programs that use dxpy, in a worker environment."""
    return ForkServer(python, ["dxpy.scripts.dx"], ["dxpy"])


def run_dx(
    programs: Path,
    arguments: Sequence[str | Path],
    env: Mapping[str, str],
    cwd: Path,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the `dx` of the worker environment whose programs lie in a folder."""
    return dxpy_forks(programs / "python").run([programs / "dx", *arguments], env, cwd, stdin)


@functools.cache
def our_forks() -> ForkServer:
    """Return the server for our own commands."""
    return ForkServer(Path(sys.executable), _OURS)


def run_ours(
    program: str,
    arguments: Sequence[str | Path],
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `dx-app-wizard` or `dx-local`, with /dev/null for no `stdin`.

    With other variables for the start of Python than this process, it is a process of its own.
    """
    command = ["-m", _PACKAGES[program], *map(str, arguments)]
    if at_start(env) == at_start(os.environ):
        return our_forks().run(command, env, cwd or Path.cwd(), stdin)
    return subprocess.run(
        [sys.executable, *command],
        env=env,
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=_SECONDS,
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
    )


def at_start(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Python reads at its start, which a fork cannot do any more."""
    return {name: value for name, value in variables.items() if name.startswith(("LANG", "LC_", "PYTHON"))}
