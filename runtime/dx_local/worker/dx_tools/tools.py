"""The programs `dx` and `dx-*` as a job finds them: clients of a server that has imported what they need.

Starting Python with dxpy costs a quarter of a second, a fork of a process that has it some milliseconds. So a
folder of clients (client.c, compiled, or else client.py) comes before the programs in a job's PATH,
and the zygote forks the server (tool_server.py) when a client calls for the first time.
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

from dx_local.worker.process import linux

_LONGEST_SHEBANG = 120
_MOST_WAITING_CLIENTS = 128

# Compiling the client at each call would cost more than all else that it does.
_LOADER = """\
import marshal
with open({code!r}, "rb") as file:
    code = marshal.load(file)
exec(code)
"""


# Programs of ours that come before dxpy's of the same name, and end in calling those.
OWN_PROGRAMS = Path(__file__).parents[1] / "bin"


class Tools:
    """The folder of the clients, and the socket at which the server's first client is waited for."""

    def __init__(self, folder: Path, name: str, programs: Path, seen_at: str) -> None:
        """`folder` is the executor's, `programs` that of the programs; jobs find the former at `seen_at`.

        `name` tells the new folder from those of other zygotes.
        """
        self._programs = programs
        self._executor_folder = folder
        self._seen_at = seen_at
        self._folder = folder / f"tools-{name}"
        self.server = 0
        """The server's process ID, or 0 when there is none."""
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def furnish(self, native_client: Path | None) -> bool:
        """Make the folder and listen; return whether this can work here. Raises OSError.

        `native_client` is client.c when compiled. `dx` lets colorama, where there is one, replace the
        standard streams when it is imported, which is too early in a server.
        """
        if sys.platform != "linux" or importlib.util.find_spec("colorama"):
            return False
        self._folder.mkdir(mode=0o700)
        client = self._folder / ".client"
        if native_client:
            shutil.copyfile(native_client, client)
        elif not self._write_client(client):
            return False
        client.chmod(0o700)
        plain = self._folder / ".plain"
        plain.mkdir()
        for program in [self._programs / "dx", *self._programs.glob("dx-*")]:
            if _is_in_python(program):
                os.link(client, self._folder / program.name)
                ours = OWN_PROGRAMS / program.name
                (plain / program.name).symlink_to(ours if ours.exists() else program)
        self.listener.bind(str(self._folder / ".server"))
        self.listener.listen(_MOST_WAITING_CLIENTS)
        return True

    def _write_client(self, client: Path) -> bool:
        """Write client.py as a program; return whether the kernel can start it.

        It takes the first line of a program only so far, and cuts it at blanks.
        """
        shebang = f"#!{sys.executable} -IS\n"
        code = client.with_suffix(".code")
        source = Path(__file__).with_name("client.py")
        code.write_bytes(marshal.dumps(compile(source.read_bytes(), str(source), "exec", dont_inherit=True)))
        loader = _LOADER.format(code=f"{self._seen_at}/{self._folder.name}/{code.name}")
        client.write_text(shebang + loader, encoding="utf-8")
        return len(shebang) <= _LONGEST_SHEBANG and " " not in sys.executable

    def path(self) -> str:
        """Return where jobs find the folder of clients, which comes first in their PATH."""
        return f"{self._seen_at}/{self._folder.name}"

    def close(self) -> None:
        """Without a server, have all clients become the programs themselves, also those that wait."""
        self.listener.close()
        self.server = 0

    def start_server(self) -> None:
        """Fork the server, which then takes what comes in at `listener`. Raises OSError."""
        self.server = os.fork()
        if self.server:
            return
        try:
            linux.die_with_parent()
            from dx_local.worker.dx_tools import server

            server.warm_up()
            server.ToolServer(
                self.listener, self._programs, f"{self._seen_at}/", f"{self._executor_folder}/"
            ).serve()
        except BaseException:  # noqa: BLE001  (whatever it was, this process must not go on as a second zygote)
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)


def _is_in_python(program: Path) -> bool:
    with program.open("rb") as file:
        return file.readline().startswith(f"#!{program.parent}/python".encode())
