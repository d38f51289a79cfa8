"""The lines with which a worker begins a job's log, before anything that the job prints.

They are in the log, where `dx watch` and programs that read logs expect them. Displays of a run do not show
them: they repeat for each job and tell nothing about the app. Left out are figures that no job of this
machine has to itself (`CPU: …`), and packages, which jobs share instead of installing them.

Source: logs of DNAnexus jobs from 2018 to 2026 that users have published.
"""

from __future__ import annotations

import platform
import time
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.links import link_id
from dx_local.platform.execution.job_logs import OPENING_ENDS, OPENING_STARTS, write_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.engine.executors import Launch
    from dx_local.platform.core.context import JSON


def write_opening(launch: Launch, run_spec: JSON) -> None:
    """Begin the log of a job that is about to be launched. Raises OSError."""
    write_log(launch.folder.log, list(_lines(launch, run_spec)), time.time_ns() // 1_000_000)


def _lines(launch: Launch, run_spec: JSON) -> Iterator[tuple[str, str]]:
    """Yield level and text of each line."""
    yield "INFO", OPENING_STARTS
    yield "STDOUT", f"dxpy/{launch.environment.dxpy_version} ({platform.platform()})"
    for entry in run_spec.get("bundledDepends") or ():
        if str(link_id(entry.get("id"))).startswith("file-"):
            name = " ".join(str(entry.get("name")).splitlines())
            yield "INFO", f"Downloading bundled file {name}"
            yield "STDOUT", f">>> Unpacking {name} to /"
    yield "STDOUT", f"{launch.interpreter} {OPENING_ENDS.format(launch.job_id)}"
