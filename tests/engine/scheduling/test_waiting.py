"""Jobs that wait for others wake up at once when these end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.testing import Run

    RunApp = Callable[..., Run]
    MakeApp = Callable[..., Path]

LATE = 1.5
"""Seconds; a loop that sleeps for two seconds would be later, by the durations of the jobs here."""

WAITS = """
import subprocess
import sys
import time
import dxpy

@dxpy.entry_point('part')
def part(seconds):
    time.sleep(seconds)
    return {'time': time.time()}

@dxpy.entry_point('main')
def main(seconds, how):
    job = dxpy.new_dxjob({'seconds': seconds}, 'part')
    if how == 'dx wait':
        subprocess.run(['dx', 'wait', job.get_id()], check=True)
    elif how == 'a new Python':
        code = 'import sys, dxpy; dxpy.DXJob(sys.argv[1]).wait_on_done()'
        subprocess.run([sys.executable, '-c', code, job.get_id()], check=True)
    else:
        job.wait_on_done()
    return {'late': time.time() - job.describe()['output']['time']}
"""


@pytest.fixture(scope="module")
def app(make_module_app: MakeApp) -> Path:
    return make_module_app(
        WAITS, name="waits", inputs={"seconds": "float", "how": "string"}, outputs={"late": "float"}
    )


@pytest.mark.parametrize("how", ["wait_on_done", "dx wait", "a new Python"])
def test_whoever_waits_hears_of_the_end_when_it_comes(dx_run: RunApp, app: Path, how: str) -> None:
    assert dx_run(app, {"seconds": 0.2, "how": how}).output["late"] < LATE


@pytest.mark.slow
@pytest.mark.parametrize("how", ["wait_on_done", "dx wait"])
@pytest.mark.parametrize("seconds", [2.1, 4.1])
def test_so_do_those_who_wait_long(dx_run: RunApp, app: Path, how: str, seconds: float) -> None:
    assert dx_run(app, {"seconds": seconds, "how": how}).output["late"] < LATE
