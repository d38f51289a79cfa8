"""Inject faults into jobs: fail them as the platform would, kill their processes, or slow down transfers."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.instances import find_instance_type
from dx_local.engine.executors.job_folder import read_outcome
from dx_local.engine.executors.protocol import JobExit
from dx_local.engine.faults import FaultKind
from dx_local.engine.job_labels import job_label
from dx_local.engine.scheduling.resource_failures import failure_of
from dx_local.platform.core.states import Failure
from dx_local.worker.process.oom_kills import OutOfMemoryKills

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.engine.executors.job_folder import JobFolder
    from dx_local.engine.faults import Fault
    from dx_local.platform.core.context import Caller
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

_SIGKILL = 9
_SPOT = "The machine running the job was terminated by the cloud provider"
"""Source: failures of real jobs that users have published."""


class FaultInjection:
    """The faults of one platform's jobs, and the number of times that each job has started.

    Jobs are counted by parent and label, since a restarted parent starts new jobs under the same labels.
    """

    def __init__(self, faults: Sequence[Fault], store: Store) -> None:
        self._faults = faults
        self._store = store
        self._starts: Counter[tuple[str | None, str]] = Counter()
        self._links: dict[str, _SlowLink] = {}
        self._unused = dict.fromkeys(faults)
        self._is_closed = asyncio.Event()

    def begin(self, job: JobRow) -> list[Fault]:
        """Count the start of a job, and return the faults that happen to it."""
        if not self._faults:
            return []
        label = job_label(self._store, job)
        name, _, number = label.removesuffix("]").partition("[")
        self._starts[job["parent"], label] += 1
        found = [
            fault
            for fault in self._faults
            if fault.name == name
            and fault.number in (None, int(number or 1))
            and fault.start == self._starts[job["parent"], label]
        ]
        self._links.pop(job["id"], None)
        for fault in found:
            self._unused.pop(fault, None)
            if fault.rate:
                self._links[job["id"]] = _SlowLink(fault.rate)
        return found

    def unused(self) -> list[Fault]:
        """Return the faults that have happened to no job."""
        return list(self._unused)

    async def delay_transfer(self, caller: Caller, size: int) -> None:
        """Wait as long as a transfer of `size` bytes by a job takes at its rate, if it has one."""
        if link := self._links.get(caller.job or ""):
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._is_closed.wait(), link.seconds_of(size))

    def close(self) -> None:
        """End all delays, for jobs that are about to be killed."""
        self._is_closed.set()


def failure_by(fault: Fault, job: JobRow, folder: JobFolder) -> Failure | None:
    """Return the failure by which a fault ends a job before its process starts; None if it does not."""
    injected = f"(injected: {fault})"
    if fault.kind is FaultKind.FAIL:
        return Failure("AppInternalError", f"The job failed {injected}")
    if fault.kind is FaultKind.TIMEOUT:
        return Failure("JobTimeoutExceeded", f"The job ran longer than its time limit {injected}")
    if fault.kind is FaultKind.SPOT:
        return Failure("SpotInstanceInterruption", f"{_SPOT} {injected}")
    if fault.kind is FaultKind.OOM:
        return _out_of_memory(job, folder, injected)
    return None


def _out_of_memory(job: JobRow, folder: JobFolder, injected: str) -> Failure:
    """Return the failure of a job that needs more memory than its instance type has."""
    worker = find_instance_type(job["instance_type"], job["region"])
    end = JobExit(-_SIGKILL, memory_limit=worker.memory_bytes if worker else None, killed_for_memory=1)
    killed = read_outcome(folder, end.exit_code)
    failure = failure_of(job, end, Failure("AppInternalError", str(killed.message)), OutOfMemoryKills())
    return failure._replace(message=f"{failure.message} {injected}")


def transfer_size(store: Store, file_id: str, method: str, request: Any) -> int:
    """Return the bytes that will be transferred by the URL that a call requests; 0 for any other call."""
    if method == "download":
        row = store.get("object", file_id)
        return int(row["fields"].get("size", 0)) if row else 0
    size = request.get("size") if method == "upload" and isinstance(request, dict) else None
    return size if isinstance(size, int) else 0


class _SlowLink:
    """The network link of a job, which its transfers use one after the other."""

    def __init__(self, rate: int) -> None:
        self._rate = rate  # bytes per second
        self._free_at = 0.0  # in the event loop's time

    def seconds_of(self, size: int) -> float:
        """Book a transfer, and return the seconds until it is done."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(now, self._free_at) + size / self._rate
        return self._free_at - now
