"""Tests of workflows and analyses with the real `dx` and dxpy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from dx_local.platform.execution import job_events

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform

JSON = dict[str, Any]


def make_applet(served: ServedPlatform, name: str = "double", **fields: Any) -> str:
    """Create an applet with a number as input and output, or with other specs."""
    number = [{"name": "n", "class": "int"}]
    request = {
        "project": served.project,
        "name": name,
        "dxapi": "1.0.0",
        "inputSpec": number,
        "outputSpec": number,
        "runSpec": {"interpreter": "bash", "code": "main() { true; }"},
        **fields,
    }
    applet: str = served.post("/applet/new", request)["id"]
    return applet


FROM_FIRST = {"n": {"$dnanexus_link": {"stage": "a", "outputField": "n"}}}


@pytest.fixture
def chain(served: ServedPlatform) -> str:
    """A workflow whose second stage uses the output of the first."""
    applet = make_applet(served)
    stages = [
        {"id": "a", "name": "first", "executable": applet, "input": {"n": 1}},
        {"id": "b", "executable": applet, "folder": "sub", "input": FROM_FIRST},
    ]
    request = {"project": served.project, "name": "chain", "stages": stages}
    workflow: str = served.post("/workflow/new", request)["id"]
    return workflow


def start(served: ServedPlatform, workflow: str, **asked: Any) -> str:
    """Run a workflow without starting `dx`, which takes a second."""
    request = {"project": served.project, "input": {}, **asked}
    analysis: str = served.post(f"/{workflow}/run", request)["id"]
    return analysis


def finish(served: ServedPlatform, job: str, output: JSON) -> None:
    """Start and finish a job with this output, as a worker does."""

    def end(context: Any) -> None:
        job_events.start(context.platform, job)
        job_events.finish(context.platform, job, output)

    served.inside(end)


def stage_jobs(served: ServedPlatform, analysis: str) -> list[str]:
    described = served.post(f"/{analysis}/describe")
    return [stage["execution"]["id"] for stage in described["stages"]]


def test_a_workflow_is_made_stage_by_stage(served: ServedPlatform) -> None:
    make_applet(served)
    served.dx("new", "workflow", "made", "--output-folder", "/out", "--brief")
    first = served.dx("add", "stage", "made", "double", "--name", "first", "-in=1", "--brief")
    options = ("--id", "b", "--relative-output-folder", "sub", "--instance-type", "mem1_ssd1_v2_x2")
    served.dx("add", "stage", "/made", "double", *options, "-j", json.dumps(FROM_FIRST))
    listed = served.dx("list", "stages", "made")
    assert all(part in listed for part in (f"first ({first})", "Output Folder: /out", "n=1", "b", "/sub"))


def test_stages_are_updated_and_removed(served: ServedPlatform, chain: str) -> None:
    served.dx("update", "stage", "chain", "b", "--name", "second", "-in=5", "--output-folder", "/abs")
    stage = served.post(f"/{chain}/describe")["stages"][1]
    assert (stage["name"], stage["input"], stage["folder"]) == ("second", {"n": 5}, "/abs")
    assert served.dx("remove", "stage", "chain", "0", "--brief") == "a"
    assert [stage["id"] for stage in served.post(f"/{chain}/describe")["stages"]] == ["b"]


def test_a_workflow_is_described(served: ServedPlatform, chain: str) -> None:
    described = served.dx("describe", "chain")
    for part in (chain, "Stage 0", "first (a)", "a.n (int, default=1)", "b.n"):
        assert part in described, described


def test_a_workflow_is_updated(served: ServedPlatform, chain: str) -> None:
    served.dx("update", "workflow", "chain", "--title", "T", "--output-folder", "/out")
    described = served.post(f"/{chain}/describe")
    assert (described["title"], described["outputFolder"], described["editVersion"]) == ("T", "/out", 1)
    served.dx("update", "workflow", "chain", "--no-title", "--no-output-folder")
    described = served.post(f"/{chain}/describe")
    assert (described["title"], described["outputFolder"]) == ("chain", None)


def test_an_executable_that_does_not_fit_needs_force(served: ServedPlatform, chain: str) -> None:
    other = make_applet(served, "other", inputSpec=[], outputSpec=[])
    refused = served.try_dx("update", "stage", chain, "a", "--executable", other)
    assert refused.returncode == 3
    assert 'The input "n" is missing' in refused.stderr
    served.dx("update", "stage", chain, "a", "--executable", other, "--force")
    assert other in served.dx("list", "stages", chain)


def test_an_inaccessible_stage_is_seen(served: ServedPlatform, chain: str) -> None:
    served.dx("rm", "double")
    assert "inaccessible" in served.dx("list", "stages", chain)
    refused = served.try_dx("run", chain, "-y")
    assert (refused.returncode, "inaccessible stage(s): a, b" in refused.stderr) == (3, True)


def test_a_workflow_runs_as_an_analysis(served: ServedPlatform, chain: str) -> None:
    analysis = served.dx("run", "chain", "-i0.n=7", "-y", "--brief", "--tag", "t", "--folder", "/")
    first, second = stage_jobs(served, analysis)
    assert "a.n = 7" in served.dx("describe", analysis)
    finish(served, first, {"n": 14})
    finish(served, second, {"n": 28})
    served.dx("wait", analysis)
    described = served.post(f"/{analysis}/describe")
    assert (described["state"], described["tags"]) == ("done", ["t"])
    assert described["output"] == {"a.n": 14, "b.n": 28}
    assert "Wall-clock time" in served.dx("describe", analysis, "--verbose")


def test_stages_are_named_by_name_and_position(served: ServedPlatform, chain: str) -> None:
    options = ("--stage-output-folder", "first", "/", "--instance-type", "1=mem2_ssd1_v2_x2")
    analysis = served.dx("run", chain, "-ifirst.n=7", "-y", "--brief", "--rerun-stage", "*", *options)
    stages = served.post(f"/{analysis}/describe")["stages"]
    first, second = (stage["execution"] for stage in stages)
    assert (first["folder"], second["folder"], second["instanceType"]) == ("/", "/sub", "mem2_ssd1_v2_x2")


def test_a_run_prints_the_id_of_the_analysis(served: ServedPlatform, chain: str) -> None:
    said = served.dx("run", chain, "-y", "--priority", "normal")
    assert "Analysis ID: analysis-" in said
    assert "reuse" not in said


def test_missing_inputs_are_named_before_anything_runs(served: ServedPlatform, chain: str) -> None:
    served.dx("add", "stage", chain, "double", "--id", "c")
    refused = served.try_dx("run", chain, "-y")
    assert (refused.returncode, "c.n" in refused.stderr) == (3, True)


def test_a_batch_of_analyses(served: ServedPlatform, chain: str) -> None:
    (served.folder / "batch.tsv").write_text("batch ID\ta.n\nx\t5\ny\t6\n")
    analyses = served.dx("run", chain, "--batch-tsv", "batch.tsv", "-y", "--brief").split(",")
    described = [served.post(f"/{analysis}/describe") for analysis in analyses]
    assert [(one["name"], one["input"]["a.n"]) for one in described] == [("chain-x", 5), ("chain-y", 6)]


def test_a_batch_with_a_wrong_input_is_rejected(served: ServedPlatform, chain: str) -> None:
    request = {"batchInput": {"a.n": [1, "two"]}, "commonInput": {}}
    assert served.error(f"/{chain}/validateBatch", request) == (422, "InvalidInput")


def test_analyses_are_found_as_trees(served: ServedPlatform, chain: str) -> None:
    analysis = start(served, chain, name="my run")
    first, second = stage_jobs(served, analysis)
    assert served.dx("find", "analyses", "--brief") == analysis
    assert "my run (chain)" in served.dx("find", "analyses")
    tree = served.dx("find", "executions")
    assert all(execution in tree for execution in (analysis, first, second))
    assert set(served.dx("find", "jobs", "--brief").split()) == {first, second}
    assert set(served.dx("find", "executions", "--root", analysis, "--brief").split()) >= {analysis, first}


def test_an_analysis_is_terminated(served: ServedPlatform, chain: str) -> None:
    analysis = start(served, chain)
    served.dx("terminate", analysis)
    assert served.post(f"/{analysis}/describe")["state"] == "terminated"


def test_an_analysis_is_marked(served: ServedPlatform, chain: str) -> None:
    analysis = start(served, chain)
    served.dx("tag", analysis, "x", "y")
    served.dx("untag", analysis, "x")
    served.dx("set_properties", analysis, "k=v", "l=w")
    served.dx("unset_properties", analysis, "l")
    described = served.post(f"/{analysis}/describe")
    assert (described["tags"], described["properties"]) == (["y"], {"k": "v"})


def test_an_analysis_is_run_again_as_it_was(served: ServedPlatform, chain: str) -> None:
    analysis = start(served, chain, input={"a.n": 7}, name="R", properties={"k": "v"})
    again = served.dx("run", "--clone", analysis, "-y", "--brief")
    described = served.post(f"/{again}/describe")
    assert (described["name"], described["properties"]) == ("R (re-run)", {"k": "v"})
    assert described["input"]["a.n"] == 7
    assert served.dx("find", "data", "--class", "workflow", "--brief") == f"{served.project}:{chain}"


def test_a_workflow_starts_from_another_or_from_an_analysis(served: ServedPlatform, chain: str) -> None:
    copy = served.dx("new", "workflow", "copy", "--init", "chain", "--title", "T", "--brief")
    described = served.post(f"/{copy}/describe")
    assert (described["name"], described["title"], len(described["stages"])) == ("copy", "T", 2)
    assert described["initializedFrom"]["id"] == chain
    analysis = start(served, chain, input={"a.n": 7})
    as_run = served.dx("new", "workflow", "as run", "--init", analysis, "--brief")
    assert served.post(f"/{as_run}/describe")["stages"][0]["input"] == {"n": 7}


def test_a_locked_workflow_is_built_from_its_folder_and_run(served: ServedPlatform) -> None:
    definition = {
        "name": "locked",
        "title": "Locked",
        "summary": "One step",
        "inputs": [{"name": "start", "class": "int"}],
        "outputs": [
            {
                "name": "end",
                "class": "int",
                "outputSource": {"$dnanexus_link": {"stage": "a", "outputField": "n"}},
            }
        ],
        "stages": [
            {
                "id": "a",
                "executable": make_applet(served),
                "input": {"n": {"$dnanexus_link": {"workflowInputField": "start"}}},
            }
        ],
    }
    folder = served.folder / "locked"
    folder.mkdir()
    (folder / "dxworkflow.json").write_text(json.dumps(definition))
    workflow = json.loads(served.dx("build", "locked"))["id"]
    assert "Workflow Inputs" in served.dx("describe", workflow)
    refused = served.try_dx("run", workflow, "-ia.n=1", "-y")
    assert (refused.returncode, "only on the workflow level" in refused.stderr) == (3, True)
    analysis = served.dx("run", workflow, "-istart=4", "-y", "--brief")
    finish(served, stage_jobs(served, analysis)[0], {"n": 8})
    assert served.post(f"/{analysis}/describe")["output"]["end"] == 8


def test_dxpy_edits_a_workflow(served: ServedPlatform) -> None:
    code = """
