"""Advice for apps whose jobs restart in a whole tree when one of them is lost with its node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.job_labels import job_label
from dx_local.platform.lifecycle import restarts

if TYPE_CHECKING:
    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store

REASON = "UnresponsiveWorker"
"""The reason of the failure of a job whose worker is lost."""


def advice_on(store: Store, job: JobRow) -> str | None:
    """Return the advice on a job that is lost, or None if the job itself is the one to restart."""
    restarted = restarts.job_to_restart(store, job)
    if restarted["id"] == job["id"] or not restarts.is_allowed(restarted, REASON):
        return None
    return (
        f"The loss of {job_label(store, job)} restarts {job_label(store, restarted)} and its subjobs,"
        ' because runSpec.restartableEntryPoints is "master", the default.'
        ' With "all", only the lost job would run again.'
    )
