"""The nodes on which the jobs of a run ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.engine.job_labels import JobLabels, name_of
from dx_local.platform.core.schema import JobIdentity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dx_local.platform.core.store import Store


class _Row(JobIdentity):
    node: str | None


_ROWS = f"SELECT {', '.join(_Row.__annotations__)} FROM job ORDER BY sequence"


def jobs_by_node(store: Store) -> Mapping[str, list[str]]:
    """Return the labels of jobs by the node on which their last try ran; empty if all ran on this machine."""
    if not store.exists("SELECT 1 FROM job WHERE node IS NOT NULL"):
        return {}
    rows = store.all(_Row, _ROWS)
    workspaces = {row["id"]: row["workspace"] for row in rows}
    labels = JobLabels()
    found: dict[str, list[str]] = {}
    for row in rows:
        # A label counts the jobs of its name, so that those without a node are counted too.
        label = labels.label(row, name_of(row, workspaces.get(row["parent"] or "")))
        if row["node"] is not None:
            found.setdefault(row["node"], []).append(label)
    return found