applet = dxpy.DXApplet(v[0])
w = dxpy.new_dxworkflow(title='t', output_folder='/out')
first = w.add_stage(applet, name='one', folder='f', stage_input={'n': 1}, instance_type='mem1_ssd1_v2_x2')
second = w.add_stage(applet, name='two', edit_version=1)
w.move_stage(0, 1)
order = [w.get_stage(0)['id'] == second, w.get_stage('one')['id'] == first]
w.update(stages={first: {'input': {'n': None}}}, summary='s')
w.update(workflow_inputs=[{'name': 'x', 'class': 'int'}])
w.update(unset_workflow_inputs=True)
w.remove_stage('two')
result = [order, w.editVersion, w.summary, w.inputs, [s['name'] for s in w.stages], w.stages[0]['input']]
"""
    assert served.dxpy(code, make_applet(served)) == [[True, True], 7, "s", None, ["one"], {}]


def test_dxpy_compares_and_overwrites(served: ServedPlatform, chain: str) -> None:
    code = """
same = dxpy.api.workflow_is_stage_compatible(v[0], {'editVersion': 0, 'stage': 'a', 'executable': v[1]})
plan = dxpy.api.workflow_dry_run(v[0], {'project': v[2], 'input': {}})
other = dxpy.new_dxworkflow(title='other')
dxpy.api.workflow_overwrite(other.get_id(), {'editVersion': 0, 'from': {'id': v[0]}})
stages = [[stage['id'] for stage in found['stages']] for found in (plan, other.describe())]
result = [same['compatible'], *stages]
"""
    result = served.dxpy(code, chain, make_applet(served), served.project)
    assert result == [True, ["a", "b"], ["a", "b"]]


def test_dxpy_runs_a_workflow_and_waits(served: ServedPlatform, chain: str) -> None:
    code = """
