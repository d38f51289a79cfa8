"""The facts of runs of thousands of jobs, and the frames drawn from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks.progress import SyntheticRun
from rich.cells import cell_len

from dx_local.platform.core.context import Platform
from dx_local.ui.display.frame import Space, frame
from dx_local.ui.fitting import UNICODE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyntheticRun]:
    """Yield a run of 10,000 `process` jobs: 6,410 are done, 15 run, and one job waits for them all."""
    platform = Platform.open(tmp_path_factory.mktemp("run"))
    run = SyntheticRun(platform, jobs=10_000)
    run.create()
    for number in range(6410):
        run.start(number)
        run.finish(number)
    for number in range(6410, 6425):
        run.start(number)
    yield run
    platform.store.close()


def test_labels_are_numbered_among_siblings(run: SyntheticRun) -> None:
    labels = [job.label for job in run.facts.running.values()]
    assert labels == [f"process[{number}]" for number in range(6411, 6426)]


@pytest.mark.parametrize("columns", [59, 79, 119, 199])
@pytest.mark.parametrize("rows", [6, 18, 38])
def test_no_count_is_cut_at_any_size(run: SyntheticRun, columns: int, rows: int) -> None:
    lines = frame(run.facts, Space(columns, rows, UNICODE))
    assert len(lines) <= rows
    assert all(cell_len(line.plain) <= columns for line in lines)
    text = "\n".join(line.plain for line in lines)
    for count in ("6,410 of 10,002 jobs", "6,410/10,000", "15 running", "waits for 3,590 process"):
        assert count in text


def test_the_rest_of_a_run_is_estimated_from_the_median(run: SyntheticRun) -> None:
    # Each job took 10 s of the run's clock, 3,590 are left, and 16 run at a time.
    assert run.facts.seconds_left == pytest.approx(10 * 3590 / 16)
