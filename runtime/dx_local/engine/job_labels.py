"""Labels of jobs for people, such as `process[57]`, and paths of labels, such as `main → process[57]`."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dx_local.platform.core.schema import JobIdentity, JobRow
    from dx_local.platform.core.store import Store

_JOB_ID = re.compile(r"\bjob-[0-9A-Za-z]{24}\b")


class JobLabels:
    """Labels all jobs of a run, each once, in the order in which they were created.

    The labels are those of `job_label`, without a query for the siblings of each job.
    """

    def __init__(self) -> None:
        self._siblings: Counter[tuple[str | None, int | None, str, str]] = Counter()

    def label(self, job: JobIdentity, name: str) -> str:
        """Return the label of the next job, whose name is that of `name_of`."""
        if job["parent"] is None:
            return name
        siblings = (job["parent"], job["parent_try"], job["function"], job["executable_name"])
        self._siblings[siblings] += 1
        return _numbered(name, self._siblings[siblings])


def job_path(store: Store, job: JobRow) -> str:
    """Return the labels from the root job to a job: `main → map → process[3]`."""
    steps = []
    current: JobRow | None = job
    while current is not None:
        steps.append(job_label(store, current))
        current = store.get("job", current["parent"]) if current["parent"] else None
    return " → ".join(reversed(steps))


def with_job_paths(store: Store, text: str) -> str:
    """Return a text with the paths of jobs in place of their IDs; IDs of no job of this run stay."""

    def path(match: re.Match[str]) -> str:
        job = store.get("job", match[0])
        return job_path(store, job) if job else match[0]

    return _JOB_ID.sub(path, text)


def job_label(store: Store, job: JobRow) -> str:
    """Return the name of a job, numbered from the second of that name on among its siblings: `process[2]`."""
    earlier: int = store.value(
        "SELECT COUNT(*) FROM job WHERE parent = ? AND parent_try IS ? AND function = ?"
        " AND executable_name = ? AND sequence < ?",
        job["parent"],
        job["parent_try"],
        job["function"],
        job["executable_name"],
        job["sequence"],
    )
    return _numbered(job_name(store, job), earlier + 1)


def job_name(store: Store, job: JobIdentity) -> str:
    """Return the label of a job without its number."""
    parent = job["parent"]
    if parent is None:
        return name_of(job, None)
    query = "SELECT workspace FROM job WHERE id = ?"
    return name_of(job, store.constant("workspace of parent", parent, lambda: store.value(query, parent)))


def name_of(job: JobIdentity, parent_workspace: str | None) -> str:
    """Return a short name for a job: its entry point, or its executable if a job started it by running one.

    A subjob at an entry point shares the workspace of its parent; a job that runs an applet or app has its
    own.
    """
    return job["function"] if parent_workspace in (None, job["workspace"]) else job["executable_name"]


def _numbered(name: str, number: int) -> str:
    return f"{name}[{number}]" if number > 1 else name
