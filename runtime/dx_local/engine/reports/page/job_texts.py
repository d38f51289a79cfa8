"""The texts of jobs in the page of a report: last log lines, inputs and outputs, within limits of size."""

from __future__ import annotations

import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from dx_local.engine.reports.entry_points import TREE_FAILURE
from dx_local.platform.core.large_values import is_large
from dx_local.platform.core.store import Row
from dx_local.platform.execution.job_logs import job_output_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Platform

_FAILED_JOBS = 20
_LONGEST_JOBS = 5
_LOG_LINES = 200
_LOG_BYTES = 20 << 10
_LONGEST_VALUE = 4000  # characters of an input or output
_MOST_CHARACTERS = 6_000_000
_MOST_PACKED = 750_000  # bytes; base64 makes a megabyte of them
# Long values are left out here already, because all of them together may not fit into memory.
_VALUES = f"""
SELECT CASE WHEN length(given) <= {_LONGEST_VALUE} THEN given END AS given,
    CASE WHEN length(made) <= {_LONGEST_VALUE} THEN made END AS made
FROM (
    SELECT sequence, COALESCE(input, original_input) AS given, output AS made FROM job WHERE ? IN ('', root)
)
ORDER BY sequence
"""


def log_tails(folder: Path, report: JSON) -> dict[str, JSON]:
    """Return the last lines of the logs of failed jobs and of those that ran longest, by position.

    Positions count the jobs, and then the earlier tries.
    """
    tails: dict[str, JSON] = {}
    logs = [*report["jobs"]["log"], *report["earlierTries"]["log"]]
    for position in _with_logs(report):
        if logs[position] is not None:
            with suppress(OSError):
                tails[str(position)] = _tail(folder / logs[position])
    return tails


def job_values(platform: Platform, report: JSON, root: str) -> list[list[str | None] | None]:
    """Return the input and output of each job as JSON texts, or null for texts that are too long.

    If there are too many, only the first jobs and those of `log_tails` have theirs, and the others have null.
    """
    rows = platform.store.all(Row, _VALUES, root)
    chosen: list[list[str | None] | None] = [None] * len(rows)
    size = 0
    wanted = [position for position in _with_logs(report) if position < len(rows)]
    for position in dict.fromkeys((*wanted, *range(len(rows)))):
        texts = [_inline(rows[position]["given"]), _inline(rows[position]["made"])]
        size += sum(len(text or "") for text in texts)
        if size > _MOST_CHARACTERS:
            break
        chosen[position] = texts
    while len(zlib.compress(json.dumps(chosen).encode(), 1)) > _MOST_PACKED:
        kept = [position for position, texts in enumerate(chosen) if texts and position not in wanted]
        for position in kept[len(kept) // 2 :]:
            chosen[position] = None
        if not kept:
            break
    return chosen


def _inline(text: str | None) -> str | None:
    return None if text is None or is_large(text) else text


def _with_logs(report: JSON) -> list[int]:
    """Return the positions of failed jobs, the cause first, and of those that ran longest."""
    jobs, earlier = report["jobs"], report["earlierTries"]
    cause = report["cause"]["job"] if report["cause"] else None
    failed = [
        (
            identity != cause,
            jobs["reason"][position] == TREE_FAILURE,
            jobs["stopped"][position] or 0,
            position,
        )
        for position, identity in enumerate(jobs["id"])
        if jobs["state"][position] == "failed"
    ]
    count = len(jobs["id"])
    failed += [
        (True, False, stopped or 0, count + number) for number, stopped in enumerate(earlier["stopped"])
    ]
    spans = [
        (stopped - started, position)
        for position, (started, stopped) in enumerate(zip(jobs["started"], jobs["stopped"], strict=True))
        if started is not None and stopped is not None
    ]
    longest = [position for _, position in sorted(spans, reverse=True)[:_LONGEST_JOBS]]
    return list(dict.fromkeys((*(each[-1] for each in sorted(failed)[:_FAILED_JOBS]), *longest)))


def _tail(log: Path) -> JSON:
    text = job_output_bytes(log, _LOG_BYTES).decode("utf-8", "replace")
    lines = text.splitlines()
    is_cut = log.stat().st_size > _LOG_BYTES
    if is_cut:
        lines = lines[1:]
    return {"text": "\n".join(lines[-_LOG_LINES:]), "isCut": is_cut or len(lines) > _LOG_LINES}
