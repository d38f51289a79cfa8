"""The jobs of a kept run: their labels, the names by which users choose one, and their logs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from dx_local.engine.history.kept_jobs import choose_job, kept_jobs
from dx_local.engine.history.kept_runs import KeptRun, choose_run
from dx_local.engine.history.run_logs import log_lines
from dx_local.engine.job_labels import job_label, job_path
from dx_local.engine.runs.preparation import RunRequest
from dx_local.engine.runs.run import run_once
from dx_local.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CODE = """
import dxpy, time

@dxpy.entry_point('main')
def main():
    jobs = [dxpy.new_dxjob({'n': n}, 'map') for n in range(2)]
    print('main ends')

@dxpy.entry_point('map')
def map(n):
    process = [dxpy.new_dxjob({'n': n, 'k': k}, 'process') for k in range(3 - n)]
    return {}

@dxpy.entry_point('process')
def process(n, k):
    print('piece', n, k)
    if (n, k) == (0, 1):
        time.sleep(1)
        raise dxpy.AppError('no reads')

dxpy.run()
"""


@pytest.fixture(scope="module")
def run(make_module_app: Callable[..., Path]) -> KeptRun:
    """A failed run with six jobs, two of which have the same label."""
    app = make_module_app(CODE)
    asyncio.run(run_once(RunRequest(app)))
    return choose_run(app)


def test_labels_and_paths_agree_with_those_of_failure_reports(run: KeptRun) -> None:
    with run.opened() as platform:
        jobs = kept_jobs(platform)
        rows = [platform.store.get("job", job.id) for job in jobs]
        assert len(jobs) == 8
        for job, row in zip(jobs, rows, strict=True):
            assert row is not None
            assert (job.label, job.path) == (job_label(platform.store, row), job_path(platform.store, row))


def test_only_the_job_that_failed_by_itself_is_a_cause(run: KeptRun) -> None:
    with run.opened() as platform:
        assert [job.path for job in kept_jobs(platform) if job.is_cause] == ["main → map → process[2]"]


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("map[2]", "main → map[2]"),
        ("map[1]", "main → map"),
        ("process[3]", "main → map → process[3]"),
        ("main → map[2] → process", "main → map[2] → process"),
        ("last", "main → map → process[2]"),
    ],
)
def test_a_job_is_chosen_by_its_label_or_path(run: KeptRun, wanted: str, path: str) -> None:
    with run.opened() as platform:
        jobs = kept_jobs(platform)
    chosen = choose_job(jobs, wanted)
    assert chosen.path == path
    assert choose_job(jobs, chosen.id) == chosen


@pytest.mark.parametrize(
    ("wanted", "message"),
    [("process", "2 jobs have the name"), ("gather", "no job 'gather'"), (f"job-{'x' * 24}", "no job")],
)
def test_a_name_of_no_job_or_of_several_is_an_error(run: KeptRun, wanted: str, message: str) -> None:
    with run.opened() as platform, pytest.raises(UsageError, match=message):
        choose_job(kept_jobs(platform), wanted)


def test_a_log_has_the_output_of_its_job_only(run: KeptRun) -> None:
    texts = [line.text for line in log_lines(run, "process[3]")]
    assert texts[-1] == "piece 0 2"
    assert not any("Logging initialized" in text for text in texts)


def test_the_logs_of_all_jobs_are_labelled(run: KeptRun) -> None:
    lines = list(log_lines(run))
    assert ("main", "main ends") in lines
    assert ("process[2]", "piece 0 1") in lines


def test_the_logs_of_failed_jobs_are_those_of_the_causes(run: KeptRun) -> None:
    assert {line.label for line in log_lines(run, only_failed=True)} == {"process[2]"}
