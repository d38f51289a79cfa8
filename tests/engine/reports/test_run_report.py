"""The report of a run: data that fit the published schema, made from the folder of the run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from dx_local.engine.reports.run_report import ReportRequest, report_of
from dx_local.engine.run_folder import reading
from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.engine.settings import JobSettings
from dx_local.errors import UsageError
from dx_local.testing import Run, run_app

if TYPE_CHECKING:
    from dx_local.engine.runs.result import RunResult
    from dx_local.platform.core.states import Transition

SCHEMA = Path(__file__).parents[3] / "docs" / "reference" / "schemas" / "report.schema.json"
SPEC = {
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
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(made)
    assert made["state"] == "done"
    assert made["cause"] is None


def test_the_report_of_a_failed_run_fits_the_schema(failed: Run) -> None:
    made = report(failed.folder)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(made)
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
