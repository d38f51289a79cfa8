"""The zygote: a process per worker environment that imports dxpy once and starts a process for each job.

    python -I zygote.py FD FOLDER BIN CLIENT ISOLATION JOBS
        FD: the number of the inherited socket to the executor
        FOLDER: the executor's temporary folder
        BIN: the folder of the worker environment's programs
        CLIENT: the compiled client.c; empty if it could not be compiled. With the suffix `.so` it is
                the path of the compiled spawn.c, if there is one
        ISOLATION: `none`, or any other value to run jobs in sandboxes if possible
        JOBS: a folder that sandboxes have to show

    executor → zygote   first {"port": the API's, for jobs without network access, or 0 if there are none},
                        for which the zygote does not wait before it imports dxpy;
                        {"start": Job} with the write ends of the job's stdout and stderr and, if it has a
                        control group, its `cgroup.procs`;
                        {"signal": number, "job": job ID}: to all processes of the job
    zygote → executor   first {"no_sandbox_reason": null, or the reason why jobs run without a sandbox,
                         "no_pid_namespace_reason": null, or the reason why sandboxes have no PID namespaces,
                         "no_network_reason": null, or the reason why all jobs have the host's network,
                         "has_own_network": whether jobs without network access have a network with the API,
                         "cold_tools_reason": null, or the reason why each call of `dx` starts a program,
                         "lacks_library": whether bash jobs are forked because spawn.c could not be loaded},
                        with the socket on which the API is to answer in that network;
                        {"started": job ID, "pid": number}, unless the job is in a PID namespace: that ends
                        with the zygote, and outside it the number is another process's;
                        {"cold_tools_reason": the same, if the tool server ends early};
                        {"exited": job ID, "code": exit code, or minus the number of the signal,
                         "memory": bytes, "cpu_seconds": number, "temporary": bytes in temporary files}

When the executor closes the connection or dies, the zygote kills all processes that it started, removes the
temporary folder and ends. A job's process leads a session of its own; processes that it leaves behind are
killed when it ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import os
import selectors
import socket
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # Make `dx_local.worker` importable, and nothing else from the folder that contains the package: it may be
    # a site-packages folder with other versions of the modules that jobs use.
    _spec = importlib.util.spec_from_file_location("dx_local", Path(__file__).parents[1] / "__init__.py")
    assert _spec is not None
    sys.modules["dx_local"] = importlib.util.module_from_spec(_spec)

from dx_local.worker import channel
from dx_local.worker.channel import EXECUTOR_FOLDER
from dx_local.worker.deferred_imports import deferred_imports
from dx_local.worker.dx_tools.tools import Tools
from dx_local.worker.job import Job
from dx_local.worker.process import linux
from dx_local.worker.process.exits import ExitNotifier
from dx_local.worker.process.forks import immortal
from dx_local.worker.process.native import load_library
from dx_local.worker.process.signals import restore_defaults
from dx_local.worker.process.trees import remove_tree
from dx_local.worker.running_jobs import JobResources, RunningJobs
from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.manager import SandboxManager
from dx_local.worker.sandbox.network import Network
from dx_local.worker.sandbox.trial import SandboxError, check_support

if TYPE_CHECKING:
    import ctypes

# With the value "plain", jobs use neither warm tools nor file transfer by open files.
_TOOLS_VARIABLE = "DX_LOCAL_TOOLS"

# With the value "fork", bash jobs are forked as well.
_START_VARIABLE = "DX_LOCAL_JOB_START"

# The user's home. HOME itself is the executor's folder.
_HOME_VARIABLE = "DX_LOCAL_USER_HOME"

# A further folder to hide from jobs, if there is one.
_PRIVATE_VARIABLE = "DX_LOCAL_PRIVATE"

# The cache of images, if there is one.
_IMAGES_VARIABLE = "DX_LOCAL_IMAGES"

# When it is imported, dxpy chooses the sizes of its buffers depending on whether this is a job.
_PLACEHOLDER_JOB_ID = "job-000000000000000000000000"

_PRELOADED = (
    "dx_local.worker.runners.python",
    "dx_local.worker.runners.bash",
    "dx_local.worker.bash_start",
    "encodings.idna",
    "http.cookies",
)


class Zygote:
    """The connection to the executor, and the jobs that it starts."""

    def __init__(
        self, executor: socket.socket, resources: JobResources, library: ctypes.PyDLL | None
    ) -> None:
        self._executor = executor
        self._library = library
        self._tools = resources.tools
        self._jobs = RunningJobs(resources, self._send)
        self._selector = selectors.DefaultSelector()

    def serve(self) -> None:
        """Start and reap jobs until the executor closes the connection; then kill the rest."""
        exits = ExitNotifier()
        self._selector.register(self._executor, selectors.EVENT_READ)
        self._selector.register(exits, selectors.EVENT_READ)
        if self._tools:
            self._selector.register(self._tools.listener, selectors.EVENT_READ)
        with contextlib.suppress(ConnectionError):
            while True:
                ready = {key.fileobj for key, _ in self._selector.select(self._jobs.select_timeout)}
                if exits in ready:
                    exits.clear()
                    self._jobs.reap()
                if self._tools and self._tools.listener in ready:
                    self._start_tool_server(self._tools)
                if self._executor in ready and not self._handle_message():
                    break
                self._jobs.report_overdue_exits()
        self._jobs.kill_all()

    def _handle_message(self) -> bool:
        """Carry out the executor's next message; return False if it closed the connection."""
        received = channel.receive(self._executor)
        if received is None:
            return False
        message, files = received
        if "start" in message:
            self._jobs.start(Job(**message["start"]), files)
        else:
            self._jobs.signal(message["job"], message["signal"])
        return True

    def _start_tool_server(self, tools: Tools) -> None:
        self._selector.unregister(tools.listener)
        self._jobs.restore_variables()
        try:
            tools.start_server(self._library)
        except OSError as error:
            tools.close()
            self._send({"cold_tools_reason": f"the tool server could not be started: {error}"})

    def _send(self, message: dict[str, Any]) -> None:
        self._executor.sendall(channel.pack(message))


