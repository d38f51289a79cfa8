"""The process of a job, from the fork by the zygote until the job's own program runs."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dx_local.worker.job import detach_from_zygote
from dx_local.worker.job_home import enter_home
from dx_local.worker.process import memory_limit
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from dx_local.worker.job import Job
    from dx_local.worker.process.forks.fork_variables import ForkVariables
    from dx_local.worker.sandbox.mounts import Syscall


class JobStart(NamedTuple):
    """Everything that a forked process needs to become a job, prepared before the fork."""

    job: Job
    entry_calls: list[Syscall]
    """The calls by which it enters its network and its sandbox, from `mounts.enter_namespace`."""
    variables: dict[str, str]
    fork_variables: ForkVariables
    """Sets the variables in a fork."""
    files: list[int]
    """Its stdout and stderr, and the `cgroup.procs` of its control group if it has one."""


def become_job(start: JobStart) -> NoReturn:
    """Turn this freshly forked process into the job; never return to the zygote's code.

    The control group is joined before any code of the job runs. Most bash jobs start without a fork, by
    bash_start.py and process/spawn.c, which do the same; a change in one belongs in the other.
    """
    stderr = start.files[1]
    try:
        gc.enable()
        mounts.perform(start.entry_calls)
        detach_from_zygote(*start.files)
        stderr = 2
        memory_limit.limit_each_process(start.job.process_memory)
        start.fork_variables.become(start.variables)
        enter_home(start.job)
        if start.job.is_killed:
            os.kill(os.getpid(), signal.SIGKILL)
        if start.job.git_depends and not start.job.settings.get("shell"):
            from dx_local.worker import git_depends  # few jobs have any

            git_depends.install(start.job)
        from dx_local.worker.runners import bash, python

        if start.job.settings.get("shell"):
            from dx_local.worker.runners import shell  # no job of a run is one

            shell.run(start.job)
        if start.job.interpreter == "bash":
            bash.run(start.job)
        python.run(start.job)
    except OSError as error:
        os.write(stderr, start_failure(error))
    except BaseException:  # noqa: BLE001  (after any error: this must not become a second zygote)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def start_failure(error: OSError) -> bytes:
    """Return the line of a job's log for an error that occurred before its program ran."""
    return f"The job's process could not be started: {error}\n".encode("utf-8", "backslashreplace")


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the process group that `pid` leads, or to `pid` alone if it has no group yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def exit_code(status: int) -> int:
    """Return the exit code in a wait status, or minus the number of the signal that ended the process."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
