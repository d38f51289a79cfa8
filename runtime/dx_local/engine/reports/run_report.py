"""The report of a run as plain data: its cause of failure, entry points, jobs, inputs and outputs.

Everything comes from the folder of the run, so that the report can be made again at any later time.
`docs/reference/schemas/report.schema.json` describes the data.
"""

from __future__ import annotations

import os
import platform as machine
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypedDict, cast

from dx_app_wizard import __version__
from dx_app_wizard.dxapp.links import links_in
from dx_app_wizard.files import atomic_write
from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.engine.run_folder import reading
from dx_local.platform.core.json_text import to_json
from dx_local.platform.core.schema import JobTry
from dx_local.platform.core.store import Row
from dx_local.platform.execution import job_logs, job_usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Platform
    from dx_local.platform.core.schema import JobIdentity
    from dx_local.platform.core.store import Store
    from dx_local.platform.execution.job_usage import EntryPointUsage

SCHEMA = 1
"""Version of the report; a change that breaks readers increases it."""

FILE_NAME = "report.json"
"""The report, in the folder of the run."""

_LONGEST_VALUE = 10_000  # characters of JSON
_FINAL = frozenset({"done", "failed", "terminated"})
_JOBS = """
SELECT job.id, job.function, job.executable_name, job.parent, job.parent_try, job.state, job.created,
    job.started, job.stopped, job.try_number, job.instance_type, job.failure_reason, job.failure_message,
    job.reused_from, job.not_reused, job.usage, job.workspace, parent.workspace AS parent_workspace
FROM job LEFT JOIN job AS parent ON parent.id = job.parent ORDER BY job.sequence
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
    reason: str | None
    message: str | None
    log: str | None


def write_report(folder: Path, app: Path) -> None:
    """Write `report.json` into the folder of a run that has ended, in place of an earlier one.

    `app` is the folder of the user's own code. A report that cannot be written, for example because the disk
    is full, does not fail the run.
    """
    with suppress(OSError, sqlite3.Error), reading(folder) as platform:
        atomic_write(folder / FILE_NAME, to_json(report_of(platform, app)) + "\n")


def report_of(platform: Platform, app: Path) -> JSON:
    """Return the report of the run on a platform; `app` is the folder with the user's own code.

    The run has started a job. Paths in its folder are relative to it.
    """
    store = platform.store
    rows = store.all(Row, _JOBS)
    root = rows[0]
    keys = list(dict.fromkeys(map(_entry_point, rows)))
    jobs = _jobs(rows, {key: number for number, key in enumerate(keys)}, platform)
    usage = {
        (each.executable_name, each.function, each.instance_type): each
        for each in job_usage.by_entry_point(store)
    }
    return {
        "schema": SCHEMA,
        "name": root["executable_name"],
        "function": root["function"],
        "state": root["state"],
        "created": root["created"],
        "stopped": root["stopped"],
        "cause": _cause(platform, root["id"], app),
        "entryPoints": [
            _summary(key, [job for job in jobs if job["entryPoint"] == number], usage.get(key))
            for number, key in enumerate(keys)
        ],
        "jobs": {name: [job[name] for job in jobs] for name in Job.__annotations__},  # type: ignore[literal-required]
        "inputs": _values(store, root["id"], "COALESCE(input, original_input)", "input"),
        "outputs": _values(store, root["id"], "output", "output"),
        "environment": {
            "dxLocal": __version__,
            "python": machine.python_version(),
            "machine": f"{machine.system()} {machine.release()} {machine.machine()}",
            "cores": os.cpu_count(),
            "region": store.value("SELECT region FROM job ORDER BY sequence LIMIT 1"),
        },
    }


def _entry_point(row: Row) -> tuple[str, str, str]:
    return row["executable_name"], row["function"], row["instance_type"]


def _jobs(
    rows: Sequence[Row], entry_points: dict[tuple[str, str, str], int], platform: Platform
) -> list[Job]:
    """Return the jobs in the order of their creation."""
    positions = {row["id"]: position for position, row in enumerate(rows)}
    labels = JobLabels()
    jobs: list[Job] = []
    for row in rows:
        identity = cast("JobIdentity", row)
        usage = row["usage"] or {}
        jobs.append(
            {
                "id": row["id"],
                "label": labels.label(identity, name_of(identity, row["parent_workspace"])),
                "entryPoint": entry_points[_entry_point(row)],
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
                "reason": row["failure_reason"],
                "message": row["failure_message"],
                "log": _log(platform, row) if row["started"] is not None else None,
            }
        )
    return jobs


def _log(platform: Platform, row: Row) -> str:
    job = JobTry(id=row["id"], function=row["function"], try_number=row["try_number"])
    return str(job_logs.log_path(platform, job).relative_to(platform.folder))


def _summary(key: tuple[str, str, str], jobs: Sequence[Job], usage: EntryPointUsage | None) -> JSON:
    executable, function, instance_type = key
    spans = sorted(
        (job["stopped"] - job["started"]) / 1000
        for job in jobs
        if job["started"] is not None and job["stopped"] is not None
    )
    worker = usage and usage.worker
    return {
        "executableName": executable,
        "function": function,
        "jobs": len(jobs),
        "done": sum(job["state"] == "done" for job in jobs),
        "failed": sum(job["state"] == "failed" for job in jobs),
        "medianSeconds": spans[len(spans) // 2] if spans else None,
        "slowestSeconds": spans[-1] if spans else None,
        "maxMemory": usage and usage.memory,
        "maxDisk": usage and usage.disk,
        "cpuSeconds": usage and round(usage.cpu_seconds, 3),
        "instanceType": instance_type,
        "instanceMemory": worker and worker.memory_bytes,
        "instanceStorage": worker and worker.storage_bytes,
    }


def _cause(platform: Platform, root: str, app: Path) -> JSON | None:
    """Return the cause of a failure, or None for a run that is done or was killed."""
    from dx_local.engine.reports.failure_report import explain

    row = platform.store.get("job", root, without="output")
    if row is None or row["state"] not in _FINAL - {"done"}:
        return None
    found = explain(platform, row, app)
    cause = found.to_json()
    del cause["findings"], cause["hint"]
    cause["input"] = _bounded(cause["input"])
    cause["log"] = found.log_file and str(found.log_file.relative_to(platform.folder))
    return cause


def _values(store: Store, job_id: str, column: str, name: str) -> list[JSON]:
    """Return the inputs or outputs of a job with their files; none if they are too large to be read."""
    start = store.value(f"SELECT substr({column}, 1, 1) AS start FROM job WHERE id = ?", job_id)
    if start != "{":
        return []
    values = store.value(f"SELECT {column} AS {name} FROM job WHERE id = ?", job_id)
    return [
        {"name": key, "value": _bounded(value), "files": _files(store, value)}
        for key, value in values.items()
    ]


def _bounded(value: Any) -> Any:
    """Return a value, or null if its JSON is too long for a report."""
    return value if len(to_json(value)) <= _LONGEST_VALUE else None


def _files(store: Store, value: Any) -> list[JSON]:
    """Return the names and sizes of the data objects that a value refers to."""
    found = (
        store.one(
            Row,
            "SELECT object.id, placement.name, json_extract(object.fields, '$.size') AS bytes"
            " FROM object JOIN placement ON placement.object = object.id WHERE object.id = ? LIMIT 1",
            entity,
        )
        for entity in links_in(value)
    )
    return [dict(row) for row in found if row]
