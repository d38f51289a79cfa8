"""The columns of a job that explain its state, and the same as details of a transition."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from dx_local.platform.core.states import FINAL, State

if TYPE_CHECKING:
    from dx_local.platform.core.store import Store

SHOWN_STATES = frozenset({State.RUNNING, State.RESTARTABLE, *FINAL})
"""The states that are worth a line."""

# Columns that can be large, such as inputs, are not read.
_OUTCOME = """
SELECT id, name, try_number, failure_reason, json_extract(failure_from, '$.id') AS failed_first,
    reused_from, not_reused, json_extract(usage, '$.memory') AS memory
FROM job WHERE id = ?
"""
_REASON_OF_TRY = "SELECT json_extract(row, '$.failure_reason') FROM past_try WHERE job = ? AND number = ?"


class JobOutcome(TypedDict):
    """The state of a job's last try; `failed_first` is the job whose failure caused this one's."""

    id: str
    name: str
    try_number: int
    failure_reason: str | None
    failed_first: str | None
    reused_from: str | None
    not_reused: str | None
    memory: int | None


def outcome_of(store: Store, job_id: str) -> JobOutcome | None:
    """Return the outcome of a job, or None if there is no job with this ID."""
    return store.one(JobOutcome, _OUTCOME, job_id)


def details(store: Store, outcome: JobOutcome, after: State) -> str:
    """Return details of a transition in parentheses: the reason, or the number of the try; or nothing."""
    number = outcome["try_number"]
    if after is State.RESTARTABLE:
        # The row may already be that of the next try.
        reason = outcome["failure_reason"] or store.value(_REASON_OF_TRY, outcome["id"], number - 1)
        return f" ({reason})"
    if after is State.FAILED:
        return f" ({outcome['failure_reason']})"
    if after is State.DONE and outcome["reused_from"]:
        is_here = store.exists("SELECT 1 FROM job WHERE id = ?", outcome["reused_from"])
        return f" (output reused from {outcome['reused_from']})" if is_here else " (taken over)"
    if after is not State.RUNNING:
        return ""
    if number:
        return f" (try {number})"
    return f" (not reused: {outcome['not_reused']})" if outcome["not_reused"] else ""
