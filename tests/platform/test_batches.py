from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.platform import apps, batches, executables
from dx_local.platform.errors import InvalidInput

if TYPE_CHECKING:
    from dx_local.platform.context import JSON, Context


@pytest.fixture
def applet(context: Context, project: str) -> str:
    spec = [{"name": "n", "class": "int"}, {"name": "name", "class": "string", "optional": True}]
    run_spec = {"interpreter": "bash", "code": ""}
    request = {"dxapi": "1.0.0", "inputSpec": spec, "outputSpec": [], "runSpec": run_spec}
    applet_id: str = executables.new_applet(context, "applet", {**request, "project": project})["id"]
    return applet_id


def test_columns_become_the_inputs_of_runs(context: Context, applet: str) -> None:
    request = {"batchInput": {"n": [1, 2], "name": ["a", None]}, "commonInput": {"name": "common"}}
    expanded = [{"n": 1, "name": "a"}, {"n": 2, "name": "common"}]
    assert batches.validate_applet_batch(context, applet, request) == {"expandedBatch": expanded}


def test_an_app_takes_batches_too(context: Context, applet: str) -> None:
    apps.new(context, "app", {"name": "a", "version": "1.0.0", "applet": applet})
    expanded = {"expandedBatch": [{"n": 1}]}
    assert batches.validate_app_batch(context, "app-a", {"batchInput": {"n": [1]}}) == expanded


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, '"batchInput" is missing'),
        ({"batchInput": {}}, "must name inputs"),
        ({"batchInput": {"n": 1}}, "must name inputs"),
        ({"batchInput": {"n": [1, 2], "name": ["a"]}}, "2 for 'n', 1 for 'name'"),
        ({"batchInput": {"n": [1, "x"]}}, "run 2 of the batch: input 'n'"),
        ({"batchInput": {"name": ["a"]}}, "run 1 of the batch: missing required input 'n'"),
        ({"batchInput": {"n": [1]}, "commonInput": []}, '"commonInput" must be a hash'),
    ],
)
def test_a_batch_that_cannot_run_is_refused(context: Context, applet: str, request_: JSON, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        batches.validate_applet_batch(context, applet, request_)
