"""Warm tools: the programs `dx` and `dx-*` as clients of a server that has imported their modules.

To start Python and import dxpy takes a quarter of a second, to fork a process that has done so a few
milliseconds. So a folder of clients precedes the programs in a job's PATH, and the zygote forks the server
(server.py) at the first call. The client is client.c, because even the start of a bare Python takes longer
than the rest of a call; without a compiler it is client.py, which does the same. client.c does plain calls of
dx-jobutil-add-output itself, if the program is one that it was written for (known_programs.py).
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import shutil
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker.dx_tools.known_programs import ADD_OUTPUT, is_known_add_output
from dx_local.worker.dx_tools.launchers import read_launcher, write_launcher
from dx_local.worker.process import linux
from dx_local.worker.programs import CONTAINERS, OWN_PROGRAMS

if TYPE_CHECKING:
    import ctypes

_MOST_WAITING_CLIENTS = 128
_LONGEST_LAUNCHER = 8192  # bytes, with the path of a Python

# To compile the client at each call would take longer than everything else that it does.
_LOADER = """\
import marshal
with open({code!r}, "rb") as file:
    code = marshal.load(file)
exec(code)
"""


class Tools:
    """The folder of clients, and the socket on which their first call arrives."""

    def __init__(self, folder: Path, name: str, programs: Path, visible_at: str) -> None:
        """`folder` is the executor's, which jobs see at `visible_at`; `programs` contains the programs.

        `name` distinguishes the new folder from those of other zygotes.
        """
        self._programs = programs
        self._executor_folder = folder
        self._visible_at = visible_at
        self._folder = folder / f"tools-{name}"
        self.server = 0
        """The server's process ID, or 0 if there is none."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def set_up(self, native_client: Path | None) -> str | None:
        """Make the folder and listen; return None, or the reason why warm tools are not possible here.

        Raises OSError. `native_client` is the compiled client.c. Colorama, if installed, replaces the
        standard streams when `dx` is imported; in a server that is too early, before the streams are those of
        the client.
        """
        if sys.platform != "linux":
            return "only Linux has what they require"
        if importlib.util.find_spec("colorama"):
            return "the worker environment contains colorama, which replaces their standard streams"
        if not _is_python_program(self._programs / "dx"):
            return f"{self._programs / 'dx'} was not installed for the Python beside it"
        self._folder.mkdir(mode=0o700)
        client = self._folder / ".client"
        if native_client:
            shutil.copyfile(native_client, client)
            self._mark_known_programs()
        else:
            self._write_client(client)
        client.chmod(0o700)
        if not os.access(client, os.X_OK):
            return f"programs cannot be started in {self._executor_folder.parent} (mounted noexec)"
        plain = self._folder / ".plain"
        plain.mkdir()
        targets = {
            program.name: ours if (ours := OWN_PROGRAMS / program.name).exists() else program
            for program in [self._programs / "dx", *self._programs.glob("dx-*")]
            if _is_python_program(program)
        }
        targets.update({program.name: program for program in CONTAINERS.iterdir()})
        for name, target in targets.items():
            # Not symbolic links, because the client derives its folder and name from its own path.
            link_or_copy(client, self._folder / name)
            (plain / name).symlink_to(target)
        self.listener.bind(str(self._folder / ".server"))
        self.listener.listen(_MOST_WAITING_CLIENTS)
        return None

    def _mark_known_programs(self) -> None:
        """Make a file for each program whose plain calls the compiled client does itself."""
        known = self._folder / ".known"
        known.mkdir()
        if is_known_add_output(self._programs):
            (known / ADD_OUTPUT).touch()

    def _write_client(self, client: Path) -> None:
        """Write client.py as a program."""
        code = client.with_suffix(".code")
        source = Path(__file__).with_name("client.py")
        code.write_bytes(marshal.dumps(compile(source.read_bytes(), str(source), "exec", dont_inherit=True)))
        loader = _LOADER.format(code=f"{self._visible_at}/{self._folder.name}/{code.name}")
        client.write_text(write_launcher(sys.executable, "-IS") + loader, encoding="utf-8")

    def path(self) -> str:
        """Return the path at which jobs see the folder of clients, which is first in their PATH."""
        return f"{self._visible_at}/{self._folder.name}"

    def close(self) -> None:
        """Have all clients, including those that wait, become the programs themselves: there is no server."""
        self.listener.close()
        self.server = 0

    def start_server(self, library: ctypes.PyDLL | None) -> None:
        """Fork the server, which then accepts connections at `listener`. Raises OSError.

        `library` contains immortal.c.
        """
        self.server = os.fork()
        if self.server:
            return
        try:
            linux.die_with_parent()
            from dx_local.worker.dx_tools import server

            server.warm_up(library)
            server.ToolServer(
                self.listener, self._programs, f"{self._visible_at}/", f"{self._executor_folder}/"
            ).serve()
        except BaseException:  # noqa: BLE001  (after any error: this must not become a second zygote)
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)


def link_or_copy(file: Path, copy: Path) -> None:
    """Make a hard link or, on a file system that has none, a copy. Raises OSError."""
    try:
        os.link(file, copy)
    except OSError:
        shutil.copy(file, copy)


def _is_python_program(program: Path) -> bool:
    """Return whether a program runs under the Python of its own folder."""
    with program.open("rb") as file:
        launcher = read_launcher(file.read(_LONGEST_LAUNCHER))
    if launcher is None:
        return False
    folder, _, name = launcher.python.rpartition("/")
    return name.startswith("python") and (
        folder == str(program.parent) or os.path.realpath(folder) == os.path.realpath(program.parent)
    )
