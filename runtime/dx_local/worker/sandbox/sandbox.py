"""The sandbox: jobs in a world of their own that looks like a worker, by user, mount and PID namespaces.

The zygote enters one user namespace, in which it is root of nothing but the user's own files, and becomes
the first process of a PID namespace that belongs to it: to fork a job, it enters the job's PID namespace, and
it may return only to one like that. Each job gets mounts and processes of its own (worlds.py), in a user
namespace below.
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

from dx_local.worker.process import linux
from dx_local.worker.sandbox import host_folders, mounts, user_namespace
from dx_local.worker.sandbox.host_folders import HOME, OURS, PRIVATE, SANDBOXES, is_below
from dx_local.worker.sandbox.mount_plan import Needs
from dx_local.worker.sandbox.pool import World, Worlds
from dx_local.worker.sandbox.tmp_folders import parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.worker.job import Job

_IMAGE = str(Path(__file__).parents[1] / "image")
_NAME_OF_TRIAL = "job-of-the-trial"


class SandboxError(Exception):
    """Jobs cannot have worlds of their own; the message says why."""


class Sandbox:
    """What this process has, once it has entered namespaces of its own, for the worlds of its jobs."""

    def __init__(self, folder: str, name: str, home: str = "", *, has_processes: bool) -> None:
        """Enter the namespaces. `folder` is the executor's; what is left there is removed by `close`.

        `name` is that of a new folder in it; `home` is the user's $HOME. With `has_processes` a child returns
        from here, the first process of a PID namespace, and this process waits for its end. Raises OSError if
        the system does not let users do this; the process is of no use then.
        """
        self.has_processes = has_processes
        self._executor_folder = os.path.realpath(folder)
        self._folder = f"{self._executor_folder}/{SANDBOXES}/{name}"
        self._base = f"{self._folder}/base"
        homes = (user_namespace.own_home(), home)
        os.makedirs(os.path.dirname(self._folder), 0o700, exist_ok=True)
        for path in (self._folder, f"{self._folder}/world", self._base):
            os.mkdir(path, 0o700)
        user_namespace.enter(mounts.NEW_MOUNTS | (mounts.NEW_PROCESSES if has_processes else 0))
        os.umask(0o022)  # as on workers
        mounts.perform([mounts.forget_others()])
        if has_processes:
            linux.go_on_in_child()
            mounts.perform([mounts.processes("/proc")])
        mounts.perform([mounts.memory(self._base)])
        owns_all = user_namespace.owns_the_system()
        private = (*filter(os.path.isabs, homes), self._executor_folder)
        self._host = host_folders.prepare(self._base, _IMAGE, private, owns_all=owns_all)
        self._needed = _needed_by_python()
        # What tar unpacks as root it would give to users that are not there.
        self._variables = {} if owns_all else {"TAR_OPTIONS": "--no-same-owner"}
        self.worlds = Worlds(self._host, self._folder, self._executor_folder, has_processes=has_processes)

    def _shown(self, job: Job) -> list[str]:
        """Return what a job needs of concealed folders; nothing twice."""
        # That of all jobs, so that one after the other can have the same world.
        jobs = os.path.dirname(os.path.dirname(job.home))
        wanted = {*self._needed, *job.layers, *job.shown, jobs}
        if job.source and os.path.exists(job.source):  # it may have been removed since the run began
            wanted.add(job.source)
        found: list[str] = []
        for path in sorted(map(host_folders.without_link_at_top, wanted)):
            if is_below(f"{path}/", self._host.concealed) and not is_below(path, tuple(found)):
                found.append(path)
        return found

    def _links(self, shown: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Yield the links that lead to the worker's Python and are not in `shown`, with their targets."""
        path = sys.executable
        while os.path.islink(path):
            target = os.readlink(path)
            if is_below(path, self._host.concealed) and not is_below(path, (*shown, *PRIVATE)):
                yield path, target
            path = os.path.normpath(os.path.join(os.path.dirname(path), target))

    def take(self, job: Job) -> tuple[Job, World]:
        """Return a job as it is seen from its world, and that world. Raises OSError."""
        sockets = f"{OURS}/{os.path.basename(job.log_sockets)}"
        shown = tuple(self._shown(job))
        needs = Needs(tuple(job.layers), shown, tuple(self._links(shown)), environment=sys.prefix)
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


def check(folder: str, jobs: str = "/") -> str | None:
    """Try a world in a process of its own; `jobs` is where folders of jobs lie. Raises SandboxError.

    Returns None, or why worlds cannot have PID namespaces here. The system's word counts for little: some let
    users make namespaces in which they may do nothing.
    """
    if not mounts.available():
        raise SandboxError("only Linux has the namespaces that this takes")
    for path in (*_needed_by_python(), jobs):
        if is_below(f"{path}/", (HOME,)):
            raise SandboxError(f"{path} could not be seen in {HOME}, which jobs have for themselves")
    shared = _trial(folder, has_processes=True)
    if shared is not None and (problem := _trial(folder, has_processes=False)):
        raise SandboxError(problem)
    return shared


def _trial(folder: str, *, has_processes: bool) -> str | None:
    """Return None, or why there can be no world."""
    name = f"trial-{os.getpid()}"
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, _try(folder, name, has_processes=has_processes).encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as said:
        problem = said.read()
    os.waitpid(pid, 0)
    shutil.rmtree(f"{folder}/{SANDBOXES}/{name}", ignore_errors=True)
    return None if problem == "ok" else problem or "the trial of it ended before its end"


def _try(folder: str, name: str, *, has_processes: bool) -> str:
    from dx_local.worker.job import Job

    home = f"{folder}/{SANDBOXES}/{name}/home"
    try:
        sandbox = Sandbox(folder, name, has_processes=has_processes)
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
        return mounts.refusal(error)
    return "ok"


def _needed_by_python() -> list[str]:
    """Return the folders that Python, dxpy and our own programs lie in."""
    executable = os.path.dirname(os.path.realpath(sys.executable))
    folders = [sys.prefix, sys.base_prefix, executable, os.path.dirname(_IMAGE), *sys.path]
    return [os.path.abspath(folder) for folder in folders if os.path.isdir(folder)]
