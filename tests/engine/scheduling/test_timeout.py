"""Jobs that exceed their time limit."""

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
    from dx_local.platform.core.context import Platform
    from dx_local.platform.core.states import Transition

    MakeApp = Callable[..., Path]

SLEEPS = """
import time
import dxpy

@dxpy.entry_point('part')
def part():
    time.sleep(600)

@dxpy.entry_point('main')
def main(starts_part):
    if starts_part:
        dxpy.new_dxjob({}, 'part')
    else:
        time.sleep(600)

dxpy.run()
"""


class ShortTimeouts(Observer):
    """Shortens the time limit of an entry point, for which the platform has no unit below a minute."""

    def __init__(self, function: str, milliseconds: int) -> None:
        self._function = function
        self._milliseconds = milliseconds

    @override
    def on_open(self, platform: Platform) -> None:
        self._store = platform.store

    @override
    def on_transition(self, transition: Transition) -> None:
        job = self._store.get("job", transition.job)
        if job and transition.after is State.RUNNABLE and job["function"] == self._function:
            self._store.update("job", transition.job, timeout=self._milliseconds)


def run(app: Path, function: str, milliseconds: int = 400) -> RunResult:
    request = RunRequest(app, GivenInputs({"starts_part": function == "part"}), folder=app / "run")
    return asyncio.run(run_once(request, ShortTimeouts(function, milliseconds)))


@pytest.mark.parametrize(
    ("function", "path", "milliseconds", "limit"),
    [("main", "main", 400, "0.4 seconds"), ("part", "main → part", 1000, "1 second")],
)
def test_a_job_that_runs_too_long_fails_the_run(
    make_app: MakeApp, function: str, path: str, milliseconds: int, limit: str
) -> None:
    failure = run(make_app(SLEEPS, inputs={"starts_part": "boolean"}), function, milliseconds).failure
    assert failure is not None
    assert (failure.reason, failure.job_path) == ("JobTimeoutExceeded", path)
    assert failure.message == f"The job ran longer than its time limit of {limit}"
