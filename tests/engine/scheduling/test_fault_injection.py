"""Faults that happen to the jobs of a run."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from dx_local.engine.reports.run_report import FILE_NAME
from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.engine.settings import JobSettings
from dx_local.testing import run_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    MakeApp = Callable[..., Path]

SCATTER = """
import dxpy

@dxpy.entry_point('process')
def process(number):
    return {'n': number}

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({'number': number}, 'process') for number in range(2)]
    return {'numbers': [job.get_output_ref('n') for job in jobs]}

dxpy.run()
"""
RESTARTS = {
    "executionPolicy": {"restartOn": {"SpotInstanceInterruption": 1, "AppInternalError": 1}},
    "restartableEntryPoints": "all",
}


@pytest.fixture(scope="module")
def app(make_module_app: MakeApp) -> Path:
    return make_module_app(SCATTER, outputs={"numbers": "array:int"})


@pytest.mark.parametrize(
    ("fault", "reason", "message"),
    [
        ("fail:process[2]", "AppInternalError", "injected: fail:process[2]"),
        ("kill:process[2]", "AppInternalError", "killed by signal 9"),
        ("timeout:process[2]", "JobTimeoutExceeded", "injected: timeout:process[2]"),
        ("spot:process[2]", "SpotInstanceInterruption", "terminated by the cloud provider"),
        ("oom:process[2]", "AppInsufficientResourceError", "more memory than its limit"),
    ],
)
def test_a_fault_fails_its_job_as_the_platform_would(
    app: Path, tmp_path: Path, fault: str, reason: str, message: str
) -> None:
    run = run_app(app, {}, check=False, folder=tmp_path / "run", inject=[fault])
    cause = json.loads((run.folder / FILE_NAME).read_text())["cause"]
    assert (cause["path"], cause["reason"]) == ("main → process[2]", reason)
    assert message in cause["message"]
    assert f"Injected fault: {fault}" in cause["logTail"]


@pytest.mark.parametrize("kind", ["spot", "kill"])
@pytest.mark.parametrize(("jobs", "tries"), [("process", [2, 2]), ("process[1]", [2, 1])])
def test_a_job_that_can_be_restarted_outlives_a_fault_of_its_first_try(
    make_app: MakeApp, tmp_path: Path, kind: str, jobs: str, tries: list[int]
) -> None:
    app = make_app(SCATTER, outputs={"numbers": "array:int"}, runSpec=RESTARTS)
    run = run_app(app, {}, folder=tmp_path / "run", inject=[f"{kind}:{jobs}"])
    assert run.output == {"numbers": [0, 1]}
    assert json.loads((run.folder / FILE_NAME).read_text())["jobs"]["tries"] == [1, *tries]


def test_a_fault_of_a_later_try_waits_for_it(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(SCATTER, outputs={"numbers": "array:int"}, runSpec=RESTARTS)
    faults = ["spot:process", "fail:process[2]:2", "fail:process[2]:3"]
    run = run_app(app, {}, check=False, folder=tmp_path / "run", inject=faults)
    cause = json.loads((run.folder / FILE_NAME).read_text())["cause"]
    assert cause["message"] == "The job failed (injected: fail:process[2]:3)"


def test_jobs_of_a_restarted_parent_count_as_further_starts(make_app: MakeApp, tmp_path: Path) -> None:
    by_master = {**RESTARTS, "restartableEntryPoints": "master"}
    app = make_app(SCATTER, outputs={"numbers": "array:int"}, runSpec=by_master)
    run = run_app(app, {}, folder=tmp_path / "run", inject=["spot:process[2]"])
    assert (run.output, run.job["try"]) == ({"numbers": [0, 1]}, 1)


class Messages(Observer):
    """Keeps the messages for the user."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @override
    def announce(self, message: str) -> None:
        self.seen.append(message)


def test_a_fault_that_matches_no_job_is_reported(app: Path, tmp_path: Path) -> None:
    settings = JobSettings.from_options({"inject": ["fail:proces[2]", "kill:process:2"]})
    request = RunRequest(app, GivenInputs({}), folder=tmp_path / "run", settings=settings)
    messages = Messages()
    asyncio.run(run_once(request, messages))
    assert {f"warning: --inject {fault} matched no job" for fault in settings.inject} <= {*messages.seen}


TRANSFERS = {
    "python3": """
import dxpy

@dxpy.entry_point('main')
def main(data):
    dxpy.download_dxfile(data, 'here')
    return {'copy': dxpy.dxlink(dxpy.upload_local_file('here'))}

dxpy.run()
""",
    "bash": """
main() {
    dx cat "$data" > here
    dx-jobutil-add-output copy "$(dx upload here --brief)"
}
""",
}


@pytest.mark.parametrize("interpreter", TRANSFERS)
def test_transfers_take_the_time_of_a_slow_link(make_app: MakeApp, tmp_path: Path, interpreter: str) -> None:
    data = tmp_path / "data"
    data.write_bytes(bytes(30_000))
    options: dict[str, Any] = {"inputs": {"data": "file"}, "outputs": {"copy": "file"}}
    app = make_app(TRANSFERS[interpreter], interpreter=interpreter, **options)
    began = time.monotonic()
    run = run_app(app, {"data": data}, folder=tmp_path / "run", inject=["slow-io:main=50KB/s"])
    assert time.monotonic() - began > 2 * 30_000 / 50_000
    assert run.output["copy"].read_bytes() == data.read_bytes()
