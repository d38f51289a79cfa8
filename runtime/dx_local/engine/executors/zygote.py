"""The executor's side of a zygote: its process, and the socket to it, in the asyncio loop."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import dx_local.worker
from dx_local.worker import channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from dx_local.engine.executors.protocol import Api
    from dx_local.engine.settings import Isolation

_ZYGOTE_SCRIPT = Path(dx_local.worker.__file__).with_name("zygote.py")
_RECEIVE_BYTES = 64 * 1024
_LAST_LINES = 10
_LEAVING_SECONDS = 1.0


@dataclass(frozen=True)
class ZygoteCapabilities:
    """The isolation that a zygote can provide to its jobs."""

    no_sandbox_reason: str | None = None
    """Reason why jobs have no sandbox, or None."""
    no_pid_namespace_reason: str | None = None
    """Reason why sandboxes have no PID namespace, or None."""
    no_network_reason: str | None = None
    """Reason why jobs keep the network of this machine although they should not, or None."""
    has_own_network: bool = False
    """True if jobs without network access have a network of their own, in which only the API answers."""


class WorkerPrograms(NamedTuple):
    """The parts of a worker environment from which a zygote starts; each field is that of `Launch`."""

    python: str
    programs: str
    tool_client: str | None


class ZygoteProcess:
    """One zygote, for jobs with folders in `jobs`; `capabilities` is the content of its first message.

    `images` is the cache of images that jobs find in their sandboxes, if there is one.
    """

    def __init__(  # noqa: PLR0913 - the command line of a zygote
        self,
        programs: WorkerPrograms,
        log: Path,
        jobs: Path,
        isolation: Isolation,
        api: Api | None,
        *,
        images: Path | None,
        on_message: Callable[[dict[str, Any]], None],
        on_gone: Callable[[ZygoteProcess], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.capabilities: asyncio.Future[ZygoteCapabilities] = self._loop.create_future()
        self._log = log
        self._api = api
        self._on_message = on_message
        self._on_gone = on_gone
        self._received = b""
        self._outgoing: deque[tuple[bytes, tuple[int, ...]]] = deque()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with ExitStack() as on_failure, theirs, log.open("wb") as stderr:
            on_failure.callback(self._socket.close)
            # -I keeps the user's site-packages and PYTHON* variables out of the zygote; a session of its own
            # keeps Ctrl-C in the terminal from killing jobs before the driver has terminated them in order.
            self._process = subprocess.Popen(
                [
                    *(programs.python, "-I", "-X", "utf8", _ZYGOTE_SCRIPT),
                    *(str(theirs.fileno()), log.parent, programs.programs, programs.tool_client or ""),
                    *(isolation.value, jobs, str(api.port if api else 0)),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                cwd="/",
                env=_host_variables(log.parent, images),
                start_new_session=True,
            )
            on_failure.pop_all()
        self._loop.add_reader(self._socket, self._receive)

    def send(self, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
        """Send a message and open files, which are closed on this side; do nothing if the zygote is dead."""
        self._outgoing.append((channel.pack(message), files))
        self._flush()

    def hang_up(self) -> None:
        """Make the zygote kill all its jobs and exit; `gone` is done when it has."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def last_words(self) -> str:
        """Return the last lines that the zygote itself printed."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:])

    def _flush(self) -> None:
        while self._outgoing:
            data, files = self._outgoing[0]
            try:
                sent = socket.send_fds(self._socket, [data], files) if files else self._socket.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._flush)
                return
            except OSError:
                sent = len(data)  # the zygote is gone, which `_receive` will notice
            for file in files:
                os.close(file)
            if sent < len(data):
                self._outgoing[0] = (data[sent:], ())
            else:
                self._outgoing.popleft()
        if self._socket.fileno() >= 0:
            self._loop.remove_writer(self._socket)

    def _receive(self) -> None:
        try:
            data, listeners, _, _ = socket.recv_fds(self._socket, _RECEIVE_BYTES, 1)
        except BlockingIOError:
            return
        except ConnectionError:
            data, listeners = b"", []
        for listener in listeners:
            assert self._api is not None
            self._api.answer_at(socket.socket(fileno=listener))
        messages, self._received = channel.unpack(self._received + data)
        for message in messages:
            if "no_sandbox_reason" in message:
                self.capabilities.set_result(ZygoteCapabilities(**message))
            else:
                self._on_message(message)
        if not data:
            self._end()

    def _end(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._flush()
        with suppress(subprocess.TimeoutExpired):
            # The socket closes first; the process needs a moment more to exit by itself.
            self._process.wait(_LEAVING_SECONDS)
        self._process.kill()
        self._process.wait()
        if not self.capabilities.done():
            self.capabilities.set_result(ZygoteCapabilities())
        self._on_gone(self)
        self.gone.set_result(None)


def _host_variables(home: Path, images: Path | None) -> dict[str, str]:
    # No variable of the user's that could hold a token, or change the behaviour of Python or dxpy.
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "DX_LOCAL_TOOLS") if name in os.environ}
    user_home = {"DX_LOCAL_USER_HOME": os.path.expanduser("~")}  # noqa: PTH111  (fails without any)
    cache = {"DX_LOCAL_IMAGES": str(images)} if images else {}
    return {**kept, **user_home, **cache, "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
