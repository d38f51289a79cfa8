"""The report of a run: data that fit the published schema, made from the folder of the run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from tests.conftest import start_job

from dx_local.engine.reports.run_report import ReportRequest, report_of
from dx_local.engine.run_folder import reading
from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.engine.settings import JobSettings
from dx_local.errors import UsageError
from dx_local.platform.core.context import Caller, Context
from dx_local.testing import Run, run_app

if TYPE_CHECKING:
    from dx_local.engine.runs.result import RunResult
    from dx_local.platform.core.states import Transition

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "schemas" / "report.schema.json"
SPEC: dict[str, Any] = {
    "name": "pieces",
    "inputSpec": [{"name": "reads", "class": "file"}, {"name": "broken", "class": "int", "default": 0}],
    "outputSpec": [{"name": "copy", "class": "file"}],
    "runSpec": {
        "file": "src/pieces.py",
        "interpreter": "python3",
        "distribution": "Ubuntu",
        "release": "24.04",
        "version": "0",
    },
}
SOURCE = """\
import dxpy

@dxpy.entry_point("process")
def process(number, broken):
    print("piece </script> 'quoted' \\"twice\\" \\0 end")
    return {"number": number // (number != broken)}

@dxpy.entry_point("main")
def main(reads, broken):
    pieces = [dxpy.new_dxjob({"number": n, "broken": broken}, "process") for n in (1, 2, 3)]
    for piece in pieces:
        piece.wait_on_done()
    dxpy.download_dxfile(reads, "copy.txt")
    return {"copy": dxpy.dxlink(dxpy.upload_local_file("copy.txt"))}

dxpy.run()
"""


PIPELINE_SPEC: dict[str, Any] = {
    "name": "pipeline",
    "inputSpec": [],
    "outputSpec": [{"name": "total", "class": "int"}],
    "runSpec": {
        **SPEC["runSpec"],
        "file": "src/pipeline.py",
        "restartableEntryPoints": "all",
        "executionPolicy": {"restartOn": {"AppInternalError": 1}},
    },
}
PIPELINE = """\
import dxpy

@dxpy.entry_point("index")
def index():
    return {}

@dxpy.entry_point("process")
def process(number):
    print("number", number)
    if number == 1 and dxpy.describe(dxpy.JOB_ID)["try"] == 0:
        raise RuntimeError("once")
    return {"result": number}

@dxpy.entry_point("map")
def start():
    jobs = [dxpy.new_dxjob({"number": n}, "process") for n in range(3)]
    return {"results": [job.get_output_ref("result") for job in jobs]}

@dxpy.entry_point("gather")
def gather(results):
    return {"total": sum(results)}

@dxpy.entry_point("main")
def main():
    index_job = dxpy.new_dxjob({}, "index")
    map_job = dxpy.new_dxjob({}, "map", depends_on=[index_job])
    gather_job = dxpy.new_dxjob({"results": map_job.get_output_ref("results")}, "gather")
    return {"total": gather_job.get_output_ref("total")}

dxpy.run()
"""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Run:
    app = tmp_path_factory.mktemp("report") / "pipeline"
    (app / "src").mkdir(parents=True)
    (app / "dxapp.json").write_text(json.dumps(PIPELINE_SPEC), encoding="utf-8")
    (app / "src" / "pipeline.py").write_text(PIPELINE, encoding="utf-8")
    return run_app(app, {}, folder=app / "test-job-workspaces" / "2026-11-30T10-00-00")


def named_edges(made: dict[str, Any], kind: str) -> set[tuple[str, str, int]]:
    names = [each["function"] for each in made["entryPoints"]]
    return {
        (names[each["from"]], names[each["to"]], each["jobs"])
        for each in made["edges"]
        if each["kind"] == kind
    }


def check_schema(made: dict[str, Any]) -> None:
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(made)


def test_edges_lead_from_the_jobs_that_computed_values(pipeline: Run) -> None:
    made = report(pipeline.folder)
    check_schema(made)
    assert named_edges(made, "data") == {("process", "gather", 3)}
    assert named_edges(made, "dependsOn") == {("index", "map", 1)}
    assert ("map", "process", 3) in named_edges(made, "starts")


def test_references_in_large_inputs_are_edges_too(job_context: Context, project: str) -> None:
    first = str(job_context.caller.job)
    second = str(
        start_job(Context(job_context.platform, Caller(job_context.caller.user)), project).caller.job
    )
    reference = {"$dnanexus_link": {"job": first, "field": "n"}}
    job_context.store.update("job", second, function="gather", original_input={"n": [reference] * 20_000})
    assert list(job_context.platform.folder.glob("values/*"))
    made = report_of(job_context.platform, ReportRequest(job_context.platform.folder))
    assert named_edges(made, "data") == {("main", "gather", 1)}


def test_earlier_tries_are_rows_of_their_own(pipeline: Run) -> None:
    made = report(pipeline.folder)
    tries = made["earlierTries"]
    assert (tries["number"], tries["message"]) == ([0], ["RuntimeError: once"])
    position = tries["job"][0]
    assert made["jobs"]["label"][position] == "process[2]"
    assert made["jobs"]["tries"][position] == 2
    assert (pipeline.folder / tries["log"][0]).is_file()
    process = next(each for each in made["entryPoints"] if each["function"] == "process")
    assert (process["jobs"], process["samples"], process["failed"]) == (3, 3, 0)


def test_advice_is_ready_for_dxapp_json(pipeline: Run) -> None:
    made = report(pipeline.folder)
    advice = made["entryPoints"][0]["advice"]
    assert advice["cores"] <= 2
    assert advice["memory"] >= 1.5 * made["entryPoints"][0]["maxMemory"]
    (snippet,) = made["systemRequirements"]
    assert snippet["systemRequirements"]["process"] == {"instanceType": advice["instanceType"]}


@pytest.mark.parametrize(
    ("state", "is_over", "expected"),
    [("running", True, "interrupted"), ("waiting_on_output", False, "running"), ("done", False, "done")],
)
def test_a_run_that_was_killed_is_not_running(
    job_context: Context, state: str, is_over: bool, expected: str
) -> None:
    job_context.store.update("job", str(job_context.caller.job), state=state)
    made = report_of(job_context.platform, ReportRequest(job_context.platform.folder, is_over=is_over))
    check_schema(made)
    assert made["state"] == expected


def test_an_analysis_is_called_by_its_workflow(job_context: Context) -> None:
    job_context.store.update("job", str(job_context.caller.job), function="", executable_name="pipeline")
    made = report_of(job_context.platform, ReportRequest(job_context.platform.folder))
    assert made["jobs"]["label"] == ["pipeline"]


def test_a_tree_of_a_platform_has_its_own_report(job_context: Context, project: str) -> None:
    first = str(job_context.caller.job)
    second = start_job(Context(job_context.platform, Caller(job_context.caller.user)), project).caller.job
    request = ReportRequest(job_context.platform.folder, root=str(second))
    assert report_of(job_context.platform, request)["jobs"]["id"] == [second]
    assert first != second


def test_a_later_report_keeps_the_environment_and_the_source_of_the_run(failed: Run, app: Path) -> None:
    before = json.loads((failed.folder / "report.json").read_text(encoding="utf-8"))
    changed = {**before, "environment": {**before["environment"], "python": "3.10.0"}}
    (failed.folder / "report.json").write_text(json.dumps(changed), encoding="utf-8")
    source = app / "src" / "pieces.py"
    code = source.read_text(encoding="utf-8")
    source.write_text("# a new first line\n" + code, encoding="utf-8")
    with reading(failed.folder) as platform:
        again = report_of(platform, ReportRequest(app, is_again=True))
    source.write_text(code, encoding="utf-8")
    (failed.folder / "report.json").write_text(json.dumps(before), encoding="utf-8")
    assert again["environment"]["python"] == "3.10.0"
    assert again["cause"]["source"] == before["cause"]["source"]


def test_the_source_is_shown_with_the_lines_around_it(failed: Run) -> None:
    source = report(failed.folder)["cause"]["source"]
    assert (source["place"], source["first"]) == ("src/pieces.py", 3)
    assert source["lines"][source["line"] - source["first"]].strip() == source["text"]
    assert len(source["lines"]) == 7


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "pieces"
    (folder / "src").mkdir(parents=True)
    (folder / "dxapp.json").write_text(json.dumps(SPEC), encoding="utf-8")
    (folder / "src" / "pieces.py").write_text(SOURCE, encoding="utf-8")
    (folder / "reads.txt").write_text("ACGT\n", encoding="utf-8")
    return folder


def run(app: Path, name: str, broken: int) -> Run:
    inputs = {"reads": str(app / "reads.txt"), "broken": broken}
    return run_app(app, inputs, folder=app / "test-job-workspaces" / name, check=False)


@pytest.fixture(scope="module")
def done(app: Path) -> Run:
    return run(app, "done", 0)


@pytest.fixture(scope="module")
def failed(app: Path) -> Run:
    return run(app, "failed", 2)


def report(folder: Path) -> dict[str, Any]:
    with reading(folder) as platform:
        return report_of(platform, ReportRequest(folder.parent.parent))


def test_the_report_of_a_done_run_fits_the_schema(done: Run) -> None:
    made = report(done.folder)
    check_schema(made)
    assert made["state"] == "done"
    assert made["cause"] is None


def test_the_report_of_a_failed_run_fits_the_schema(failed: Run) -> None:
    made = report(failed.folder)
    check_schema(made)
    assert made["cause"]["path"] == "main → process[2]"
    assert made["cause"]["source"]["line"] == 6
    assert (failed.folder / made["cause"]["log"]).is_file()


def test_jobs_are_numbered_among_their_siblings(done: Run) -> None:
    jobs = report(done.folder)["jobs"]
    assert jobs["label"] == ["main", "process", "process[2]", "process[3]"]
    assert jobs["parent"] == [None, 0, 0, 0]
    assert all((done.folder / log).is_file() for log in jobs["log"])


def test_entry_points_are_summed_up(done: Run) -> None:
    main, process = report(done.folder)["entryPoints"]
    assert (main["jobs"], process["jobs"], process["done"], process["failed"]) == (1, 3, 3, 0)
    assert 0 < process["medianSeconds"] <= process["slowestSeconds"]
    assert 0 < process["maxMemory"] < process["instanceMemory"]


def test_inputs_and_outputs_name_their_files(done: Run) -> None:
    made = report(done.folder)
    reads, broken = made["inputs"]
    assert [(file["name"], file["bytes"]) for file in reads["files"]] == [("reads.txt", 5)]
    assert broken == {"name": "broken", "value": 0, "files": []}
    assert made["outputs"][0]["files"][0]["name"] == "copy.txt"


@pytest.mark.parametrize("name", ["done", "failed"])
def test_a_run_writes_its_report(name: str, request: pytest.FixtureRequest) -> None:
    ended: Run = request.getfixturevalue(name)
    written = json.loads((ended.folder / "report.json").read_text(encoding="utf-8"))
    assert written == report(ended.folder)


def test_an_interrupted_run_writes_its_report(app: Path) -> None:
    folder = app / "test-job-workspaces" / "interrupted"
    source = "import time\ntime.sleep(60)\n"
    (app / "src" / "pieces.py").write_text(source, encoding="utf-8")
    request = RunRequest(
        app=app,
        given=GivenInputs.of({"reads": str(app / "reads.txt")}),
        folder=folder,
        settings=JobSettings(),
    )

    class Stop(Observer):
        def on_transition(self, transition: Transition) -> None:
            if transition.after == "running":
                asyncio.get_running_loop().call_soon(tasks[0].cancel)

    async def stopped() -> None:
        tasks.append(asyncio.ensure_future(run_once(request, Stop())))
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]

    tasks: list[asyncio.Future[RunResult]] = []
    asyncio.run(stopped())
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["state"] == "terminated"


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        report(tmp_path)
