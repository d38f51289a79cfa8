"""Derive the output and the failure of an analysis from the rows of its stages' executions.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses and
https://documentation.dnanexus.com/user/running-apps-and-workflows/job-lifecycle (analysis states)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dx_app_wizard.dxapp.field_links import NO_VALUE, FieldLink, replace_field_links
from dx_local.platform.lifecycle.outputs import object_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dx_local.platform.core.schema import JobRow
    from dx_local.platform.core.store import Store


def fails_all_stages(stage: JobRow) -> bool:
    """Return whether a stage has failed whose execution policy fails all other stages too."""
    policy = stage["requested"].get("executionPolicy") or {}
    return stage["state"] == "failed" and policy.get("onNonRestartableFailure") == "failAllStages"


def failure(stages: Sequence[JobRow]) -> dict[str, Any] | None:
    """Return the failure of an analysis as columns of its row, or None if no stage has failed.

    It is the first failure that is not the consequence of another stage's failure.
    """
    failed_stages = [stage for stage in stages if stage["state"] in ("failed", "terminated")]
    if not failed_stages:
        return None
    first = min(failed_stages, key=lambda stage: (_is_consequence(stage), stage["transitions"][-1]["setAt"]))
    origin = first["failure_from"] or {
        "id": first["id"],
        "name": first["name"],
        "executable": first["executable"],
        "executableName": first["executable_name"],
        "function": first["function"],
        "failureReason": "Terminated",
        "failureMessage": f"{first['name']} ({first['id']}) was terminated",
    }
    return {
        "failure_reason": origin["failureReason"],
        "failure_message": origin["failureMessage"],
        "failure_from": origin,
    }


def output(store: Store, analysis: JobRow, stages: Sequence[JobRow]) -> dict[str, Any]:
    """Return the outputs of the stages that are done, as `STAGE.FIELD`, and of the workflow itself."""
    done = {stage["stage"]: stage for stage in stages if stage["state"] == "done"}
    found = {
        f"{stage}.{field}": value
        for stage, row in done.items()
        for field, value in (row["output"] or {}).items()
    }

    def value_of(link: FieldLink) -> Any:
        if link.stage is None:
            values = analysis["requested"]["workflowInput"]
        else:
            row = done.get(link.stage)
            values = ((row["input"] if link.kind == "inputField" else row["output"]) if row else None) or {}
        return link.pick(values.get(link.field), lambda entity, path: object_metadata(store, entity, path))

    for declared in analysis["requested"]["workflow"]["outputs"] or []:
        value = replace_field_links(declared.get("outputSource"), value_of)
        if value is not NO_VALUE and value is not None:
            found[declared["name"]] = value
    return found


def _is_consequence(stage: JobRow) -> bool:
    return stage["state"] == "terminated" or stage["failure_reason"] == "DependencyUnsatisfiable"
