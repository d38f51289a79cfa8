"""Start bash jobs without a copy of the zygote: it writes the files of their homes, and bash is its child."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dx_local.worker import job_home
from dx_local.worker.job import INPUT_FILE
from dx_local.worker.process.spawn import PreparedStart, ProgramStart
from dx_local.worker.runners import bash

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable

    from dx_local.worker.job import Job
    from dx_local.worker.job_process import JobStart

_LINK = b"$dnanexus_link"

# In bytes. The zygote starts no other job while it reads an input.
_LARGEST_INPUT = 1 << 20


def prepare(library: ctypes.PyDLL, start: JobStart, home: str) -> Callable[[], int] | None:
    """Write the files of a bash job's home, which is at `home`, and return a function that starts the job.

    It returns like os.fork in the parent, and raises OSError. Returns None if the job has to be forked: see
    `_needs_fork`; or if anything is unusual about it, which is then the forked job's to report.
    """
    job = start.job
    try:
        code = Path(home, os.path.basename(job.code)).read_bytes()  # noqa: PTH119
        if _needs_fork(job, code, f"{home}/{INPUT_FILE}"):
            return None
        messages = io.StringIO()
        with contextlib.redirect_stderr(messages):
            bash.write_variables(job, home, start.variables)
        if messages.getvalue():
            return None
        job_home.write_environment(job, home)
        bash.write_wrapper(job, home, code)
        return PreparedStart(library, _program(start))
    except Exception:  # noqa: BLE001  (of any kind, from dxpy)
        return None


def _needs_fork(job: Job, code: bytes, input_file: str) -> bool:
    """Return whether only a process of Python can become this job.

    - An interactive shell, a job with a debugger, and one that is to be killed first are no plain bash.
    - A limit for each process is set by Python, in job_process.py, and git dependencies are installed there.
    - Layers may contain files of any size for the home.
    - Of files in the input, the names come from the API, which the zygote must not wait for.
    - A large input would keep the zygote from its other jobs.
    - An app that looks for `pcp-dstat` gets such a process, started inside its sandbox.
    """
    settings = job.settings
    if job.is_killed or settings.get("shell") or settings.get("debug_on") or job.process_memory is not None:
        return True
    if job.git_depends:
        return True
    if bash.MONITOR in code or job_home.templates_of(job):
        return True
    with open(input_file, "rb") as file:  # noqa: PTH123
        data = file.read(_LARGEST_INPUT)
    return len(data) == _LARGEST_INPUT or _LINK in data


def _program(start: JobStart) -> ProgramStart:
    stdout, stderr, *cgroups = start.files
    return ProgramStart(
        namespaces=[call.arguments for call in start.entry_calls],
        stdout=stdout,
        stderr=stderr,
        cgroup=cgroups[0] if cgroups else None,
        folder=start.job.home,
        arguments=bash.command(start.job),
        variables=start.variables,
    )
