"""The jobs of a kept run, under the labels that progress and failure reports print: `process[57]`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.errors import UsageError
from dx_local.platform.core.ids import is_hash_id
from dx_local.platform.core.schema import JobIdentity
from dx_local.platform.core.states import State

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON, Platform

_FIRST = re.compile(r"\[1\]$")
_SHOWN = 10

LAST = "last"
"""The name of the first job that failed by itself, or else of the last one."""


class _Row(JobIdentity):
    state: str
    try_number: int
    failure_from: JSON | None
    reused_from: str | None


_ROWS = f"SELECT {', '.join(_Row.__annotations__)} FROM job ORDER BY sequence"


@dataclass(frozen=True)
class KeptJob:
    """A job of a kept run; `path` has the labels from the root job to this one."""

    id: str
    label: str
    path: str
    function: str
    state: str
    try_number: int
    is_cause: bool
    """True if the job failed by itself, not because another job failed."""
    is_taken_over: bool
    """True if the job did not run, because the output of an earlier one was used."""


def kept_jobs(platform: Platform) -> list[KeptJob]:
    """Return all jobs of a run in the order of their creation."""
    rows = platform.store.all(_Row, _ROWS)
    workspaces = {row["id"]: row["workspace"] for row in rows}
    labels = JobLabels()
    paths: dict[str, str] = {}
    jobs = []
    for row in rows:
        label = labels.label(row, name_of(row, workspaces.get(row["parent"] or "")))
        above = paths.get(row["parent"] or "")
        paths[row["id"]] = f"{above} → {label}" if above else label
        jobs.append(_job(row, label, paths[row["id"]]))
    return jobs


def choose_job(jobs: list[KeptJob], wanted: str) -> KeptJob:
    """Return the job that a user names by its label, path or ID; `process[1]` is the same as `process`.

    `last` names the first job that failed by itself, or else the last one. Raises UsageError if there is no
    such job, or more than one.
    """
    name = _FIRST.sub("", wanted)
    if is_hash_id(wanted, "job"):
        found = [job for job in jobs if job.id == wanted]
    else:
        found = [job for job in jobs if name in (job.label, job.path)]
    if len(found) == 1:
        return found[0]
    if not found and wanted == LAST and jobs:
        return next((job for job in jobs if job.is_cause), jobs[-1])
    if found:
        listed = "\n".join(f"  {job.id}  {job.path}" for job in found[:_SHOWN])
        raise UsageError(f"{len(found)} jobs have the name {wanted!r}:\n{listed}", "Pass the ID of one.")
    labels = list(dict.fromkeys(job.label.partition("[")[0] for job in jobs))
    names = ", ".join(labels[:_SHOWN])
    known = f"This run has jobs of {names}; --run chooses another." if labels else "The run has no jobs yet."
    raise UsageError(f"there is no job {wanted!r}", known)


def _job(row: _Row, label: str, path: str) -> KeptJob:
    source = row["failure_from"]
    is_own = source is None or source["id"] == row["id"]
    return KeptJob(
        id=row["id"],
        label=label,
        path=path,
        function=row["function"],
        state=row["state"],
        try_number=row["try_number"],
        is_cause=is_own and row["state"] == State.FAILED.value,
        is_taken_over=row["reused_from"] is not None,
    )
