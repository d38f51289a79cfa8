"""The zygote: one process per worker environment that imports dxpy once and forks a fresh process per job.

    python -I zygote.py FD FOLDER BIN CLIENT ISOLATION JOBS PORT
        FD: the number of the inherited socket on which the executor speaks
        FOLDER: the executor's temporary folder
        BIN: the folder of the worker environment's programs
        CLIENT: client.c, compiled, or nothing where it could not be
        ISOLATION: `none`, or anything else to give jobs worlds of their own if that can be done
        JOBS: where the folders of jobs lie
        PORT: that of the API, for jobs without network; 0 if there are none

    executor → zygote   {"start": Job} with the write ends of the job's stdout and stderr, and, where it has a
                        control group, the file by which that is entered;
                        {"signal": number, "job": job ID}: to all processes of the job
    zygote → executor   first of all {"unsandboxed": null, or why jobs have no worlds of their own,
                         "exposed": null, or why these have no PID namespaces,
                         "unconfined": null, or why all have the host's network though they should not,
                         "has_own_network": whether those without network have one with the API alone},
                        and then the socket at which the API is to answer there;
                        {"started": job ID, "pid": number}, unless the job is in a PID namespace, which
                        does not outlive the zygote, and in which the number means another process
                        {"exited": job ID, "code": exit code, or minus the number of the signal,
                         "memory": bytes, "cpu_seconds": number, "temporary": bytes in temporary files}

When the executor hangs up, or is gone, the zygote kills all that it started, removes the temporary folder and
ends. A job's process is the leader of its own session; what it leaves running is killed when it ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import selectors
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Make `dx_local.worker` importable and nothing else, whatever lies beside the package.
    _spec = importlib.util.spec_from_file_location("dx_local", Path(__file__).parents[1] / "__init__.py")
    assert _spec is not None
    sys.modules["dx_local"] = importlib.util.module_from_spec(_spec)

from dx_local.worker import channel
from dx_local.worker.dx_tools.tools import Tools
from dx_local.worker.job import Job
from dx_local.worker.process import linux
from dx_local.worker.process.exits import Deaths
from dx_local.worker.running_jobs import RunningJobs, Surroundings
from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.host_folders import OURS
from dx_local.worker.sandbox.network import Network
from dx_local.worker.sandbox.sandbox import Sandbox, SandboxError, check

# The variable by which a user does without warm tools and handed over files, when it is "plain".
_TOOLS_VARIABLE = "DX_LOCAL_TOOLS"

# The user's home; HOME is the executor's folder.
_HOME_VARIABLE = "DX_LOCAL_USER_HOME"

# dxpy sizes its buffers when it is imported, by whether there is a job.
_ANY_JOB_ID = "job-000000000000000000000000"

_NEEDED_BY_JOBS = (
    "dx_local.worker.runners.python",
    "dx_local.worker.runners.bash",
    "encodings.idna",
    "http.cookies",
)


class Zygote:
    """The socket to the executor, and the jobs that run at its word."""

    def __init__(self, executor: socket.socket, surroundings: Surroundings) -> None:
        self._executor = executor
        self._tools = surroundings.tools
        self._jobs = RunningJobs(surroundings, self._tell)
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Start and bury jobs until the executor hangs up; then kill what is left."""
        deaths = Deaths()
        self._selector.register(self._executor, selectors.EVENT_READ)
        self._selector.register(deaths, selectors.EVENT_READ)
        if self._tools:
            self._selector.register(self._tools.listener, selectors.EVENT_READ)
        with contextlib.suppress(ConnectionError):
            while True:
                ready = {key.fileobj for key, _ in self._selector.select(self._jobs.patience)}
                if deaths in ready:
                    deaths.heard()
                    self._jobs.bury()
                if self._tools and self._tools.listener in ready:
                    self._serve_tools(self._tools)
                if self._executor in ready and not self._obey():
                    break
                self._jobs.tell_overdue_ends()
        self._jobs.kill_all()

    def _obey(self) -> bool:
        received = channel.receive(self._executor)
        if received is None:
            return False
        message, files = received
        if "start" in message:
            self._jobs.start(Job(**message["start"]), files)
        else:
            self._jobs.signal(message["job"], message["signal"])
        return True

    def _serve_tools(self, tools: Tools) -> None:
        self._selector.unregister(tools.listener)
        try:
            tools.start_server()
        except OSError:
            tools.close()

    def _tell(self, message: dict[str, Any]) -> None:
        self._executor.sendall(channel.pack(message))


