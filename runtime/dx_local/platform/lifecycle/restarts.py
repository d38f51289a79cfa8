"""Restarts of failed jobs: after which failures, which job starts over, and what is kept of each try.

A job that is restarted keeps its ID; its tries are numbered from 0.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/io-and-run-specifications
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.schema import JobWorkspace
from dx_local.platform.core.states import State
from dx_local.platform.requests import request_fields as read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

MAX_RESTARTS = 9
"""How often a job is restarted at most, whatever the reasons."""

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
"""The reasons of failures after which a job can be restarted; `*` stands for those not named beside it."""

DEFAULT_RESTART_ON = {"UnresponsiveWorker": 2, "JMInternalError": 1, "ExecutionError": 1}
"""Numbers of restarts by failure, if neither the executable nor the run has a `restartOn`.

Source: `executionPolicy` of job describes recorded from 2021 to 2024.
"""

ENTRY_POINTS = ("master", "all")

# The columns of a job that belong to one of its tries, and what the next try finds in them.
_RESET_COLUMNS: dict[str, object] = {
    "transitions": [],
    "output": None,
    "started": None,
    "stopped": None,
    "usage": None,
    "failure_reason": None,
    "failure_message": None,
    "failure_from": None,
}
# Those which the next try begins with, and may change.
_INHERITED_COLUMNS = ("try_created", "modified", "input", "tags", "properties", "failure_counts")
_PAST_TRY = "SELECT row FROM past_try WHERE job = ? AND number = ?"


def check_policy(policy: JSON) -> None:
    """Raise InvalidInput unless an executionPolicy names reasons and numbers of restarts that can be."""
    for reason, most in read.mapping(policy, "restartOn", {}).items():
        if reason not in REASONS and reason != "*":
            known = ", ".join(sorted(REASONS))
            raise InvalidInput(f'"executionPolicy.restartOn": "{reason}" is none of {known}, *')
        _check_count(f"executionPolicy.restartOn.{reason}", most)
    _check_count("executionPolicy.maxRestarts", policy.get("maxRestarts", MAX_RESTARTS))
    read.integer(
        {"executionPolicy.maxSpotTries": policy.get("maxSpotTries", 0)}, "executionPolicy.maxSpotTries"
    )


def check_entry_points(run_spec: JSON) -> None:
    """Raise InvalidInput unless `restartableEntryPoints` of a runSpec is one of its two words, or absent."""
    chosen = run_spec.get("restartableEntryPoints")
    if chosen is not None and chosen not in ENTRY_POINTS:
        raise InvalidInput(f'"runSpec.restartableEntryPoints" must be "master" or "all", not {chosen!r}')


def policy_of(job: JobRow) -> JSON:
    """Return the executionPolicy that holds for a job or analysis, defaults included."""
    return {"restartOn": DEFAULT_RESTART_ON, **(job["requested"].get("executionPolicy") or {})}


def is_allowed(job: JobRow, reason: str) -> bool:
    """Return whether the policy of a job has it restarted after one more failure for this reason."""
    if reason not in REASONS:
        return False
    policy = policy_of(job)
    restart_on = policy["restartOn"]
    most: int = restart_on.get(reason, restart_on.get("*", 0))
    in_all: int = policy.get("maxRestarts", MAX_RESTARTS)
    return bool(job["failure_counts"].get(reason, 0) < most and job["try_number"] < in_all)


def job_to_restart(store: Store, job: JobRow) -> JobRow:
    """Return the job that begins anew when this one has failed.

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
    """Return whether a job was made by running an executable, rather than by another job as its subjob."""
    parent = job["parent"]
    if parent is None or class_of(parent) != "job":
        return True
    workspace = store.value("SELECT workspace FROM job WHERE id = ?", parent)
    return bool(workspace != job["workspace"])


def master_above(store: Store, job: JobWorkspace) -> str | None:
    """Return the nearest master job above a job, or None where there is none."""
    above: JobWorkspace | None = job
    while above is not None and above["parent"] is not None:
        above = store.one(JobWorkspace, "SELECT id, parent, workspace FROM job WHERE id = ?", above["parent"])
        if above is not None and class_of(above["id"]) == "job" and is_master(store, above):
            return above["id"]
    return None


def archive_try(store: Store, job: JobRow, now: int) -> None:
    """Put away what belongs to the last try of a job, and make its row that of the next."""
    ended = [*job["transitions"], {"newState": State.RESTARTED.value, "setAt": now}]
    columns: dict[str, Any] = {**job}
    kept = {name: columns[name] for name in (*_RESET_COLUMNS, *_INHERITED_COLUMNS)}
    kept |= {"state": State.RESTARTED.value, "transitions": ended, "try_number": job["try_number"]}
    store.insert("past_try", job=job["id"], number=job["try_number"], row=kept)
    store.update("job", job["id"], try_number=job["try_number"] + 1, try_created=now, **_RESET_COLUMNS)


def row_of_try(store: Store, job: JobRow, number: int | None) -> JobRow:
    """Return the row of a job as it was in one of its tries; None is the last one. Raises InvalidInput."""
    if number is None or number == job["try_number"]:
        return job
    past: JobRow | None = store.value(_PAST_TRY, job["id"], number)
    if past is None:
        last = job["try_number"]
        raise InvalidInput(f"{job['id']} has no try {number}; its tries are 0 to {last}")
    return {**job, **past}


def change_try(store: Store, job: JobRow, columns: dict[str, Any]) -> None:
    """Change columns of a job in the try that its row is of, which is not the last one."""
    key = (job["id"], job["try_number"])
    past = store.value(_PAST_TRY, *key)
    if past is not None:
        changed = to_json({**past, **columns})
        store.execute("UPDATE past_try SET row = ? WHERE job = ? AND number = ?", changed, *key)


def mark_superseded(store: Store, job_ids: Iterable[str]) -> None:
    """Note that jobs were started by a try that is no longer the last one of its job."""
    for job_id in job_ids:
        store.update("job", job_id, superseded=1)


def _is_restartable(store: Store, job: JobRow) -> bool:
    return job["requested"].get("restartableEntryPoints") == "all" or is_master(store, job)


def _check_count(place: str, count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_RESTARTS:
        raise InvalidInput(f'"{place}" must be a number from 0 to {MAX_RESTARTS}, not {count!r}')