analysis = dxpy.DXWorkflow(v[0]).run({'0.n': 3}, stage_folders={'*': 'x'}, ignore_reuse_stages=['*'])
analysis.terminate()
try:
    analysis.wait_on_done(timeout=5)
except dxpy.exceptions.DXJobFailureError as error:
    result = [str(error), analysis.describe()['input']['a.n'], analysis.get_output_ref('b.n')]
"""
    said, given, reference = served.dxpy(code, chain)
    assert ("terminated" in said, given) == (True, 3)
    assert reference["$dnanexus_link"]["field"] == "b.n"


@pytest.mark.parametrize(
    ("method", "request_", "expected"),
    [
        ("addStage", {"editVersion": 0}, (422, "InvalidInput")),
        ("addStage", {"executable": "applet-x", "editVersion": 0}, (404, "ResourceNotFound")),
        ("addStage", {"executable": "file-x", "editVersion": 0}, (422, "InvalidType")),
        ("removeStage", {"stage": "a", "editVersion": 1}, (422, "InvalidState")),
        ("removeStage", {"stage": "a"}, (422, "InvalidInput")),
        ("removeStage", {"stage": "z", "editVersion": 0}, (422, "InvalidInput")),
        ("moveStage", {"stage": "a", "newIndex": 2, "editVersion": 0}, (422, "InvalidInput")),
        ("update", {"stages": {"a": 3}, "editVersion": 0}, (422, "InvalidInput")),
        ("update", {"inputs": [{"name": "x"}], "editVersion": 0}, (422, "InvalidInput")),
        ("run", {}, (422, "InvalidInput")),
    ],
)
def test_wrong_edits_are_rejected(
    served: ServedPlatform, chain: str, method: str, request_: JSON, expected: tuple[int, str]
) -> None:
    assert served.error(f"/{chain}/{method}", request_) == expected
