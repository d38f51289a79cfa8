"""The zygote's side of sandboxes: its own namespaces, and a sandbox for each job.

The zygote enters one user namespace, in which it is root over its own user's files only, and becomes the
first process of a PID namespace which that one owns. Without it the zygote could not fork jobs: a process
that enters a PID namespace for its children may return only to one that its user namespace owns. Each job
gets a sandbox of its own from the pool (pool.py), in a user namespace below.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from dx_local.worker.channel import CHANGES, EXECUTOR_FOLDER, IMAGES
from dx_local.worker.process import linux
from dx_local.worker.programs import IMAGE
from dx_local.worker.sandbox import host_folders, mounts, user_namespace
from dx_local.worker.sandbox.host_folders import HOME, SANDBOXES, TMP_FOLDERS, is_below
from dx_local.worker.sandbox.mount_plan import SandboxSpec
from dx_local.worker.sandbox.pool import SandboxPool
from dx_local.worker.sandbox.tmp_folders import subfolders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.worker.job import Job
    from dx_local.worker.sandbox.sandbox import Sandbox


class SandboxManager:
    """The namespaces of this process, and the pool of sandboxes for its jobs."""

    def __init__(
        self,
        folder: str,
        name: str,
        private: tuple[str, ...] = (),
        *,
        images: str = "",
        has_pid_namespace: bool,
    ) -> None:
        """Enter the namespaces. `folder` is the executor's; `close` lets it be removed.

        `name` is that of a new folder inside it, `private` are folders to hide from jobs (relative paths are
        ignored), and `images` is the folder that jobs find as channel.IMAGES, if any. With
        `has_pid_namespace`, the caller goes on in a child, the first process of a PID namespace, while this
        process waits for it to end. Raises OSError if the system does not permit it, which leaves this
        process unusable.
        """
        self.has_pid_namespace = has_pid_namespace
        self._executor_folder = os.path.realpath(folder)
        self._folder = f"{self._executor_folder}/{SANDBOXES}/{name}"
        self._base = f"{self._folder}/base"
        hidden = (user_namespace.own_home(), *private)
        os.makedirs(os.path.dirname(self._folder), 0o700, exist_ok=True)
        for path in (self._folder, f"{self._folder}/assembly", self._base):
            os.mkdir(path, 0o700)
        for path in (IMAGES, CHANGES):
            os.makedirs(f"{self._executor_folder}/{os.path.basename(path)}", exist_ok=True)
        user_namespace.enter(mounts.NEW_MOUNTS | (mounts.NEW_PIDS if has_pid_namespace else 0))
        os.umask(0o022)  # as on workers
        mounts.perform([mounts.make_mounts_private()])
        if has_pid_namespace:
            linux.continue_in_child()
            mounts.perform([mounts.proc("/proc")])
        mounts.perform([mounts.tmpfs(self._base)])
        owns_all = user_namespace.is_root_of_host()
        hidden = (*filter(os.path.isabs, hidden), self._executor_folder)
        self._host = host_folders.prepare(self._base, IMAGE, hidden, owns_all=owns_all)
        self._python_folders = python_folders()
        # As root, tar restores owners, which do not exist in the namespace.
        self._variables = {} if owns_all else {"TAR_OPTIONS": "--no-same-owner"}
        self.pool = SandboxPool(
            self._host, self._folder, self._executor_folder, images, has_pid_namespace=has_pid_namespace
        )

    def take(self, job: Job) -> tuple[Job, Sandbox]:
        """Return a sandbox for a job, and the job as it appears inside. Raises OSError."""
        sockets = f"{EXECUTOR_FOLDER}/{os.path.basename(job.log_sockets)}"
        visible_paths = tuple(self._visible_paths(job))
        links = tuple(self._links(visible_paths))
        spec = SandboxSpec(
            tuple(job.layers),
            visible_paths,
            links,
            environment=sys.prefix,
            shows_changes=job.shows_changes,
        )
        sandbox = self.pool.take(spec, job.home, sockets)
        # For programs that have a process outside access the job's files, such as docker.
        outside = (job.home, *subfolders(sandbox.tmp))
        host_paths = dict(zip((HOME, *TMP_FOLDERS), outside))  # noqa: B905  (workers may run Python 3.8)
        variables = {**self._variables, "DX_LOCAL_HOST_PATHS": json.dumps(host_paths), **job.variables}
        inside = replace(job, home=HOME, log_sockets=sockets, variables=variables, is_sandboxed=True)
        return inside, sandbox

    def close(self) -> None:
        """Let the executor's folder be removed."""
        with contextlib.suppress(OSError):
            mounts.perform([mounts.unmount(self._base)])

    def _visible_paths(self, job: Job) -> list[str]:
        """Return the paths in restricted folders that a job needs, none inside another."""
        # The folder of all jobs, rather than this job's, so that consecutive jobs can use the same sandbox.
        jobs = os.path.dirname(os.path.dirname(job.home))
        wanted = {*self._python_folders, *job.layers, *job.visible_paths, jobs}
        if job.source and os.path.exists(job.source):  # it may have been removed since the run began
            wanted.add(job.source)
        found: list[str] = []
        for path in sorted(map(host_folders.resolve_top_level_link, wanted)):
            if is_below(f"{path}/", self._host.restricted) and not is_below(path, tuple(found)):
                found.append(path)
        return found

    def _links(self, visible_paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """Yield the links on the way to the worker's Python outside `visible_paths`, with their targets."""
        path = sys.executable
        while os.path.islink(path):
            target = os.readlink(path)
            if is_below(path, self._host.restricted) and not is_below(path, (*visible_paths, *TMP_FOLDERS)):
                yield path, target
            path = os.path.normpath(os.path.join(os.path.dirname(path), target))


def python_folders() -> list[str]:
    """Return the folders of Python, dxpy and this package's programs."""
    executable = os.path.dirname(os.path.realpath(sys.executable))
    folders = [sys.prefix, sys.base_prefix, executable, os.path.dirname(IMAGE), *sys.path]
    return [os.path.abspath(folder) for folder in folders if os.path.isdir(folder)]
