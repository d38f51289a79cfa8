"""The entry points of a run: durations, resources, and the smallest instance type that would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_app_wizard.dxapp.instances import find_instance_type, instance_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_app_wizard.dxapp.instances import InstanceType
    from dx_local.engine.reports.job_rows import EarlierTry, EntryPointKey, Job
    from dx_local.platform.core.context import JSON

# Memory is that of the largest process of a job, and the next input may be larger.
_MEMORY_FACTOR = 1.5
_STORAGE_FACTOR = 2.0
# A job that keeps 1.2 cores busy on average has little use for a second one.
_CORES_SLACK = 0.25
_MIN_SECONDS = 1.0  # below this, the CPU time of a job is mostly that of its start

TREE_FAILURE = "JobTreeFailure"
"""The failure reason of jobs that ended because another job of their tree failed."""


def summary(key: EntryPointKey, region: str, jobs: Sequence[Job], earlier: Sequence[EarlierTry]) -> JSON:
    """Return the summary of the jobs of one entry point and of their earlier tries."""
    executable, function, instance_type = key
    spans = sorted(
        (job.stopped - job.started) / 1000
        for job in jobs
        if job.started is not None and job.stopped is not None and not job.reused
    )
    tries: tuple[Job | EarlierTry, ...] = (*jobs, *earlier)
    measured = [each for each in tries if each.memory is not None]
    # A job that ended early may have needed more later on, so that only done ones support the advice.
    samples = sum(job.memory is not None and job.state == "done" for job in jobs)
    worker = find_instance_type(instance_type, region)
    memory = max((each.memory or 0 for each in measured), default=None)
    disk = max((each.disk or 0 for each in measured), default=None)
    return {
        "executableName": executable,
        "function": function,
        "jobs": len(jobs),
        "done": sum(job.state == "done" for job in jobs),
        "failed": sum(job.state == "failed" and job.reason != TREE_FAILURE for job in jobs),
        "ended": sum(job.state == "terminated" or job.reason == TREE_FAILURE for job in jobs),
        "reused": sum(job.reused for job in jobs),
        "samples": samples,
        "medianSeconds": spans[len(spans) // 2] if spans else None,
        "slowestSeconds": spans[-1] if spans else None,
        "maxMemory": memory,
        "maxDisk": disk,
        "cpuSeconds": round(sum(each.cpu_seconds or 0 for each in measured), 3) if measured else None,
        "instanceType": instance_type,
        "instanceMemory": worker and worker.memory_bytes,
        "instanceStorage": worker and worker.storage_bytes,
        "advice": _advice(worker, region, memory or 0, disk or 0, _cores(measured)) if samples else None,
    }


def smallest_type(region: str, memory: int, disk: int, cores: float) -> InstanceType | None:
    """Return the smallest current instance type of a region for a job, or None if none is large enough.

    `memory` and `disk` are the most that jobs used, in bytes, and `cores` is the most that one kept busy on
    average. The type has 1.5 times the memory, twice the storage, and no accelerator.
    """
    fitting = (
        each
        for each in instance_types(region)
        if each.memory_bytes >= memory * _MEMORY_FACTOR
        and each.storage_bytes >= disk * _STORAGE_FACTOR
        and each.cores >= cores - _CORES_SLACK
        and not each.legacy
        and not each.accelerator
    )
    return min(fitting, key=lambda each: (each.cores, each.memory_gib, each.storage_gb), default=None)


def system_requirements(summaries: Sequence[JSON], region: str) -> list[JSON]:
    """Return for each executable the `systemRequirements` with the advised instance types.

    An executable without advice that differs from its present types is left out.
    """
    found: dict[str, dict[str, JSON]] = {}
    differs = set()
    for each in summaries:
        name, advice = each["executableName"], each["advice"]
        wanted = advice["instanceType"] if advice else each["instanceType"]
        if not wanted:
            continue
        if wanted != each["instanceType"]:
            differs.add(name)
        found.setdefault(name, {}).setdefault(each["function"], {"instanceType": wanted})
    return [
        {"executableName": name, "region": region, "systemRequirements": functions}
        for name, functions in found.items()
        if name in differs
    ]


def _advice(worker: InstanceType | None, region: str, memory: int, disk: int, cores: float) -> JSON | None:
    """Return the smallest type that would do; None if no type would, or the worker had an accelerator."""
    smallest = smallest_type(region, memory, disk, cores)
    if smallest is None or (worker and worker.accelerator):
        return None
    return {
        "instanceType": smallest.name,
        "cores": smallest.cores,
        "memory": smallest.memory_bytes,
        "storage": smallest.storage_bytes,
        "isPresent": worker is not None and worker.name == smallest.name,
    }


def _cores(measured: Sequence[Job | EarlierTry]) -> float:
    """Return the most cores that one of these jobs kept busy on average."""
    busy = [
        (each.cpu_seconds or 0) * 1000 / (each.stopped - each.started)
        for each in measured
        if each.started is not None
        and each.stopped is not None
        and each.stopped - each.started >= _MIN_SECONDS * 1000
    ]
    return max(busy, default=0.0)
