"""Bugs of dx-local and failures of the machine end a run; they never leave it waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from dx_local.engine.runs.inputs import GivenInputs
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.engine.session import Observer
from dx_local.platform.core.states import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.runs.result import RunResult
    from dx_local.platform.core.states import Transition

    MakeApp = Callable[..., Path]

PARENT_AND_CHILD = """
import dxpy

@dxpy.entry_point('part')
def part():
    return {'n': 1}

@dxpy.entry_point('main')
def main():
    return {'n': dxpy.new_dxjob({}, 'part').get_output_ref('n')}
"""


class Clumsy(Observer):
    """Raises an unexpected exception when a job reaches a state."""

    def __init__(self, state: State) -> None:
        self._state = state

    @override
    def on_transition(self, transition: Transition) -> None:
        if transition.after is self._state:
            raise LookupError("clumsy")


def run(app: Path, observer: Observer | None = None) -> RunResult:
    request = RunRequest(app, GivenInputs({}), folder=app / "run")
    return asyncio.run(asyncio.wait_for(run_once(request, observer), 30))


def test_a_job_that_cannot_be_started_for_a_bug_of_ours_fails(make_app: MakeApp) -> None:
    app = make_app(PARENT_AND_CHILD, outputs={"n": "int"})
    failure = run(app, Clumsy(State.RUNNING)).failure
    assert failure is not None
    assert failure.reason == "JMInternalError"
    assert "LookupError('clumsy'). This is a bug in dx-local; see " in failure.message
    assert "Traceback" in (app / "run" / "server.log").read_text()


@pytest.mark.parametrize("state", [State.WAITING_ON_OUTPUT, State.DONE])
def test_a_bug_in_what_follows_from_a_change_keeps_nobody_waiting(make_app: MakeApp, state: State) -> None:
    result = run(make_app(PARENT_AND_CHILD, outputs={"n": "int"}), Clumsy(state))
    assert result.job["state"] in {"done", "failed"}


def test_jobs_fail_where_no_folder_can_be_made_for_them(make_app: MakeApp) -> None:
    app = make_app(PARENT_AND_CHILD, outputs={"n": "int"})
    (app / "run").mkdir()
    (app / "run" / "jobs").write_text("not a folder")
    failure = run(app).failure
    assert failure is not None
    assert failure.reason == "ExecutionError"
    assert failure.message.startswith("The job folder could not be created: ")
