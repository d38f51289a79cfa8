"""Detect jobs that ran out of memory or disk, and explain the failure to the user.

On the platform, the reason of such a failure is AppInsufficientResourceError if the app's own message reports
the shortage or the worker has noticed it; in the latter case the message ends with a warning.
Sources: https://documentation.dnanexus.com/developer/apps/error-information, and for the warnings the
failures of real jobs that users have published.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import find_instance_type, instance_types
from dx_local.platform.core.full_disk import is_full
from dx_local.platform.core.states import Failure
from dx_local.sizes import size_text

if TYPE_CHECKING:
    from dx_app_wizard.dxapp.instances import InstanceType
    from dx_local.engine.executors.protocol import JobExit
    from dx_local.platform.core.schema import JobWorker
    from dx_local.worker.process.oom_kills import OutOfMemoryKills

REASON = "AppInsufficientResourceError"

_OF_THE_APP = ("AppError", "AppInternalError")
_OUT_OF_MEMORY = re.compile(
    r"MemoryError|bad_alloc|OutOfMemory|ENOMEM"
    r"|\bout of memory|memory exhausted|(?:insufficient|not enough) memory"
    r"|(?:cannot|can't|could not|couldn't|unable to|failed to) (?:re)?allocate (?:\S+ ){0,4}?(?:memory|\d)",
    re.IGNORECASE,
)
_OUT_OF_DISK = re.compile(r"no space left on device|disk quota exceeded|ENOSPC", re.IGNORECASE)
_MEMORY_WARNING = " Warning: Out of memory error occurred during this job."
_DISK_WARNING = " Warning: Low disk space during this job."
_MACHINE_IS_FULL = (
    "This machine ran out of memory, and its kernel killed a process. Run fewer jobs at once"
    " (--max-parallel), or use a machine with more memory."
)
_NODE_IS_FULL = (
    "Node {} ran out of memory, or of the memory that its scheduler grants, and its kernel killed a process."
    " Request nodes with more memory (memory_per_node in [executor]), or have fewer jobs on each"
    " (--sizes instance)."
)
_FOLDER_OPTIONS = "dx-local run --workspace-path, dx-local serve --state"
_SIGKILL = 9
_KILLED = (-_SIGKILL, 128 + _SIGKILL)


def failure_of(
    job: JobWorker, end: JobExit, failure: Failure, kills: OutOfMemoryKills, *, disk_is_full: bool = False
) -> Failure:
    """Return the failure of a job, with another reason and an explanation if memory or disk ran out.

    `kills` are those of this machine, and count unless the job ran on a node.
    """
    text = failure.message
    if failure.reason not in _OF_THE_APP:
        return failure
    limit = end.memory_limit
    if end.killed_for_memory and limit:
        message = (
            f"{text}{_MEMORY_WARNING}\n"
            f"The job needs more memory than its limit of {size_text(limit)}. {_hint(job, limit)}"
        )
    elif limit and _OUT_OF_MEMORY.search(text):
        held = f"; its largest process held {size_text(end.usage.memory)}" if end.usage else ""
        message = f"{text}\nThe job's memory limit is {size_text(limit)}{held}. {_hint(job, limit)}"
    elif disk_is_full or _OUT_OF_DISK.search(text):
        message = f"{text}{_DISK_WARNING}"
    elif _OUT_OF_MEMORY.search(text):
        message = text
    elif (end.exit_code in _KILLED or "SIGKILL" in text) and (
        end.memory_ran_out if end.node else kills.happened()
    ):
        advice = _NODE_IS_FULL.format(end.node) if end.node else _MACHINE_IS_FULL
        message = f"{text}{_MEMORY_WARNING}\n{advice}"
    else:
        return failure
    return Failure(REASON, message)


def explain_full_disk(failure: Failure, folder: Path) -> Failure:
    """Return a failure, with a new reason and a hint if a full disk caused it.

    `folder` is that of the platform.
    """
    text = failure.message
    is_output_lost = failure.reason == "OutputError" and is_full(folder)
    if not (is_output_lost or _DISK_WARNING in text or _OUT_OF_DISK.search(text)):
        return failure
    choices = {folder: _FOLDER_OPTIONS, Path(tempfile.gettempdir()): "TMPDIR"}
    for full, choice in choices.items():
        if is_full(full):
            hint = f"Free some space, or choose a folder on another disk ({choice})."
            return Failure(REASON, f"{text}\nThe disk of {str(full)!r} is full. {hint}")
    return Failure(REASON, text)


def _hint(job: JobWorker, limit: int) -> str:
    """Return the way to get more memory for a job."""
    worker = find_instance_type(job["instance_type"], job["region"])
    if worker and limit < worker.memory_bytes:
        return f"Pass a larger --memory-limit: {worker.name} has {worker.memory_gib:g} GiB."
    larger = worker and next_larger(worker, job["region"])
    example = f", such as {larger.name} ({larger.memory_gib:g} GiB)" if larger else ""
    return (
        f"Request an instance type with more memory{example}: runSpec.systemRequirements in dxapp.json,"
        f' {{"{job["function"]}": {{"instanceType": …}}}}.'
    )


def next_larger(worker: InstanceType, region: str) -> InstanceType | None:
    """Return the type with the next larger memory, preferably with as many cores and of the same family."""
    larger = [
        other
        for other in instance_types(region)
        if other.memory_gib > worker.memory_gib and not other.legacy and not other.accelerator
    ]

    def distance(other: InstanceType) -> tuple[bool, bool, float, int]:
        is_of_family = _family(other) == _family(worker)
        return other.cores != worker.cores, not is_of_family, other.memory_gib, other.cores

    return min(larger, key=distance, default=None)


def _family(worker: InstanceType) -> list[str]:
    """Return the parts of a name between memory and cores: `ssd1` and `v2` of `mem1_ssd1_v2_x4`."""
    return worker.name.split("_")[1:-1]
