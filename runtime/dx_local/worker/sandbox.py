"""The sandbox: jobs in a world of their own that looks like a worker, by user and mount namespaces.

The zygote enters one user namespace, in which it and all its jobs are root of nothing but the user's own
files; each job then gets mounts of its own (worlds.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker import host_view, mounts, user_namespace
from dx_local.worker.host_view import HOME, OURS, PRIVATE, is_below
from dx_local.worker.temporaries import parts
from dx_local.worker.world import Needs
from dx_local.worker.worlds import World, Worlds

if TYPE_CHECKING:
    from dx_local.worker.job import Job

_IMAGE = str(Path(__file__).parent / "image")
_NAME_OF_TRIAL = "job-of-the-trial"


class SandboxError(Exception):
    """Jobs cannot have worlds of their own; the message says why."""


class Sandbox:
    """What this process has, once it has entered namespaces of its own, for the worlds of its jobs."""

    def __init__(self, folder: str) -> None:
        """Enter the namespaces. `folder` is the executor's; what is left there is removed by `close`.

        Raises OSError where the system does not let users do this; the process is of no use then.
        """
        self._executor_folder = os.path.realpath(folder)
        self._folder = f"{self._executor_folder}/sandbox-{os.getpid()}"
        self._base = f"{self._folder}/base"
        self._needed = _needed_by_python()
        own_home = user_namespace.own_home()
        for path in (self._folder, f"{self._folder}/world", self._base):
            os.mkdir(path, 0o700)
        user_namespace.enter()
        os.umask(0o022)  # as on workers
        mounts.perform([mounts.forget_others(), mounts.memory(self._base)])
        owns_all = user_namespace.owns_the_system()
        host = host_view.prepare(self._base, _IMAGE, own_home, owns_all=owns_all)
        # What tar unpacks as root it would give to users that are not there.
        self._variables = {} if owns_all else {"TAR_OPTIONS": "--no-same-owner"}
        self.worlds = Worlds(host, self._folder, self._executor_folder)

    def _shown(self, job: Job) -> list[str]:
        """Return what a job needs of the host's folders for temporary files; nothing twice."""
        folder = os.path.dirname(job.home)
        wanted = {*self._needed, *job.layers, *job.shown, folder, os.path.dirname(folder)}
        if job.source and os.path.exists(job.source):  # it may have been removed since the run began
            wanted.add(job.source)
        found: list[str] = []
        for path in sorted(wanted):
            if is_below(path, PRIVATE) and not is_below(path, tuple(found)):
                found.append(path)
        return found

    def take(self, job: Job) -> tuple[Job, World]:
        """Return a job as it is seen from its world, and that world. Raises OSError."""
        sockets = f"{OURS}/{os.path.basename(job.log_sockets)}"
        needs = Needs(tuple(job.layers), tuple(self._shown(job)), environment=sys.prefix)
        taken = self.worlds.take(needs, job.home, sockets)
        # For programs that have somebody outside look at the job's files, as docker does.
        places = dict(zip((HOME, *PRIVATE), (job.home, *parts(taken.temporary))))  # noqa: B905  (Python 3.8)
        variables = {**self._variables, "DX_LOCAL_HOST_PATHS": json.dumps(places), **job.variables}
        seen = replace(job, home=HOME, log_sockets=sockets, variables=variables, is_sandboxed=True)
        return seen, taken

    def close(self) -> None:
        """Let everything in the executor's folder be removed."""
        with contextlib.suppress(OSError):
            mounts.perform([mounts.unmount(self._base)])


def check(folder: str, jobs: str = "/") -> None:
    """Try a world in a process of its own; `jobs` is where folders of jobs lie. Raises SandboxError.

    The system's word counts for little: some let users make namespaces in which they may do nothing.
    """
    if not mounts.available():
        raise SandboxError("only Linux has the namespaces that this takes")
    for path in (*_needed_by_python(), jobs):
        if is_below(f"{path}/", (HOME,)):
            raise SandboxError(f"{path} could not be seen in {HOME}, which jobs have for themselves")
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, _try(folder).encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as said:
        problem = said.read()
    os.waitpid(pid, 0)
    shutil.rmtree(f"{folder}/sandbox-{pid}", ignore_errors=True)
    if problem != "ok":
        raise SandboxError(problem or "the trial of it ended before its end")


def _try(folder: str) -> str:
    from dx_local.worker.job import Job

    home = f"{folder}/sandbox-{os.getpid()}/home"
    try:
        sandbox = Sandbox(folder)
        os.mkdir(home)
        job = Job(
            job_id=_NAME_OF_TRIAL,
            function="main",
            interpreter="bash",
            home=home,
            source=None,
            variables={},
            tools="",
            layers=(),
            log_sockets=f"{folder}/{_NAME_OF_TRIAL}",
            xtrace=False,
        )
        _, taken = sandbox.take(job)
        mounts.perform(taken.entering())
        for place in (HOME, *PRIVATE, "/usr/local", "/opt", "/etc", "/var/lib"):
            os.makedirs(f"{place}/{_NAME_OF_TRIAL}")
        if not os.access(sys.executable, os.X_OK):
            return f"the worker's Python ({sys.executable}) cannot be seen from there"
    except OSError as error:
        return f"this system does not let its users do it ({error})"
    return "ok"


def _needed_by_python() -> list[str]:
    """Return the folders that Python, dxpy and our own programs lie in."""
    executable = os.path.dirname(os.path.realpath(sys.executable))
    folders = [sys.prefix, sys.base_prefix, executable, os.path.dirname(_IMAGE), *sys.path]
    return [os.path.abspath(folder) for folder in folders if os.path.isdir(folder)]