def warm_up(library: ctypes.PyDLL | None, *, has_file_transfer: bool) -> None:
    """Import dxpy and all modules that its first use would import, so that no job has to.

    With `has_file_transfer`, dxpy transfers whole files by passing open files to the platform. `library`
    contains immortal.c.
    """
    os.environ["DX_JOB_ID"] = _PLACEHOLDER_JOB_ID
    os.environ["DX_USER_CONF_DIR"] = os.devnull
    # A collection would touch, and thereby copy, the memory that jobs share with this process.
    gc.disable()
    with deferred_imports():
        for module in _PRELOADED:
            importlib.import_module(module)
    for patch in ("dx_local.worker.dxpy_patches.gtable", "dx_local.worker.dxpy_patches.waiting"):
        importlib.import_module(patch).install()
    if has_file_transfer:
        importlib.import_module("dx_local.worker.dxpy_patches.file_transfer").install()
    immortal.freeze(library)


def prepare_tools(
    folder: Path, name: str, programs: Path, visible_at: str, native_client: Path | None
) -> tuple[Tools | None, str | None]:
    """Return the warm tools, or None and the reason why they are not possible here."""
    tools = Tools(folder, name, programs, visible_at)
    try:
        reason = tools.set_up(native_client)
    except OSError as error:
        reason = str(error)
    return (None, reason) if reason else (tools, None)


