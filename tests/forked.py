"""Run programs in forks of a Python that has already imported the modules of others that they need.

To start Python and to import what dxpy needs takes a quarter of a second, and the suite calls the real `dx` many
hundred times. A fork differs from a process of its own in nothing else: the program imports dxpy, or our own
packages, by itself. Tests whose subject is the start of a program, its signals or its terminal start a process.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests import fork_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECONDS = 60


class ForkServer:
    """A process that forks for each program; fork_server.py is what it runs."""

    def __init__(self, python: Path, module: str, *own: str) -> None:
        """`module` imports what the programs need; each program imports the packages `own` anew."""
        self._folder = Path(tempfile.mkdtemp(prefix="forks-"))
        self._address = str(self._folder / "socket")
        self._process = subprocess.Popen(
            [python, fork_server.__file__, self._address, module, *own],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "HOME": str(self._folder)},
        )
        atexit.register(self.close)
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        shutil.rmtree(self._folder)

    def run(
        self, argv: Sequence[str | Path], env: Mapping[str, str], cwd: Path, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run `-c CODE`, `-m MODULE` or the path of a program with arguments, and return how it ended."""
        place = Path(tempfile.mkdtemp(dir=self._folder))
        streams = {name: place / name for name in ("stdin", "stdout", "stderr")}
        for name, path in streams.items():
            path.write_text(stdin if name == "stdin" else "", encoding="utf-8")
        request = {
            "argv": list(map(str, argv)),
            "variables": dict(env),
            "folder": str(cwd),
            "seconds": _SECONDS,
            **{name: str(path) for name, path in streams.items()},
        }
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("r", encoding="utf-8") as file:
                code = int(file.readline())
        printed = [streams[name].read_text(encoding="utf-8") for name in ("stdout", "stderr")]
        shutil.rmtree(place)
        return subprocess.CompletedProcess(list(map(str, argv)), code, *printed)


@functools.cache
def dxpy_forks(python: Path) -> ForkServer:
    """Return the server for `dx` and programs that use dxpy, in a worker environment."""
    return ForkServer(python, "dxpy.scripts.dx", "dxpy")
