"""The jobs of a run as rows of its report, with their earlier tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.platform.core.schema import JobTry
from dx_local.platform.core.store import Row
from dx_local.platform.execution import job_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.platform.core.schema import JobIdentity
    from dx_local.platform.core.store import Store

_JOBS = """
SELECT job.id, job.function, job.executable_name, job.parent, job.parent_try, job.state, job.created,
    job.started, job.stopped, job.try_number, job.instance_type, job.region, job.failure_reason,
    job.failure_message, job.reused_from, job.not_reused, job.usage, job.node, job.workspace, job.depends_on,
    parent.workspace AS parent_workspace
FROM job LEFT JOIN job AS parent ON parent.id = job.parent WHERE ? IN ('', job.root) ORDER BY job.sequence
"""
_EARLIER_TRIES = """
SELECT job.id, job.function, past_try.number AS try_number,
    json_extract(row, '$.started') AS started, json_extract(row, '$.stopped') AS stopped,
    json_extract(row, '$.failure_reason') AS reason, json_extract(row, '$.failure_message') AS message,
    json_extract(row, '$.usage') AS usage, json_extract(row, '$.node') AS node
FROM past_try JOIN job ON job.id = past_try.job WHERE ? IN ('', job.root)
ORDER BY job.sequence, past_try.number
"""


class Job(TypedDict):
    """One row of `jobs`, which the report holds in columns; times are in ms, sizes in bytes."""

    id: str
    label: str
    entryPoint: int
    parent: int | None
    state: str
    created: int
    started: int | None
    stopped: int | None
    tries: int
    memory: int | None
    cpuSeconds: float | None
    disk: int | None
    reused: bool
    again: str | None
    node: str | None
    reason: str | None
    message: str | None
    log: str | None


class EarlierTry(TypedDict):
    """One row of `earlierTries`: a try of a job that was restarted; `job` is a position in `jobs`."""

    job: int
    number: int
    started: int | None
    stopped: int | None
    memory: int | None
    cpuSeconds: float | None
    disk: int | None
    node: str | None
    reason: str | None
    message: str | None
    log: str | None


EntryPointKey = tuple[str, str, str]
"""The name of an executable, the name of an entry point, and an instance type."""


def job_rows(store: Store, root: str) -> list[Row]:
    """Return the rows of all jobs, or of those in the tree of `root`, in the order of their creation."""
    return store.all(Row, _JOBS, root)


def key_of(row: Row) -> EntryPointKey:
    """Return the entry point of a row of `job_rows`."""
    return row["executable_name"], row["function"], row["instance_type"]


def jobs_of(rows: Sequence[Row], entry_points: dict[EntryPointKey, int]) -> list[Job]:
    """Return the jobs of these rows in the same order."""
    positions = {row["id"]: position for position, row in enumerate(rows)}
    labels = JobLabels()
    jobs: list[Job] = []
    for row in rows:
        identity = cast("JobIdentity", row)
        name = (
            name_of(identity, row["parent_workspace"]) or row["executable_name"]
        )  # analyses have no function
        usage = row["usage"] or {}
        jobs.append(
            {
                "id": row["id"],
                "label": labels.label(identity, name),
                "entryPoint": entry_points[key_of(row)],
                "parent": positions.get(row["parent"]),
                "state": row["state"],
                "created": row["created"],
                "started": row["started"],
                "stopped": row["stopped"],
                "tries": row["try_number"] + 1,
                "memory": usage.get("memory"),
                "cpuSeconds": usage.get("cpu_seconds"),
                "disk": usage.get("disk"),
                "reused": row["reused_from"] is not None,
                "again": row["not_reused"],
                "node": row["node"],
                "reason": row["failure_reason"],
                "message": row["failure_message"],
                "log": _log(row),
            }
        )
    return jobs


def earlier_tries(store: Store, rows: Sequence[Row], root: str) -> list[EarlierTry]:
    """Return the tries that preceded the last try of each job."""
    positions = {row["id"]: position for position, row in enumerate(rows)}
    found: list[EarlierTry] = []
    for row in store.all(Row, _EARLIER_TRIES, root):
        usage = row["usage"] or {}
        found.append(
            {
                "job": positions[row["id"]],
                "number": row["try_number"],
                "started": row["started"],
                "stopped": row["stopped"],
                "memory": usage.get("memory"),
                "cpuSeconds": usage.get("cpu_seconds"),
                "disk": usage.get("disk"),
                "node": row["node"],
                "reason": row["reason"],
                "message": row["message"],
                "log": _log(row),
            }
        )
    return found


def _log(row: Row) -> str | None:
    """Return the path of the log of a try that has started, relative to the folder of the platform."""
    if row["started"] is None:
        return None
    job = JobTry(id=row["id"], function=row["function"], try_number=row["try_number"])
    # The same as `job_logs.log_path`, which takes ten times as long for paths.
    return f"jobs/{job_logs.job_folder_name(job)}/log.txt"
