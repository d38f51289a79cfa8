"""What happens to jobs on their workers, told to the life cycle by whoever runs them.

Each call is one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform.core import access
from dx_local.platform.core.states import Failure
from dx_local.platform.lifecycle import lifecycle

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Platform


def start(platform: Platform, job_id: str) -> None:
    """Note that a worker has taken up a runnable job."""
    with platform.store.transaction():
        platform.publish(lifecycle.started(platform.store, job_id, platform.clock()))


def finish(platform: Platform, job_id: str, output: JSON) -> None:
    """Note that a job's program ended well with this output."""
    with platform.store.transaction():
        access.revoke_tokens(platform.store, job_id)
        platform.publish(lifecycle.finished(platform.store, job_id, output, platform.clock()))


def fail(platform: Platform, job_id: str, failure: Failure) -> None:
    """Note that a job failed, or that its worker is gone."""
    with platform.store.transaction():
        access.revoke_tokens(platform.store, job_id)
        platform.publish(lifecycle.failed(platform.store, job_id, failure, platform.clock()))


def fail_running_jobs(platform: Platform) -> None:
    """Fail the jobs that run, whose processes end with the platform or have ended; end the terminating ones.

    Each failed job fails its tree, and what depends on that; jobs of other trees go on waiting.
    """
    stopped = Failure("ExecutionError", "The platform was stopped while the job ran")
    running = platform.store.column(
        "SELECT id FROM job WHERE state IN ('running', 'restartable', 'terminating') AND id GLOB 'job-*'"
        " ORDER BY sequence"
    )
    for job_id in running:
        fail(platform, job_id, stopped)


def terminate(platform: Platform, job_id: str) -> None:
    """Terminate a job and its descendants on behalf of whoever runs the platform."""
    with platform.store.transaction():
        platform.publish(lifecycle.terminated(platform.store, job_id, platform.clock()))


def break_deadlock(platform: Platform) -> bool:
    """Fail a job that waits for what can never come, if no job runs; tell whether there was one."""
    with platform.store.transaction():
        transitions = lifecycle.deadlocked(platform.store, platform.clock())
        platform.publish(transitions)
    return bool(transitions)
