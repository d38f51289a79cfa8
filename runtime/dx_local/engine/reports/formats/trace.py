"""The jobs of a report as a table of tab-separated values, one row per job and try."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dx_local.platform.core.context import JSON

COLUMNS = (
    "job", "try", "label", "executable", "function", "state", "parent", "created", "started", "stopped",
    "seconds", "memory", "cpu_seconds", "disk", "instance_type", "reused", "reason", "message", "log",
)  # fmt: skip
"""The columns: times in ms since the epoch, sizes in bytes; a value that is not known is empty."""

_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def trace_table(report: JSON) -> str:
    """Return the table with a header line; line breaks and tabs in messages become spaces."""
    rows = (COLUMNS, *_rows(report))
    return "".join("\t".join(map(_cell, row)) + "\n" for row in rows)


def _rows(report: JSON) -> Iterator[tuple[Any, ...]]:
    jobs, earlier = _as_rows(report["jobs"]), _as_rows(report["earlierTries"])
    before: dict[int, list[JSON]] = {}
    for each in earlier:
        before.setdefault(each["job"], []).append(each)
    for position, job in enumerate(jobs):
        for past in before.get(position, []):
            number = past["number"]
            yield _row(report, {**job, **past, "job": None, "state": "restarted"}, number)
        yield _row(report, job, job["tries"] - 1)


def _row(report: JSON, job: JSON, number: int) -> tuple[Any, ...]:
    entry_point = report["entryPoints"][job["entryPoint"]]
    parent = job["parent"]
    is_timed = job["started"] is not None and job["stopped"] is not None
    return (
        job["id"],
        number,
        job["label"],
        entry_point["executableName"],
        entry_point["function"],
        job["state"],
        None if parent is None else report["jobs"]["id"][parent],
        job["created"],
        job["started"],
        job["stopped"],
        (job["stopped"] - job["started"]) / 1000 if is_timed else None,
        job["memory"],
        job["cpuSeconds"],
        job["disk"],
        entry_point["instanceType"],
        int(job["reused"]),
        job["reason"],
        job["message"],
        job["log"],
    )


def _as_rows(columns: JSON) -> list[JSON]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _cell(value: Any) -> str:
    return "" if value is None else _BREAKS.sub(" ", str(value)).strip()
