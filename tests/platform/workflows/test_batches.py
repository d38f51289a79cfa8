from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dx_local.platform.apps import apps
from dx_local.platform.core.errors import InvalidInput
from dx_local.platform.data import files
from dx_local.platform.execution import applets
from dx_local.platform.workflows import batches

if TYPE_CHECKING:
    from pathlib import Path

    from dx_local.platform.core.context import JSON, Context


@pytest.fixture
def applet(context: Context, project: str) -> str:
    spec = [{"name": "n", "class": "int"}, {"name": "name", "class": "string", "optional": True}]
    run_spec = {"interpreter": "bash", "code": ""}
    request = {"dxapi": "1.0.0", "inputSpec": spec, "outputSpec": [], "runSpec": run_spec}
    applet_id: str = applets.new_applet(context, "applet", {**request, "project": project})["id"]
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
        ({"batchInput": {}}, "must map each input"),
        ({"batchInput": {"n": 1}}, "must map each input"),
        ({"batchInput": {"n": [1, 2], "name": ["a"]}}, "2 for 'n', 1 for 'name'"),
        ({"batchInput": {"n": [1, "x"]}}, "run 2 of the batch: input 'n'"),
        ({"batchInput": {"name": ["a"]}}, "run 1 of the batch: missing required input 'n'"),
        ({"batchInput": {"n": [1]}, "commonInput": []}, '"commonInput" must be a hash'),
    ],
)
def test_a_batch_that_cannot_run_is_refused(context: Context, applet: str, request_: JSON, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        batches.validate_applet_batch(context, applet, request_)


@pytest.fixture
def reads(context: Context, project: str, tmp_path: Path) -> dict[str, str]:
    """Files by name: pairs of reads, of which one lacks its second file."""
    found = {}
    for name in ("RA_R1_001.gz", "RA_R2_001.gz", "RB_R1_002.gz", "RB_R2_002.gz", "RC_R1_001.gz", "notes"):
        (tmp_path / name).write_text(name)
        file = files.link_local(context, tmp_path / name, project=project, folder="/", name=name)
        found[name] = file
    return found


def test_files_are_gathered_by_the_first_group(context: Context, project: str, reads: dict[str, str]) -> None:
    request = {"project": project, "inputs": {"one": "R(.*)_R1_(.*).gz", "two": "R(.*)_R2_(.*).gz"}}
    *whole, partial = batches.generate_batch_inputs(context, "system", request)["batchInputs"]
    assert [run["batchPattern"] for run in whole] == ["A", "B"]
    assert whole[0]["inputs"]["two"] == {"name": "RA_R2_001.gz", "ids": [reads["RA_R2_001.gz"]]}
    assert (partial["batchPattern"], partial["error"]) == ("C", "some inputs have no file")


def test_several_files_for_one_input_are_an_error(context: Context, project: str, reads: JSON) -> None:
    request = {"project": project, "inputs": {"one": "R(.)_R._.*"}}
    found = batches.generate_batch_inputs(context, "system", request)["batchInputs"]
    assert found[0]["inputs"]["one"]["ids"] == [reads["RA_R2_001.gz"], reads["RA_R1_001.gz"]]
    assert found[0]["error"] == "some inputs have several files"
    assert "error" not in found[2]


@pytest.mark.parametrize("pattern", ["(", "no group", 1, None])
def test_a_pattern_has_a_group(context: Context, project: str, pattern: object) -> None:
    with pytest.raises(InvalidInput, match="inputs"):
        batches.generate_batch_inputs(context, "system", {"project": project, "inputs": {"one": pattern}})