def warm_up(*, hands_over: bool) -> None:
    """Import dxpy and all that its first use would import, so that no job has to.

    `hands_over` says whether dxpy passes whole files to the platform rather than their bytes.
    """
    os.environ["DX_JOB_ID"] = _ANY_JOB_ID
    os.environ["DX_USER_CONF_DIR"] = os.devnull
    gc.disable()
    for module in _NEEDED_BY_JOBS:
        importlib.import_module(module)
    for additions in ("dx_local.worker.dxpy_patches.gtable", "dx_local.worker.dxpy_patches.waiting"):
        importlib.import_module(additions).install()
    if hands_over:
        importlib.import_module("dx_local.worker.dxpy_patches.file_transfer").install()
    gc.collect()
    gc.freeze()


def warm_tools(
    folder: Path, name: str, programs: Path, seen_at: str, native_client: Path | None
) -> Tools | None:
    """Return what jobs call programs through, or None where that cannot be."""
    tools = Tools(folder, name, programs, seen_at)
    with contextlib.suppress(OSError):
        if tools.furnish(native_client):
            return tools
    return None


def isolate(  # noqa: PLR0913 - what the command line says, and where to clean up
    folder: str,
    name: str,
    isolation: str,
    jobs: str,
    port: int,
    *,
    executor: socket.socket,
    at_end: contextlib.ExitStack,
) -> tuple[Sandbox | None, Network | None]:
    """Return what gives jobs worlds of their own, and the network of those that ask for none, if asked for.

    Tells the executor what cannot be had, and why. There is no network without a world. It may be a child of
    this process that goes on from here; see Sandbox. `at_end` is given what undoes it.
    """
    sandbox, unsandboxed, exposed = None, None, None
    network, unconfined = None, None
    home = os.environ.pop(_HOME_VARIABLE, "")
    if isolation == "none":
        unsandboxed = "that was asked for"
    else:
        try:
            exposed = check(folder, jobs)
            sandbox = Sandbox(folder, name, home, has_processes=exposed is None)
            at_end.callback(sandbox.close)  # what is mounted in the executor's folder would keep it
        except (SandboxError, OSError) as error:
            unsandboxed = str(error)
    if sandbox and port:
        try:
            network = Network(port)
        except OSError as error:
            unconfined = mounts.refusal(error)
    surroundings = {
        "unsandboxed": unsandboxed,
        "exposed": exposed,
        "unconfined": unconfined,
        "has_own_network": network is not None,
    }
    listeners = [network.listener] if network else []
    channel.send(executor, surroundings, listeners)
    for listener in listeners:
        os.close(listener)
    return sandbox, network


def main() -> None:
    """Serve the executor on the socket whose number is the first argument, and tidy up after it."""
    executor = socket.socket(fileno=int(sys.argv[1]))
    executor.set_inheritable(False)
    # An executor that was killed says no more, and cannot remove its folder itself.
    with contextlib.suppress(ConnectionError), contextlib.ExitStack() as at_end:
        at_end.callback(shutil.rmtree, sys.argv[2], ignore_errors=True)
        _serve(executor, at_end)


def _serve(executor: socket.socket, at_end: contextlib.ExitStack) -> None:
    folder, programs, client, isolation, jobs, port = sys.argv[2:]
    is_plain = os.environ.pop(_TOOLS_VARIABLE, None) == "plain"
    name = str(os.getpid())  # one that no other zygote of this executor has
    sandbox, network = isolate(folder, name, isolation, jobs, int(port), executor=executor, at_end=at_end)
    linux.adopt_orphans()
    seen_at = OURS if sandbox else folder
    native_client = Path(client) if client else None
    tools = None if is_plain else warm_tools(Path(folder), name, Path(programs), seen_at, native_client)
    zygote = Zygote(executor, Surroundings(tools, sandbox, network, dict(os.environ)))
    warm_up(hands_over=not is_plain)
    zygote.serve()


if __name__ == "__main__":
    main()
