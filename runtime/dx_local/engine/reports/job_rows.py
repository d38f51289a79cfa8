"""The jobs of a run as rows of its report, with their earlier tries."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.platform.core.schema import JobTry
from dx_local.platform.core.store import Row
from dx_local.platform.execution import job_logs

if TYPE_CHECKING:
    from dx_local.platform.core.schema import JobIdentity
    from dx_local.platform.core.store import Store

_IDS = "SELECT id FROM job WHERE ? IN ('', root) ORDER BY sequence"
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


class Job(NamedTuple):
    """One row of `jobs`, which the report holds in columns; times are in ms, sizes in bytes."""

    id: str
    label: str
    entry_point: int
    parent: int | None
    state: str
    created: int
    started: int | None
    stopped: int | None
    tries: int
    memory: int | None
    cpu_seconds: float | None
    disk: int | None
    reused: bool
    again: str | None
    node: str | None
    reason: str | None
    message: str | None
    log: str | None


class EarlierTry(NamedTuple):
    """One row of `earlierTries`: a try of a job that was restarted; `job` is a position in `jobs`."""

    job: int
    number: int
    started: int | None
    stopped: int | None
    memory: int | None
    cpu_seconds: float | None
    disk: int | None
    node: str | None
    reason: str | None
    message: str | None
    log: str | None


EntryPointKey = tuple[str, str, str]
"""The name of an executable, the name of an entry point, and an instance type."""


@dataclass(frozen=True)
class RunJobs:
    """The jobs of a run, or of the tree of one job, in the order of their creation."""

    root: Row
    """The row of the first job."""
    entry_points: list[EntryPointKey]
    jobs: list[Job]
    positions: dict[str, int]
    """The positions of jobs, by ID."""
    depends_on: dict[int, list[str]]
    """The IDs in `dependsOn`, by the position of the job that waits for them."""

    def function(self, position: int) -> str:
        """Return the name of a job's entry point."""
        return self.entry_points[self.jobs[position].entry_point][1]


def run_jobs(store: Store, root: str) -> RunJobs:
    """Return all jobs, or those in the tree of `root`. Raises LookupError if there is none."""
    ids: list[str] = store.column(_IDS, root)
    positions = {job_id: position for position, job_id in enumerate(ids)}
    numbers: dict[EntryPointKey, int] = {}
    jobs: list[Job] = []
    depends_on = {}
    labels = JobLabels()
    first = None
    # One row at a time, because the rows of 10,000 jobs are 25 MB.
    for row in store.each(Row, _JOBS, root):
        first = first or row
        if row["depends_on"]:
            depends_on[len(jobs)] = row["depends_on"]
        key = (row["executable_name"], row["function"], row["instance_type"])
        jobs.append(_job(row, labels, numbers.setdefault(key, len(numbers)), positions))
    if first is None:
        raise LookupError("no job has started")
    return RunJobs(first, list(numbers), jobs, positions, depends_on)


def _job(row: Row, labels: JobLabels, entry_point: int, positions: dict[str, int]) -> Job:
    identity = cast("JobIdentity", row)
    # Analyses have no function.
    name = name_of(identity, row["parent_workspace"]) or row["executable_name"]
    usage = row["usage"] or {}
    return Job(
        id=row["id"],
        label=labels.label(identity, name),
        entry_point=entry_point,
        parent=positions.get(row["parent"]),
        state=sys.intern(row["state"]),
        created=row["created"],
        started=row["started"],
        stopped=row["stopped"],
        tries=row["try_number"] + 1,
        memory=usage.get("memory"),
        cpu_seconds=usage.get("cpu_seconds"),
        disk=usage.get("disk"),
        reused=row["reused_from"] is not None,
        again=row["not_reused"],
        node=row["node"],
        reason=row["failure_reason"],
        message=row["failure_message"],
        log=_log(row),
    )


def earlier_tries(store: Store, positions: dict[str, int], root: str) -> list[EarlierTry]:
    """Return the tries that preceded the last try of each job; `positions` are those of jobs by ID."""
    found: list[EarlierTry] = []
    for row in store.all(Row, _EARLIER_TRIES, root):
        usage = row["usage"] or {}
        found.append(
            EarlierTry(
                job=positions[row["id"]],
                number=row["try_number"],
                started=row["started"],
                stopped=row["stopped"],
                memory=usage.get("memory"),
                cpu_seconds=usage.get("cpu_seconds"),
                disk=usage.get("disk"),
                node=row["node"],
                reason=row["reason"],
                message=row["message"],
                log=_log(row),
            )
        )
    return found


def _log(row: Row) -> str | None:
    """Return the path of the log of a try that has started, relative to the folder of the platform."""
    if row["started"] is None:
        return None
    job = JobTry(id=row["id"], function=row["function"], try_number=row["try_number"])
    # The same as `job_logs.log_path`, which takes ten times as long for paths.
    return f"jobs/{job_logs.job_folder_name(job)}/log.txt"
