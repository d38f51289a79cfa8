"""Restart failed jobs: the policies, the job to restart, and the records of earlier tries.

A job that is restarted keeps its ID; its tries are numbered from 0.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.states import State
from dx_local.platform.lifecycle.queries import workspace_of
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.schema import JobRow, JobWorkspace
    from dx_local.platform.core.store import Store

MAX_RESTARTS = 9
"""The maximum number of restarts of a job, over all reasons."""

REASONS = frozenset(
    {
        "AppInsufficientResourceError",
        "AppInternalError",
        "ExecutionError",
        "JMInternalError",
        "JobTimeoutExceeded",
        "SpotInstanceInterruption",
        "UnresponsiveWorker",
    }
)
"""The failure reasons after which a job can be restarted; in policies, `*` means all that are not named."""

DEFAULT_RESTART_ON = {"UnresponsiveWorker": 2, "JMInternalError": 1, "ExecutionError": 1}
"""The number of restarts by failure reason, if neither the executable nor the run sets `restartOn`.

Source: `executionPolicy` of job describes recorded from 2021 to 2024.
"""

ENTRY_POINTS = ("master", "all")

# The columns of a job that belong to one try, with their values at the beginning of the next try.
_RESET_COLUMNS: dict[str, object] = {
    "transitions": [],
    "output": None,
    "started": None,
    "stopped": None,
    "usage": None,
    "node": None,
    "failure_reason": None,
    "failure_message": None,
    "failure_from": None,
}
# The columns that belong to one try, but keep their values for the next try.
_INHERITED_COLUMNS = ("try_created", "modified", "input", "tags", "properties", "failure_counts")
_PAST_TRY = "SELECT row FROM past_try WHERE job = ? AND number = ?"


def check_policy(policy: JSON) -> None:
    """Raise InvalidInput unless an execution policy has valid reasons and numbers of restarts."""
    for reason, most in read.mapping(policy, "restartOn", {}).items():
        if reason not in REASONS and reason != "*":
            known = ", ".join(sorted(REASONS))
            raise InvalidInput(f'"executionPolicy.restartOn": "{reason}" is not one of {known}, *')
        _check_count(f"executionPolicy.restartOn.{reason}", most)
    _check_count("executionPolicy.maxRestarts", policy.get("maxRestarts", MAX_RESTARTS))
    read.integer(
        {"executionPolicy.maxSpotTries": policy.get("maxSpotTries", 0)}, "executionPolicy.maxSpotTries"
    )


def check_entry_points(run_spec: JSON) -> None:
    """Raise InvalidInput unless `restartableEntryPoints` of a runSpec is valid or absent."""
    chosen = run_spec.get("restartableEntryPoints")
    if chosen is not None and chosen not in ENTRY_POINTS:
        raise InvalidInput(f'"runSpec.restartableEntryPoints" must be "master" or "all", not {chosen!r}')


def policy_of(job: JobRow) -> JSON:
    """Return the execution policy of a job or analysis, including defaults."""
    return {"restartOn": DEFAULT_RESTART_ON, **(job["requested"].get("executionPolicy") or {})}


def is_allowed(job: JobRow, reason: str) -> bool:
    """Return whether the policy of a job allows another restart after a failure with this reason."""
    if reason not in REASONS:
        return False
    policy = policy_of(job)
    restart_on = policy["restartOn"]
    most: int = restart_on.get(reason, restart_on.get("*", 0))
    in_all: int = policy.get("maxRestarts", MAX_RESTARTS)
    return job["failure_counts"].get(reason, 0) < most and job["try_number"] < in_all


def job_to_restart(store: Store, job: JobRow) -> JobRow:
    """Return the job to restart after the failure of a job.

    That is the job itself if all entry points of its executable are restartable, else its master job.
    """
    found = job
    while not _is_restartable(store, found):
        above = store.get("job", found["parent"]) if found["parent"] else None
        if above is None:
            break
        found = above
    return found


def is_master(store: Store, job: JobWorkspace) -> bool:
    """Return whether a job was started by running an executable, and not as a subjob of another job."""
    parent = job["parent"]
    if parent is None or class_of(parent) != "job":
        return True
    # Only subjobs share the workspace of their parent.
    above = workspace_of(store, parent)
    return above is None or above["workspace"] != job["workspace"]


def master_above(store: Store, job: JobWorkspace) -> str | None:
    """Return the nearest ancestor of a job that is a master job, or None."""
    above: JobWorkspace | None = job
    while above is not None and above["parent"] is not None:
        above = workspace_of(store, above["parent"])
        if above is not None and class_of(above["id"]) == "job" and is_master(store, above):
            return above["id"]
    return None


def archive_try(store: Store, job: JobRow, now: int) -> None:
    """Move the last try of a job to `past_try`, and reset the job's row for the next try."""
    ended = [*job["transitions"], {"newState": State.RESTARTED.value, "setAt": now}]
    columns: dict[str, Any] = {**job}
    kept = {name: columns[name] for name in (*_RESET_COLUMNS, *_INHERITED_COLUMNS)}
    kept |= {"state": State.RESTARTED.value, "transitions": ended, "try_number": job["try_number"]}
    store.insert("past_try", job=job["id"], number=job["try_number"], row=kept)
    store.update("job", job["id"], try_number=job["try_number"] + 1, try_created=now, **_RESET_COLUMNS)


def row_of_try(store: Store, job: JobRow, number: int | None) -> JobRow:
    """Return the row of a job in one of its tries (None: the last one). Raises InvalidInput."""
    if number is None or number == job["try_number"]:
        return job
    past: JobRow | None = store.value(_PAST_TRY, job["id"], number)
    if past is None:
        last = job["try_number"]
        raise InvalidInput(f"{job['id']} has no try {number}; its tries are 0 to {last}")
    return {**job, **past}


def change_try(store: Store, job: JobRow, columns: dict[str, Any]) -> None:
    """Change columns of an earlier try of a job; `job` is the row of that try."""
    key = (job["id"], job["try_number"])
    past = store.value(_PAST_TRY, *key)
    if past is not None:
        changed = to_json({**past, **columns})
        store.execute("UPDATE past_try SET row = ? WHERE job = ? AND number = ?", changed, *key)


def mark_superseded(store: Store, job_ids: Iterable[str]) -> None:
    """Mark jobs as started by a try that is no longer the last one."""
    for job_id in job_ids:
        store.update("job", job_id, superseded=1)


def _is_restartable(store: Store, job: JobRow) -> bool:
    return job["requested"].get("restartableEntryPoints") == "all" or is_master(store, job)


def _check_count(place: str, count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_RESTARTS:
        raise InvalidInput(f'"{place}" must be a number from 0 to {MAX_RESTARTS}, not {count!r}')
