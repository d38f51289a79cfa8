"""The process of a job, from the fork by the zygote until it is the job's own program."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import traceback
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dx_local.worker.job import leave_zygote, settle
from dx_local.worker.process import memory_limit
from dx_local.worker.sandbox import mounts

if TYPE_CHECKING:
    from dx_local.worker.job import Job
    from dx_local.worker.sandbox.mounts import Call
    from dx_local.worker.sandbox.network import Network


class Start(NamedTuple):
    """All that a forked process needs to become a job, worked out beforehand."""

    job: Job
    calls: list[Call]
    """What brings it into the job's world."""
    variables: dict[str, str]
    files: list[int]
    """Its stdout and stderr, and the entrance of its control group if it has one."""
    network: Network | None
    """The one that it gets in place of the host's."""


def become(start: Start) -> NoReturn:
    """Turn this freshly forked process into the job; never return to the zygote's code."""
    try:
        gc.enable()
        if start.network:
            start.network.enter()
        mounts.perform(start.calls)
        leave_zygote(*start.files)
        memory_limit.limit_each_process(start.job.process_memory)
        settle(start.job, start.variables)
        from dx_local.worker.runners import bash, python

        if start.job.interpreter == "bash":
            bash.run(start.job)
        python.run(start.job)
    except BaseException:  # noqa: BLE001  (whatever it was, this process must not go on as a second zygote)
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the group that pid leads, or to pid alone if it has not got a group yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def exit_code(status: int) -> int:
    """Return the exit code that a wait status holds, or minus the number of the signal that ended it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
