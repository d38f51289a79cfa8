"""Workflows as data objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.platform import objects, workflows
from dx_local.platform.errors import InvalidInput

if TYPE_CHECKING:
    from dx_local.platform.context import Context


def test_a_workflow_is_open_until_it_is_closed(context: Context, project: str) -> None:
    workflow = workflows.new(context, "workflow", {"project": project, "title": "Two steps"})["id"]
    assert objects.describe(context, workflow, {})["state"] == "open"
    objects.close(context, workflow, {})
    described = objects.describe(context, workflow, {})
    assert (described["state"], described["title"]) == ("closed", "Two steps")


def test_a_workflow_without_a_title_is_called_by_its_id(context: Context, project: str) -> None:
    workflow = workflows.new(context, "workflow", {"project": project})["id"]
    assert objects.describe(context, workflow, {})["title"] == workflow


@pytest.mark.parametrize("stages", [{"id": "a"}, ["a"]])
def test_stages_are_hashes(context: Context, project: str, stages: object) -> None:
    with pytest.raises(InvalidInput, match="stages"):
        workflows.new(context, "workflow", {"project": project, "stages": stages})
