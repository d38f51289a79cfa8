"""Start the process of a zygote, which then waits for its first message."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import dx_local.worker

_ZYGOTE_SCRIPT = Path(dx_local.worker.__file__).with_name("zygote.py")
PRIVATE_VARIABLE = "DX_LOCAL_PRIVATE"
"""Environment variable with the path of a folder that sandboxes hide, like homes."""

_KEPT_VARIABLES = ("PATH", "TMPDIR", "DX_LOCAL_TOOLS", "DX_LOCAL_JOB_START", PRIVATE_VARIABLE)


class WorkerPrograms(NamedTuple):
    """The parts of a worker environment from which a zygote starts; each field is that of `Launch`."""

    python: str
    programs: str
    tool_client: str | None


class StartedZygote(NamedTuple):
    """A process, the socket to it, and the log of what it prints itself."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    log: Path

    def kill(self) -> None:
        """Kill a zygote that has no job yet, with the processes in which it tries sandboxes."""
        self.socket.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_zygote(
    programs: WorkerPrograms, log: Path, isolation: str, jobs: str, images: Path | None
) -> StartedZygote:
    """Start a zygote of a worker environment; `log` is a new file in the executor's folder. Raises OSError.

    `isolation` and `jobs` are those of the zygote's command line; `images` is the cache of images for jobs.
    """
    folder = log.parent
    ours, theirs = socket.socketpair()
    try:
        with theirs, log.open("wb") as stderr:
            # -I keeps the user's site-packages and PYTHON* variables out of the zygote; a session of its own
            # keeps Ctrl-C in the terminal from killing jobs before the driver has terminated them in order.
            process = subprocess.Popen(
                [
                    *(programs.python, "-I", "-X", "utf8", _ZYGOTE_SCRIPT),
                    *(str(theirs.fileno()), folder, programs.programs, programs.tool_client or ""),
                    *(isolation, jobs),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                cwd="/",
                env=_host_variables(folder, images),
                start_new_session=True,
            )
    except BaseException:
        ours.close()
        raise
    return StartedZygote(process, ours, log)


def _host_variables(home: Path, images: Path | None) -> dict[str, str]:
    # No variable of the user's that could hold a token, or change the behaviour of Python or dxpy.
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    user_home = {"DX_LOCAL_USER_HOME": os.path.expanduser("~")}  # noqa: PTH111  (fails without any)
    cache = {"DX_LOCAL_IMAGES": str(images)} if images else {}
    # On macOS, a fork may use the system's frameworks only if its first ancestor had this variable.
    forks = {"OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"} if sys.platform == "darwin" else {}
    own = {"HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    return {**kept, **user_home, **cache, **forks, **own}
