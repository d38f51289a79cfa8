"""Reuse the output of an earlier job that ran the same code on the same input.

Source: https://documentation.dnanexus.com/user/running-apps-and-workflows/job-reuse
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from dx_local.platform.core.executable import applet_of
from dx_local.platform.core.ids import class_of
from dx_local.platform.core.schema import JobRow
from dx_local.platform.lifecycle import workspaces

if TYPE_CHECKING:
    from dx_local.platform.core.context import JSON
    from dx_local.platform.core.executable import Executable
    from dx_local.platform.core.store import Store


class ReuseResult(NamedTuple):
    """An earlier job whose output can be reused, or else the reason why there is none."""

    job: JobRow | None
    why_not: str | None = None


def is_enabled(executable: Executable, request: JSON) -> bool:
    """Return whether neither the run nor the executable forbids the reuse of outputs."""
    return not (request.get("ignoreReuse") or executable.ignore_reuse)


def key_of(store: Store, job: JobRow, resolved: JSON) -> str:
    """Return a digest of a job's code, entry point and input: jobs with the same digest do the same.

    The code is identified by its applet, which never changes. The projects of data objects are ignored.
    """
    code = job["executable"]
    app = store.get("app", code) if class_of(code) == "app" else None
    if app is not None:
        code = applet_of(app, job["region"])
    same = [code, job["function"], workspaces.plain_links(resolved)]
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()


def find_earlier_job(store: Store, job: JobRow, key: str) -> ReuseResult:
    """Return the latest job with this key whose output objects all still exist."""
    # Jobs that reused an output themselves are skipped: they have no objects in their workspaces.
    earlier = store.all(
        JobRow,
        "SELECT * FROM job WHERE reuse_key = ? AND state = 'done' AND reused_from IS NULL"
        " ORDER BY sequence DESC",
        key,
    )
    missing = None
    for row in earlier:
        missing = workspaces.missing_output(store, row)
        if missing is None:
            return ReuseResult(row)
    if missing is not None:
        return ReuseResult(None, f"{missing}, an output of {earlier[-1]['id']}, does not exist any more")
    has_run = store.exists(
        "SELECT 1 FROM job WHERE executable = ? AND function = ? AND state = 'done' LIMIT 1",
        job["executable"],
        job["function"],
    )
    return ReuseResult(None, "it ran only with other inputs" if has_run else "it has never finished before")
