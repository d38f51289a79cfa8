"""A trial sandbox, which finds out whether this machine supports sandboxes.

The system's settings are no reliable sign: some systems let users make namespaces in which they may do
nothing.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from dx_local.worker.sandbox import mounts, user_namespace
from dx_local.worker.sandbox.host_folders import HOME, SANDBOXES, TMP_FOLDERS, is_below
from dx_local.worker.sandbox.manager import SandboxManager, python_folders

if TYPE_CHECKING:
    from collections.abc import Callable

_TRIAL_JOB_ID = "job-of-the-trial"
_TRIAL_PORT = 1024


class SandboxError(Exception):
    """This machine does not support sandboxes; the message is the reason."""


def check_support(folder: str, jobs: str = "/") -> str | None:
    """Try a sandbox in a separate process; `jobs` is the folder that contains those of jobs.

    Returns None, or the reason why sandboxes cannot have PID namespaces here. Raises SandboxError if there
    can be no sandbox at all.
    """
    if not mounts.is_supported():
        raise SandboxError("only Linux has the namespaces that sandboxes require")
    for path in (*python_folders(), jobs):
        if is_below(f"{path}/", (HOME,)):
            raise SandboxError(f"{path} would be hidden, because each job has its own {HOME}")
    shared = _trial(folder, has_pid_namespace=True)
    if shared is not None and (problem := _trial(folder, has_pid_namespace=False)):
        raise SandboxError(problem)
    return shared


def check_network() -> str | None:
    """Return None, or the reason why jobs cannot have a network that contains only the API."""
    if not mounts.is_supported():
        return "only Linux has the namespaces that this requires"
    return _in_fork(_try_network)


def _trial(folder: str, *, has_pid_namespace: bool) -> str | None:
    """Return None, or the reason why there can be no such sandbox."""
    name = f"trial-{os.getpid()}"
    problem = _in_fork(lambda: _try(folder, name, has_pid_namespace=has_pid_namespace))
    shutil.rmtree(f"{folder}/{SANDBOXES}/{name}", ignore_errors=True)
    return problem


def _in_fork(trial: Callable[[], str]) -> str | None:
    """Return None if a trial in a process of its own returns `ok`, or else the problem that it returns."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, trial().encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as report:
        problem = report.read()
    os.waitpid(pid, 0)
    return None if problem == "ok" else problem or "the trial sandbox ended early"


def _try(folder: str, name: str, *, has_pid_namespace: bool) -> str:
    from dx_local.worker.job import Job

    home = f"{folder}/{SANDBOXES}/{name}/home"
    try:
        manager = SandboxManager(folder, name, has_pid_namespace=has_pid_namespace)
        os.mkdir(home)
        job = Job(
            job_id=_TRIAL_JOB_ID,
            function="main",
            interpreter="bash",
            home=home,
            source=None,
            variables={},
            tools="",
            layers=(),
            log_sockets=f"{folder}/{_TRIAL_JOB_ID}",
            settings={},
        )
        _, sandbox = manager.take(job)
        mounts.perform(sandbox.entry_calls())
        for path in (HOME, *TMP_FOLDERS, "/usr/local", "/opt", "/etc", "/var/lib"):
            os.makedirs(f"{path}/{_TRIAL_JOB_ID}")
        if not os.access(sys.executable, os.X_OK):
            return f"the worker's Python ({sys.executable}) is not visible in a sandbox"
    except OSError as error:
        return mounts.explain_refusal(error)
    return "ok"


def _try_network() -> str:
    from dx_local.worker.sandbox.network import Network

    try:
        user_namespace.enter(mounts.NEW_MOUNTS)
        Network(_TRIAL_PORT)
    except OSError as error:
        return mounts.explain_refusal(error)
    return "ok"
