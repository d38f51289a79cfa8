"""Resources used by the jobs of a run, by entry point."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.ui.results.summary import usage_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dx_local.engine.runs.result import RunResult

    MakeApp = Callable[..., Path]

MIB = 1 << 20

SCATTERS = """
import pathlib
import dxpy

@dxpy.entry_point('part')
def part(size):
    pathlib.Path('file').write_bytes(bytes(size))
    return {}

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({'size': size << 20}, 'part') for size in (1, 5, 2)]
    return {'n': 1}

dxpy.run()
"""

FAILS_ONCE = """
import json
import pathlib
import dxpy

@dxpy.entry_point('main')
def main():
    number = json.loads(pathlib.Path('dnanexus-job.json').read_text())['try']
    pathlib.Path('file').write_bytes(bytes((5 if number == 0 else 1) << 20))
    if number == 0:
        raise RuntimeError('not yet')
    return {'n': number}

dxpy.run()
"""


def run(app: Path, folder: Path) -> RunResult:
    return asyncio.run(run_once(RunRequest(app, folder=folder)))


def test_jobs_are_told_of_by_entry_point(make_app: MakeApp, tmp_path: Path) -> None:
    result = run(make_app(SCATTERS, outputs={"n": "int"}), tmp_path / "run")
    main, part = result.usage
    assert [(each.function, each.tries) for each in (main, part)] == [("main", 1), ("part", 3)]
    assert main.disk < MIB
    assert 5 * MIB < part.disk < 6 * MIB
    assert part.memory > 10 * MIB


def test_a_line_names_share_and_instance_type(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(
        SCATTERS,
        outputs={"n": "int"},
        runSpec={"systemRequirements": {"*": {"instanceType": "mem2_ssd1_v2_x2"}}},
    )
    result = run(app, tmp_path / "run")
    header, _, line = usage_lines(result.usage)
    assert re.fullmatch(r"  part \(3\)  \S+ MiB, \S+% of mem2_ssd1_v2_x2 +0\.\d\d s +5\.\d MiB", line)
    assert len(header) == len(line)


def test_a_try_that_failed_counts(make_app: MakeApp, tmp_path: Path) -> None:
    policy = {"executionPolicy": {"restartOn": {"AppInternalError": 1}}}
    result = run(make_app(FAILS_ONCE, outputs={"n": "int"}, runSpec=policy), tmp_path / "run")
    (main,) = result.usage
    assert main.tries == 2
    assert main.disk > 5 * MIB


def test_a_job_that_failed_is_told_of(make_app: MakeApp, tmp_path: Path) -> None:
    (main,) = run(make_app(FAILS_ONCE, outputs={"n": "int"}), tmp_path / "run").usage
    assert (main.tries, main.disk > 5 * MIB) == (1, True)


def test_jobs_run_as_the_instance_type_of_their_region(make_app: MakeApp, tmp_path: Path) -> None:
    options = {"aws:us-east-1": {"systemRequirements": {"*": {"instanceType": "mem1_ssd1_v2_x16"}}}}
    app = make_app("true\n", interpreter="bash", regionalOptions=options)
    assert run(app, tmp_path / "run").job["instanceType"] == "mem1_ssd1_v2_x16"
