"""Report the events of jobs on their workers to the life cycle, each in one transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.states import Failure
from dx_local.platform.lifecycle import lifecycle

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.execution.job_usage import JobUsage


def start(platform: Platform, job_id: str, row: JobRow | None = None) -> None:
    """Record that a runnable job has started on a worker; `row` is its row, which is changed as well."""
    with platform.store.transaction():
        platform.publish(lifecycle.started(platform.store, job_id, platform.clock(), row))


def begin_on(platform: Platform, job_id: str, node: str) -> None:
    """Record the node on which the last try of a job begins to run."""
    platform.store.update("job", job_id, node=node)


def finish(platform: Platform, job_id: str, output: JSON, usage: JobUsage | None = None) -> None:
    """Record that a job's program has succeeded with this output, and used these resources."""
    used = asdict(usage) if usage else None
    with platform.store.transaction():
        access.revoke_tokens(platform.store, job_id)
        platform.publish(lifecycle.finished(platform.store, job_id, output, platform.clock(), used))


def take_over(platform: Platform, job_id: str, output: JSON, earlier: str) -> None:
    """Record that a runnable job is done with the output of a job of an earlier run."""
    with platform.store.transaction():
        platform.publish(lifecycle.taken_over(platform.store, job_id, output, earlier, platform.clock()))


def fail(platform: Platform, job_id: str, failure: Failure) -> None:
    """Record that a job has failed, or that its worker is gone."""
    with platform.store.transaction():
        access.revoke_tokens(platform.store, job_id)
        platform.publish(lifecycle.failed(platform.store, job_id, failure, platform.clock()))


def fail_running_jobs(platform: Platform) -> None:
    """Fail all running jobs and end the terminating ones, because the platform stops or was stopped.

    Each failed job fails its tree and all dependents; jobs of other trees keep waiting.
    """
    stopped = Failure("ExecutionError", "The platform was stopped while the job ran")
    running = platform.store.column(
        "SELECT id FROM job WHERE state IN ('running', 'restartable', 'terminating') AND id GLOB 'job-*'"
        " ORDER BY sequence"
    )
    for job_id in running:
        fail(platform, job_id, stopped)


def terminate(platform: Platform, job_id: str) -> None:
    """Terminate a job and its descendants, without checking access."""
    with platform.store.transaction():
        platform.publish(lifecycle.terminated(platform.store, job_id, platform.clock()))


def break_deadlock(platform: Platform) -> bool:
    """Fail a job that waits for something that can never happen; return whether there was one."""
    with platform.store.transaction():
        transitions = lifecycle.deadlocked(platform.store, platform.clock())
        platform.publish(transitions)
    return bool(transitions)
