"""Runs with jobs that are restarted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.engine.settings import ISOLATION_VARIABLE
from dx_local.platform.core.states import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.runs.result import RunResult
    from dx_local.platform.core.states import Transition

    MakeApp = Callable[..., Path]

FAILS_TWICE = """
import json
import pathlib
import dxpy

@dxpy.entry_point('main')
def main():
    number = json.loads(pathlib.Path('dnanexus-job.json').read_text())['try']
    print('this is try', number, flush=True)
    assert not pathlib.Path('left').exists()
    pathlib.Path('left').touch()
    if number < 2:
        raise RuntimeError('not yet')
    return {'n': number}

dxpy.run()
"""

FAILS_BELOW = """
import time
import dxpy

@dxpy.entry_point('part')
def part(number):
    if number == 0:
        raise RuntimeError('not yet')
    return {'n': number}

@dxpy.entry_point('sleep')
def sleep():
    time.sleep(600)

@dxpy.entry_point('main')
def main():
    number = dxpy.describe(dxpy.JOB_ID)['try']
    if number == 0:
        dxpy.new_dxjob({}, 'sleep')
    job = dxpy.new_dxjob({'number': number}, 'part')
    job.wait_on_done()
    return {'n': job.get_output_ref('n')}

dxpy.run()
"""

ANY_TWICE = {"executionPolicy": {"restartOn": {"*": 2}}}


class States(Observer):
    """Keeps the states that jobs reach."""

    def __init__(self) -> None:
        self.seen: list[State] = []

    @override
    def on_transition(self, transition: Transition) -> None:
        self.seen.append(transition.after)


def run(app: Path, observer: Observer | None = None) -> RunResult:
    return asyncio.run(run_once(RunRequest(app, GivenInputs({}), folder=app / "run"), observer))


def test_a_job_that_fails_is_tried_again_in_a_folder_of_its_own(make_app: MakeApp) -> None:
    states = States()
    result = run(make_app(FAILS_TWICE, outputs={"n": "int"}, runSpec=ANY_TWICE), states)
    assert (result.output, result.job["try"], result.job_count) == ({"n": 2}, 2, 1)
    assert [f"this is try {number}\n" in result.log for number in range(4)] == [True, True, True, False]
    assert states.seen.count(State.RESTARTABLE) == 2
    assert len({path.parent for path in result.log_files}) == 3


def test_a_job_whose_tries_are_used_up_fails_the_run(make_app: MakeApp) -> None:
    once = {"executionPolicy": {"restartOn": {"*": 2}, "maxRestarts": 1}}
    failure = run(make_app(FAILS_TWICE, outputs={"n": "int"}, runSpec=once)).failure
    assert failure is not None
    assert (failure.reason, failure.message) == ("AppInternalError", "RuntimeError: not yet")
    assert "this is try 1" in failure.log_tail


LOSES_ITS_WORKER = """
import json
import os
import pathlib
import time
import dxpy

@dxpy.entry_point('main')
def main():
    if json.loads(pathlib.Path('dnanexus-job.json').read_text())['try'] == 0:
        os.kill(os.getppid(), 9)
        time.sleep(600)

dxpy.run()
"""


@pytest.mark.parametrize(("most", "reason"), [(0, "UnresponsiveWorker"), (1, None)])
def test_a_job_whose_worker_is_lost_can_be_tried_again(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, most: int, reason: str | None
) -> None:
    monkeypatch.setenv(ISOLATION_VARIABLE, "none")  # no job in a sandbox can kill what runs it
    spec = {"executionPolicy": {"restartOn": {"UnresponsiveWorker": most}}}
    failure = run(make_app(LOSES_ITS_WORKER, runSpec=spec)).failure
    assert (failure and failure.reason) == reason


@pytest.mark.parametrize(("entry_points", "jobs"), [("master", 4)])
def test_a_subjob_that_fails_has_its_master_begin_anew(
    make_app: MakeApp, entry_points: str, jobs: int
) -> None:
    spec = {**ANY_TWICE, "restartableEntryPoints": entry_points}
    result = run(make_app(FAILS_BELOW, outputs={"n": "int"}, runSpec=spec))
    assert (result.output, result.job["try"], result.job_count) == ({"n": 1}, 1, jobs)
