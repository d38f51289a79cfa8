"""Workflows as data objects: made, described and closed; running them is not implemented yet.

Source: https://documentation.dnanexus.com/developer/api/running-analyses/workflows-and-analyses
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dx_local.platform import objects
from dx_local.platform.errors import InvalidInput

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context
    from dx_local.platform.store import Row

_DEFAULTS: JSON = {
    "summary": "",
    "description": "",
    "outputFolder": None,
    "inputs": None,
    "outputs": None,
    "ignoreReuse": None,
    "dxapi": "1.0.0",
}
DEFAULT_FIELDS = frozenset(
    (*_DEFAULTS, "title", "stages", "editVersion", "inputSpec", "outputSpec", "latestAnalysis")
)


def new(context: Context, class_name: str, request: JSON) -> JSON:
    """`/workflow/new`: an open workflow, which `/workflow-xxxx/close` closes."""
    stages = request.get("stages") or []
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        raise InvalidInput("Expected key 'stages' of the input to be an array of hashes")
    fields = {key: request.get(key, default) for key, default in _DEFAULTS.items()}
    fields |= {"title": request.get("title"), "stages": stages, "editVersion": 0, "latestAnalysis": None}
    return {"id": objects.create(context, class_name, request, fields=fields, state="open")}


def describe_fields(_context: Context, row: Row, _request: JSON) -> JSON:
    """Return what a workflow's describe adds to that of any data object."""
    fields = row["fields"]
    return {**fields, "title": fields["title"] or row["id"], "inputSpec": [], "outputSpec": []}


objects.DESCRIBERS["workflow"] = describe_fields
objects.DEFAULT_FIELDS["workflow"] = DEFAULT_FIELDS