def set_up_sandboxes(
    folder: str, name: str, isolation: str, jobs: str, at_end: contextlib.ExitStack
) -> tuple[SandboxManager | None, dict[str, Any]]:
    """Return the sandboxes for jobs, if requested and possible, and the reasons why parts are not possible.

    The caller may go on in a child of this process; see SandboxManager. `at_end` gets the callback that
    cleans up.
    """
    no_sandbox_reason, no_pid_namespace_reason, sandboxes = None, None, None
    names = (_HOME_VARIABLE, _PRIVATE_VARIABLE, _IMAGES_VARIABLE)
    home, private, images = (os.environ.pop(name, "") for name in names)
    if isolation == "none":
        no_sandbox_reason = "it was turned off"
    else:
        try:
            no_pid_namespace_reason = check_support(folder, jobs)
            has_pids = no_pid_namespace_reason is None
            sandboxes = SandboxManager(
                folder, name, (home, private), images=images, has_pid_namespace=has_pids
            )
            # Its mounts in the executor's folder must be gone before that is removed.
            at_end.callback(sandboxes.close)
        except (SandboxError, OSError) as error:
            no_sandbox_reason = str(error)
    return sandboxes, {
        "no_sandbox_reason": no_sandbox_reason,
        "no_pid_namespace_reason": no_pid_namespace_reason,
    }


def set_up_network(
    port: int, executor: socket.socket, reasons: dict[str, Any], *, has_sandboxes: bool
) -> Network | None:
    """Return the network without internet for jobs, if requested and possible; it requires sandboxes.

    Reports to the executor what is possible, with the reasons why other parts are not.
    """
    network, no_network_reason = None, None
    if has_sandboxes and port:
        try:
            network = Network(port)
        except OSError as error:
            no_network_reason = mounts.explain_refusal(error)
    capabilities = {
        **reasons,
        "no_network_reason": no_network_reason,
        "has_own_network": network is not None,
    }
    _report_capabilities(executor, capabilities, [network.listener] if network else [])
    return network


def _report_capabilities(executor: socket.socket, capabilities: dict[str, Any], listeners: list[int]) -> None:
    channel.send(executor, capabilities, listeners)
    for listener in listeners:
        os.close(listener)


def main() -> None:
    """Serve the executor on the socket whose number is the first argument, and clean up after it."""
    executor = socket.socket(fileno=int(sys.argv[1]))
    executor.set_inheritable(False)
    # An executor that was killed cannot remove its folder itself.
    with contextlib.suppress(ConnectionError), contextlib.ExitStack() as at_end:
        at_end.callback(remove_tree, sys.argv[2], ignore_errors=True)
        _serve(executor, at_end)


def _serve(executor: socket.socket, at_end: contextlib.ExitStack) -> None:
    folder, programs, client, isolation, jobs = sys.argv[2:]
    restore_defaults()
    is_plain = os.environ.pop(_TOOLS_VARIABLE, None) == "plain"
    forks_all = os.environ.pop(_START_VARIABLE, None) == "fork"
    name = str(os.getpid())  # no other zygote of this executor has it
    sandboxes, reasons = set_up_sandboxes(folder, name, isolation, jobs, at_end)
    linux.adopt_orphans()
    visible_at = EXECUTOR_FOLDER if sandboxes else folder
    native_client = Path(client) if client else None
    tools = None
    if not is_plain:
        tools, reasons["cold_tools_reason"] = prepare_tools(
            Path(folder), name, Path(programs), visible_at, native_client
        )
    library = load_library(native_client.with_suffix(".so")) if native_client else None
    spawn_library = None if forks_all else library
    reasons["lacks_library"] = native_client is not None and library is None
    variables = dict(os.environ)  # without those that are set for the import of dxpy
    warm_up(library, has_file_transfer=not is_plain)
    first = channel.receive(executor)
    if first is None:
        return
    network = set_up_network(first[0]["port"], executor, reasons, has_sandboxes=sandboxes is not None)
    resources = JobResources(tools, sandboxes, network, spawn_library, variables)
    Zygote(executor, resources, library).serve()


if __name__ == "__main__":
    _status = 1
    try:
        main()
        _status = 0
    except BaseException:  # noqa: BLE001  (Python's own end would print it as well)
        traceback.print_exc()
    finally:
        # Without the end of Python, which removes objects, even immortal ones, and takes its time.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status)
