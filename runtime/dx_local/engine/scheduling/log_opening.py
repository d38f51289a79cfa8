"""The first lines of a job's log, which come from the worker rather than from the job.

`dx watch` and programs that read logs expect them. Progress displays hide them, as they repeat for each job
and contain nothing about the app. Two kinds of lines of real workers are left out: load of the machine
(`CPU: …`), which the jobs here share, and installed packages, because jobs share those instead of installing
them.

Source: logs of DNAnexus jobs from 2018 to 2026 that users have published.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import link_id
from dx_local.platform.execution.job_logs import OPENING_ENDS, OPENING_STARTS, write_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dx_local.engine.faults import Fault
    from dx_local.platform.core.context import JSON


def write_opening(log: Path, job_id: str, run_spec: JSON, dxpy_version: str, faults: Sequence[Fault]) -> None:
    """Write the first lines of a job's log, and one for each fault that is injected. Raises OSError."""
    injected = [("WARNING", f"Injected fault: {fault}") for fault in faults]
    lines = [*_lines(job_id, run_spec, dxpy_version), *injected]
    write_log(log, lines, time.time_ns() // 1_000_000)


def _lines(job_id: str, run_spec: JSON, dxpy_version: str) -> Iterator[tuple[str, str]]:
    """Yield the level and text of each line."""
    yield "INFO", OPENING_STARTS
    yield "STDOUT", f"dxpy/{dxpy_version} ({_system()})"
    for entry in run_spec.get("bundledDepends") or ():
        if str(link_id(entry.get("id"))).startswith("file-"):
            name = " ".join(str(entry.get("name")).splitlines())
            yield "INFO", f"Downloading bundled file {name}"
            yield "STDOUT", f">>> Unpacking {name} to /"
    yield "STDOUT", f"{run_spec['interpreter']} {OPENING_ENDS.format(job_id)}"


def _system() -> str:
    """Return the same as `platform.platform()`, which starts a program (`uname -p`) first."""
    if sys.platform != "linux":
        return platform.platform()
    host = os.uname()
    return f"{host.sysname}-{host.release}-{host.machine}-with-{''.join(platform.libc_ver())}"
